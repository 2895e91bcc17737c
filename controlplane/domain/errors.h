#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/tenant.h"

// The errors of the control plane by resource. Each says what happened and what to do next; the reason and
// the dynamic values are in the details (common/errors.h).
namespace croft::domain {

absl::Status TenantNotFound(absl::string_view id);
absl::Status TenantExists(absl::string_view id, TenantState state);
absl::Status TenantBusy(absl::string_view id, absl::string_view operation);
absl::Status TenantNotReady(absl::string_view id, TenantState state);
absl::Status TenantSuspended(absl::string_view id);
absl::Status TenantRetired(absl::string_view id);
// `verb` as in "suspended"; the tenant's state does not allow it.
absl::Status WrongTenantState(absl::string_view id, TenantState state, absl::string_view verb);
// After the catalog was restored: where the tenant lives has yet to be shown.
absl::Status TenantUnconfirmed(absl::string_view id, absl::string_view host);
absl::Status AliasTaken(absl::string_view alias, absl::string_view holder);
absl::Status RotationUnderWay(absl::string_view id, absl::Time until);

absl::Status BackupNotFound(absl::string_view name);
absl::Status BackupNotUsable(absl::string_view name, absl::string_view state);
absl::Status BackupNotProven(absl::string_view tenant);

// The host has nowhere to put a backup.
absl::Status NoStore(absl::string_view host);

// No host that is left reaches the store.
absl::Status StoreUnreachable(absl::string_view store);

absl::Status HostNotFound(absl::string_view id);
absl::Status HostInUse(absl::string_view id, int64_t tenants);
absl::Status HostUnreachable(absl::string_view id);
absl::Status HostNotAway(absl::string_view id);
absl::Status HostAwaited(absl::string_view id);
absl::Status HostMissing(absl::string_view id);
absl::Status IdentityMismatch(absl::string_view id, absl::string_view reported);
// `reasons` are sentences, one a kind of reason.
absl::Status NoHostFits(const std::vector<std::string>& reasons);
absl::Status JoinTokenInvalid();
absl::Status CertificateNotCurrent(absl::string_view host);

absl::Status PrincipalNotFound(absl::string_view id);
absl::Status PrincipalExists(absl::string_view id);
absl::Status TokenNotFound(absl::string_view name);
absl::Status CertificateNotFound(absl::string_view principal, absl::string_view fingerprint);
absl::Status CertificateTaken(absl::string_view holder);
absl::Status BindingNotFound(absl::string_view principal);
// `what` as in "tokens"; a principal has at most `most` of them.
absl::Status TooManyOf(absl::string_view what, absl::string_view principal, size_t most);

absl::Status OperationNotFound(absl::string_view id);
absl::Status OperationNotCancellable(absl::string_view id, absl::string_view why);

absl::Status EtagMismatch(absl::string_view name, absl::string_view current);
absl::Status RequestIdReused(absl::string_view request_id);

absl::string_view TenantStateName(TenantState state);  // `READY`, …

}  // namespace croft::domain
