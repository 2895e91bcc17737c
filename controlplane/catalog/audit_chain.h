#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/audit.h"

// The audit's chain: a row's hash is SHA-256 over the hash before it and all that the row says, so that a row
// cannot be changed, dropped or moved without every later hash showing it. Keep a head elsewhere, and the end
// cannot be cut off or the whole be written anew unseen either.
namespace croft::catalog {

using domain::AuditHead;

// The row that follows `head`.
[[nodiscard]] domain::AuditRow ChainAudit(const AuditHead& head, const domain::AuditEvent& event);

// OK when `row` follows `head` unchanged; else DATA_LOSS, AUDIT_BROKEN, with the sequence at fault.
[[nodiscard]] absl::Status CheckAuditRow(const AuditHead& head, const domain::AuditRow& row);

// What a checkpoint's signature is made of: all that it says, in words.
[[nodiscard]] std::string TextOf(const domain::AuditCheckpoint& checkpoint);

struct ProvenAudit {
  AuditHead head;  // the newest row that was proven
  std::optional<domain::AuditCheckpoint>
      pruned;  // the rows up to here are gone, by the control plane's own doing
};

// Whether the control plane has signed `text`.
using IsSigned = std::function<bool(absl::string_view text, absl::string_view signature)>;

// Where the audit begins: its cut, or nothing. DATA_LOSS, AUDIT_BROKEN, when the cut is nobody's.
[[nodiscard]] absl::StatusOr<ProvenAudit> BeginningOfAudit(Catalog& catalog, const IsSigned& is_signed);

// Reads the whole audit, from where it was cut. `anchors` are heads that were noted before: their rows must still be
// there, unless they are older than the cut. DATA_LOSS, AUDIT_BROKEN, names the first row that was changed, dropped or
// moved, or says that the cut is nobody's. CANCELLED when `stopped`, which is asked now and then, says so.
[[nodiscard]] absl::StatusOr<ProvenAudit> VerifyAudit(Catalog& catalog,
                                                      const std::vector<AuditHead>& anchors,
                                                      const IsSigned& is_signed,
                                                      const std::function<bool()>& stopped);

// The same of an audit that was never cut; one that was is broken.
[[nodiscard]] absl::StatusOr<AuditHead> VerifyAuditChain(
    Catalog& catalog, const std::vector<AuditHead>& anchors,
    const std::function<bool()>& stopped = [] { return false; });

}  // namespace croft::catalog
