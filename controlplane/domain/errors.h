#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
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
absl::Status DeleteProtected(absl::string_view id);
// `what` as in "it is purged as soon as it is retired": why the caller must repeat the tenant's name.
absl::Status ConfirmationRequired(absl::string_view id, absl::string_view what);
// A quota that the tenant's host has no room for.
absl::Status QuotaExceedsHost(absl::string_view id, absl::string_view host, int64_t wanted, int64_t left);
absl::Status AliasTaken(absl::string_view alias, absl::string_view holder);
absl::Status RotationUnderWay(absl::string_view id, absl::Time until);

// `database` is the one that was asked for, or empty.
absl::Status NothingKept(absl::string_view id, absl::string_view database);

absl::Status BackupNotFound(absl::string_view name);
absl::Status BackupNotUsable(absl::string_view name, absl::string_view state);
// `objects` names what does not restore.
absl::Status BackupIncomplete(absl::string_view name, absl::string_view objects);
absl::Status BackupDamaged(absl::string_view name);
// `failure` is why the final backup failed, empty when none did; `incomplete` the name of one that is INCOMPLETE, or
// empty. Both decide what is advised.
absl::Status BackupNotProven(absl::string_view tenant, absl::string_view failure = "",
                             absl::string_view incomplete = "");
// The named backup is not the tenant's INCOMPLETE final one, which alone can be accepted.
absl::Status BackupNotAcceptable(absl::string_view name);

// Another backup of the tenant, `holder`, has the name.
absl::Status GivenNameTaken(absl::string_view given_name, absl::string_view holder);
// What is not stored cannot be held.
absl::Status BackupNotHoldable(absl::string_view name, absl::string_view state);
absl::Status BackupHeld(absl::string_view name, const LegalHold& hold);
absl::Status BackupNotHeld(absl::string_view name);
// The tenant cannot be purged while these backups, by name, are held.
absl::Status BackupsHeld(absl::string_view tenant, const std::vector<std::string>& names);

// The tenant was not purged, or its record is not in this catalog.
absl::Status ErasureNotFound(absl::string_view tenant);

// The host has nowhere to put a backup.
absl::Status NoStore(absl::string_view host);

// No host that is left reaches the store.
absl::Status StoreUnreachable(absl::string_view store);
// No host knows a store of this id or name.
absl::Status StoreNotFound(absl::string_view store);
// Hosts reach the store, and none of them another one that holds the backup.
absl::Status NoWayToStore(absl::string_view backup, absl::string_view store);
absl::Status CopyExists(absl::string_view backup, absl::string_view store);
absl::Status CopyNotFound(absl::string_view backup, absl::string_view store);

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

absl::Status BackupPolicyNotFound(absl::string_view id);
absl::Status TooManyBackupPolicies(size_t most);

absl::Status OperationNotFound(absl::string_view id);
absl::Status OperationNotCancellable(absl::string_view id, absl::string_view why);

absl::Status EtagMismatch(absl::string_view name, absl::string_view current);
absl::Status RequestIdReused(absl::string_view request_id);

absl::string_view TenantStateName(TenantState state);  // `READY`, …

}  // namespace croft::domain
