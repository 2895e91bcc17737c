#pragma once

#include <functional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

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

// Reads the whole audit and answers its head. `anchors` are heads that were noted before: their rows must still be
// there. DATA_LOSS, AUDIT_BROKEN, names the first row that was changed, dropped or moved. CANCELLED when
// `stopped`, which is asked now and then, says so.
[[nodiscard]] absl::StatusOr<AuditHead> VerifyAuditChain(
    Catalog& catalog, const std::vector<AuditHead>& anchors,
    const std::function<bool()>& stopped = [] { return false; });

}  // namespace croft::catalog
