#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/domain/audit.h"

// The audit's chain: a row's hash is SHA-256 over the hash before it and all that the row says, so that a row
// cannot be changed, dropped or moved without every later hash showing it. Keep a head elsewhere, and the end
// cannot be cut off or the whole be written anew unseen either.
namespace croft::catalog {

// The newest row's sequence and hash; of an empty audit, 0 and 64 zeros.
struct AuditHead {
  int64_t sequence = 0;
  std::string hash = std::string(64, '0');

  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

// The row that follows `head`.
[[nodiscard]] domain::AuditRow ChainAudit(const AuditHead& head, const domain::AuditEvent& event);

// OK when `row` follows `head` unchanged; else DATA_LOSS, AUDIT_BROKEN, with the sequence at fault.
[[nodiscard]] absl::Status CheckAuditRow(const AuditHead& head, const domain::AuditRow& row);

// Reads the whole audit and answers its head. With `anchor`, a head that was noted before, its row must still
// be there. DATA_LOSS, AUDIT_BROKEN, names the first row that was changed, dropped or moved.
[[nodiscard]] absl::StatusOr<AuditHead> VerifyAuditChain(Catalog& catalog,
                                                         const std::optional<AuditHead>& anchor);

}  // namespace croft::catalog
