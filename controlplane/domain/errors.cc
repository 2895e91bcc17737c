// Makes the control plane's errors, each with its reason and the next step.

#include "controlplane/domain/errors.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/errors.h"
#include "common/names.h"

namespace croft::domain {
namespace {

absl::Status NotFound(absl::string_view what, absl::string_view reason, absl::string_view key,
                      absl::string_view name) {
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat(what, " ", name, " does not exist"),
                   {.reason = std::string(reason), .metadata = {{std::string(key), std::string(name)}}});
}

absl::Status Precondition(absl::string_view message, absl::string_view reason, ErrorMetadata metadata) {
  return MakeError(absl::StatusCode::kFailedPrecondition, message,
                   {.reason = std::string(reason), .metadata = std::move(metadata)});
}

std::string Time(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

absl::Status TenantNotFound(absl::string_view id) {
  return NotFound("tenant", "TENANT_NOT_FOUND", "tenant", id);
}

absl::Status TenantExists(absl::string_view id, TenantState state) {
  const absl::string_view next =
      state == TenantState::kRetired  ? "; it is retired: undelete it, or purge it to free the id"
      : state == TenantState::kFailed ? "; its creation failed: purge it to free the id"
                                      : "";
  return MakeError(
      absl::StatusCode::kAlreadyExists, absl::StrCat("tenant ", id, " exists already", next),
      {.reason = "TENANT_EXISTS",
       .metadata = {{"tenant", std::string(id)}, {"state", std::string(TenantStateName(state))}}});
}

absl::Status TenantBusy(absl::string_view id, absl::string_view operation) {
  return MakeError(
      absl::StatusCode::kAborted,
      absl::StrCat("tenant ", id, " is held by ", OperationName(operation), "; wait for it or cancel it"),
      {.reason = "TENANT_BUSY",
       .metadata = {{"tenant", std::string(id)}, {"holder", OperationName(operation)}}});
}

absl::Status TenantNotReady(absl::string_view id, TenantState state) {
  return Precondition(absl::StrCat("tenant ", id, " is ", TenantStateName(state), ", not READY"),
                      "TENANT_NOT_READY",
                      {{"tenant", std::string(id)}, {"state", std::string(TenantStateName(state))}});
}

absl::Status TenantSuspended(absl::string_view id) {
  return Precondition(absl::StrCat("tenant ", id, " is suspended; resume it first"), "TENANT_SUSPENDED",
                      {{"tenant", std::string(id)}});
}

absl::Status TenantRetired(absl::string_view id) {
  return Precondition(absl::StrCat("tenant ", id, " is retired; undelete it to use it again"),
                      "TENANT_RETIRED", {{"tenant", std::string(id)}});
}

absl::Status WrongTenantState(absl::string_view id, TenantState state, absl::string_view verb) {
  switch (state) {
    case TenantState::kRetired: return TenantRetired(id);
    case TenantState::kSuspended: return TenantSuspended(id);
    case TenantState::kCreating:
    case TenantState::kFailed: return TenantNotReady(id, state);
    case TenantState::kPurged: return TenantNotFound(id);
    case TenantState::kReady: break;
  }
  return Precondition(absl::StrCat("tenant ", id, " is READY and cannot be ", verb), "WRONG_STATE",
                      {{"tenant", std::string(id)}, {"state", "READY"}, {"verb", std::string(verb)}});
}

absl::Status DeleteProtected(absl::string_view id) {
  return Precondition(
      absl::StrCat("tenant ", id, " is protected; take that off first: croftctl tenant update ", id,
                   " --delete-protection off (UpdateTenant, delete_protection)"),
      "DELETE_PROTECTED", {{"tenant", std::string(id)}});
}

absl::Status ConfirmationRequired(absl::string_view id, absl::string_view what) {
  const std::string name = TenantName(id);
  return Precondition(absl::StrCat(what, ", which cannot be taken back; set confirm to ", name),
                      "CONFIRMATION_REQUIRED",
                      {{"tenant", std::string(id)}, {"field", "confirm"}, {"value", name}});
}

absl::Status QuotaExceedsHost(absl::string_view id, absl::string_view host, int64_t wanted, int64_t left) {
  return Precondition(
      absl::StrCat("host ", host, " has ", left, " connections left for tenant ", id, ", not ", wanted,
                   "; raise the host's limit or restore the tenant on another host"),
      "QUOTA_EXCEEDS_HOST",
      {{"tenant", std::string(id)}, {"host", std::string(host)}, {"left", absl::StrCat(left)}});
}

absl::Status AliasTaken(absl::string_view alias, absl::string_view holder) {
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("alias ", alias, " belongs to tenant ", holder),
                   {.reason = "ALIAS_TAKEN",
                    .metadata = {{"alias", std::string(alias)}, {"tenant", std::string(holder)}}});
}

absl::Status RotationUnderWay(absl::string_view id, absl::Time until) {
  return Precondition(absl::StrCat("the credentials that tenant ", id, " had before still work until ",
                                   Time(until), "; rotate again after that"),
                      "ROTATION_UNDER_WAY", {{"tenant", std::string(id)}, {"until", Time(until)}});
}

absl::Status NothingKept(absl::string_view id, absl::string_view database) {
  const std::string which =
      database.empty() ? "no replaced database" : absl::StrCat("no database ", database);
  return Precondition(
      absl::StrCat(which, " of tenant ", id,
                   " is kept any more: one that a restore in place replaced is dropped after 24 hours"),
      "NOTHING_KEPT", {{"tenant", std::string(id)}, {"database", std::string(database)}});
}

absl::Status BackupNotFound(absl::string_view name) {
  return NotFound("backup", "BACKUP_NOT_FOUND", "backup", name);
}

absl::Status BackupNotUsable(absl::string_view name, absl::string_view state) {
  return Precondition(absl::StrCat("backup ", name, " is ", state,
                                   "; only AVAILABLE, VERIFIED and VERIFIED_WITH_NOTES ones can be used"),
                      "BACKUP_NOT_USABLE", {{"backup", std::string(name)}, {"state", std::string(state)}});
}

absl::Status BackupIncomplete(absl::string_view name, absl::string_view objects) {
  return Precondition(
      absl::StrCat("backup ", name, " is INCOMPLETE: ", objects,
                   " would not be restored; restore the rest with allow_incomplete (--allow-incomplete)"),
      "BACKUP_INCOMPLETE", {{"backup", std::string(name)}, {"objects", std::string(objects)}});
}

absl::Status BackupDamaged(absl::string_view name) {
  return Precondition(
      absl::StrCat("backup ", name,
                   " is DAMAGED: what it restores is not what was backed up; use another one"),
      "BACKUP_DAMAGED", {{"backup", std::string(name)}});
}

absl::Status BackupNotProven(absl::string_view tenant, absl::string_view failure,
                             absl::string_view incomplete) {
  const std::string name(tenant);
  ErrorMetadata metadata = {{"tenant", name}};
  std::string why =
      absl::StrCat("tenant ", tenant, " has no backup that was made after its fence and proven");
  if (!failure.empty()) absl::StrAppend(&why, " (", failure, ")");
  if (!incomplete.empty()) {
    metadata.emplace("backup", incomplete);
    return Precondition(
        absl::StrCat(
            why, "; undelete it, fix what its final backup names and retire it again, or purge it with ",
            "accept_incomplete_backup (--accept-incomplete ", incomplete,
            ") or with a reason (--waive-backup)"),
        "BACKUP_NOT_PROVEN", std::move(metadata));
  }
  const absl::string_view advice =
      failure.empty()
          ? "; retire it again to make one, or purge it with a reason (--waive-backup)"
          : "; undelete it, fix the cause and retire it again, or purge it with a reason (--waive-backup)";
  return Precondition(absl::StrCat(why, advice), "BACKUP_NOT_PROVEN", std::move(metadata));
}

absl::Status BackupNotAcceptable(absl::string_view name) {
  return Precondition(
      absl::StrCat(
          "backup ", name,
          " is not the INCOMPLETE final backup of the tenant's retirement; only that can be accepted"),
      "BACKUP_NOT_ACCEPTABLE", {{"backup", std::string(name)}});
}

absl::Status GivenNameTaken(absl::string_view given_name, absl::string_view holder) {
  return MakeError(
      absl::StatusCode::kAlreadyExists,
      absl::StrCat("backup ", holder, " is called ", given_name, "; take another name, or delete that one"),
      {.reason = "BACKUP_EXISTS", .metadata = {{"backup", std::string(holder)}}});
}

absl::Status BackupNotHoldable(absl::string_view name, absl::string_view state) {
  return Precondition(absl::StrCat("backup ", name, " is ", state, "; only one that is stored can be held"),
                      "BACKUP_NOT_USABLE", {{"backup", std::string(name)}, {"state", std::string(state)}});
}

absl::Status BackupHeld(absl::string_view name, const LegalHold& hold) {
  return Precondition(
      absl::StrCat("backup ", name, " is under legal hold since ", Time(hold.time.value_or(absl::Time())),
                   " by ", hold.caller, " (", hold.reason,
                   "); it stays until an administrator releases it (croftctl backup release)"),
      "BACKUP_HELD", {{"backup", std::string(name)}, {"caller", hold.caller}});
}

absl::Status BackupNotHeld(absl::string_view name) {
  return Precondition(absl::StrCat("backup ", name, " is not under legal hold"), "BACKUP_NOT_HELD",
                      {{"backup", std::string(name)}});
}

absl::Status BackupsHeld(absl::string_view tenant, const std::vector<std::string>& names) {
  constexpr size_t kMostNamed = 10;
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostNamed));
  const std::string listed = absl::StrJoin(names.begin(), end, ", ");
  const std::string more =
      names.size() > kMostNamed ? absl::StrCat(" and ", names.size() - kMostNamed, " more") : "";
  return Precondition(absl::StrCat("tenant ", tenant,
                                   " cannot be purged while backups of it are under legal hold: ", listed,
                                   more, "; an administrator releases them (croftctl backup release)"),
                      "BACKUP_HELD", {{"tenant", std::string(tenant)}, {"backups", listed}});
}

absl::Status ErasureNotFound(absl::string_view tenant) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("there is no erasure record of tenant ", tenant,
                                ": it was not purged, or before this version recorded purges"),
                   {.reason = "ERASURE_NOT_FOUND", .metadata = {{"tenant", std::string(tenant)}}});
}

absl::Status NoStore(absl::string_view host) {
  return Precondition(absl::StrCat("host ", host, " reaches no backup store; start its agent with --store"),
                      "NO_STORE", {{"host", std::string(host)}});
}

absl::Status StoreNotFound(absl::string_view store) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("no host knows a store ", store,
                                "; `croftctl host get` shows the ids and names of each host's stores"),
                   {.reason = "STORE_NOT_FOUND", .metadata = {{"store", std::string(store)}}});
}

absl::Status NoWayToStore(absl::string_view backup, absl::string_view store) {
  return Precondition(absl::StrCat("no host reaches both store ", store, " and a store that holds backup ",
                                   backup, ", with an agent that copies; start one with --store for both"),
                      "STORE_UNREACHABLE",
                      {{"store", std::string(store)}, {"backup", std::string(backup)}});
}

absl::Status CopyExists(absl::string_view backup, absl::string_view store) {
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("backup ", backup, " lies in store ", store, " already"),
                   {.reason = "COPY_EXISTS",
                    .metadata = {{"backup", std::string(backup)}, {"store", std::string(store)}}});
}

absl::Status CopyNotFound(absl::string_view backup, absl::string_view store) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("backup ", backup, " has no whole copy in a store ", store,
                                "; `croftctl backup get` shows its copies"),
                   {.reason = "COPY_NOT_FOUND",
                    .metadata = {{"backup", std::string(backup)}, {"store", std::string(store)}}});
}

absl::Status StoreUnreachable(absl::string_view store) {
  return Precondition(absl::StrCat("no host reaches store ", store, "; start an agent with --store for it"),
                      "STORE_UNREACHABLE", {{"store", std::string(store)}});
}

absl::Status HostNotFound(absl::string_view id) { return NotFound("host", "HOST_NOT_FOUND", "host", id); }

absl::Status HostInUse(absl::string_view id, int64_t tenants) {
  return Precondition(
      absl::StrCat("host ", id, " holds ", tenants, " tenants; purge or restore them elsewhere first"),
      "HOST_IN_USE", {{"host", std::string(id)}, {"tenants", absl::StrCat(tenants)}});
}

absl::Status HostUnreachable(absl::string_view id) {
  return MakeError(absl::StatusCode::kUnavailable, absl::StrCat("host ", id, " is away"),
                   {.reason = "HOST_UNREACHABLE",
                    .metadata = {{"host", std::string(id)}},
                    .retry_delay = absl::Seconds(5)});
}

absl::Status HostNotAway(absl::string_view id) {
  return Precondition(absl::StrCat("host ", id, " is up; only one that is away can be declared missing"),
                      "HOST_UP", {{"host", std::string(id)}});
}

absl::Status HostAwaited(absl::string_view id) {
  return MakeError(absl::StatusCode::kUnavailable,
                   absl::StrCat("the control plane has just started; give host ", id,
                                " half a minute to come back before it is declared missing"),
                   {.reason = "HOST_AWAITED",
                    .metadata = {{"host", std::string(id)}},
                    .retry_delay = absl::Seconds(30)});
}

absl::Status TenantUnconfirmed(absl::string_view id, absl::string_view host) {
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat("the catalog was restored, and host ", host, " has not shown yet that tenant ", id,
                   " lives there as the catalog says; `croftctl admin check-fleet` tells what differs"),
      {.reason = "TENANT_UNCONFIRMED",
       .metadata = {{"tenant", std::string(id)}, {"host", std::string(host)}},
       .retry_delay = absl::Seconds(5)});
}

absl::Status HostMissing(absl::string_view id) {
  return Precondition(absl::StrCat("host ", id, " was declared missing"), "HOST_MISSING",
                      {{"host", std::string(id)}});
}

absl::Status IdentityMismatch(absl::string_view id, absl::string_view reported) {
  return Precondition(
      absl::StrCat("host ", id, " reports system identifier ", reported, "; name that one to accept it"),
      "IDENTITY_MISMATCH", {{"host", std::string(id)}, {"reported", std::string(reported)}});
}

absl::Status NoHostFits(const std::vector<std::string>& reasons) {
  const std::string why =
      reasons.empty() ? "there are no hosts; join one first" : absl::StrJoin(reasons, "; ");
  return Precondition(absl::StrCat("no host fits: ", why), "NO_HOST_FITS", {{"reasons", why}});
}

absl::Status JoinTokenInvalid() {
  return MakeError(absl::StatusCode::kUnauthenticated,
                   "the join token is unknown, used or expired; make a new one with host create-join-token",
                   {.reason = "JOIN_TOKEN_INVALID"});
}

absl::Status CertificateNotCurrent(absl::string_view host) {
  return MakeError(
      absl::StatusCode::kUnauthenticated,
      absl::StrCat("the certificate is not the one that host ", host, " was given last; join it again"),
      {.reason = "CERTIFICATE_NOT_CURRENT", .metadata = {{"host", std::string(host)}}});
}

absl::Status PrincipalNotFound(absl::string_view id) {
  return NotFound("principal", "PRINCIPAL_NOT_FOUND", "principal", id);
}

absl::Status PrincipalExists(absl::string_view id) {
  return MakeError(absl::StatusCode::kAlreadyExists, absl::StrCat("principal ", id, " exists already"),
                   {.reason = "PRINCIPAL_EXISTS", .metadata = {{"principal", std::string(id)}}});
}

absl::Status TokenNotFound(absl::string_view name) {
  return NotFound("token", "TOKEN_NOT_FOUND", "token", name);
}

absl::Status CertificateNotFound(absl::string_view principal, absl::string_view fingerprint) {
  return MakeError(
      absl::StatusCode::kNotFound,
      absl::StrCat("principal ", principal, " has no certificate ", fingerprint),
      {.reason = "CERTIFICATE_NOT_FOUND",
       .metadata = {{"principal", std::string(principal)}, {"fingerprint", std::string(fingerprint)}}});
}

absl::Status CertificateTaken(absl::string_view holder) {
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("this certificate stands for principal ", holder, " already"),
                   {.reason = "CERTIFICATE_TAKEN", .metadata = {{"principal", std::string(holder)}}});
}

absl::Status BindingNotFound(absl::string_view principal) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("principal ", principal,
                                " has no such binding: role and scope must be those it was bound with"),
                   {.reason = "BINDING_NOT_FOUND", .metadata = {{"principal", std::string(principal)}}});
}

absl::Status TooManyOf(absl::string_view what, absl::string_view principal, size_t most) {
  return Precondition(
      absl::StrCat("principal ", principal, " has ", most, " ", what, " already; take one away first"),
      "TOO_MANY",
      {{"principal", std::string(principal)}, {"what", std::string(what)}, {"most", absl::StrCat(most)}});
}

absl::Status BackupPolicyNotFound(absl::string_view id) {
  return NotFound("backup policy", "BACKUP_POLICY_NOT_FOUND", "backup_policy", id);
}

absl::Status TooManyBackupPolicies(size_t most) {
  return Precondition(absl::StrCat("there are ", most, " backup policies already; delete one first"),
                      "TOO_MANY", {{"what", "backup policies"}, {"most", absl::StrCat(most)}});
}

absl::Status OperationNotFound(absl::string_view id) {
  return NotFound("operation", "OPERATION_NOT_FOUND", "operation", id);
}

absl::Status OperationNotCancellable(absl::string_view id, absl::string_view why) {
  return Precondition(absl::StrCat(OperationName(id), " cannot be cancelled: ", why),
                      "OPERATION_NOT_CANCELLABLE",
                      {{"operation", OperationName(id)}, {"why", std::string(why)}});
}

absl::Status EtagMismatch(absl::string_view name, absl::string_view current) {
  return MakeError(absl::StatusCode::kAborted, absl::StrCat(name, " was changed meanwhile; read it again"),
                   {.reason = "ETAG_MISMATCH",
                    .metadata = {{"name", std::string(name)}, {"current", std::string(current)}}});
}

absl::Status RequestIdReused(absl::string_view request_id) {
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("request_id: ", request_id, " was used for another request; make a new one"),
      {.reason = "REQUEST_ID_REUSED",
       .metadata = {{"request_id", std::string(request_id)}},
       .violations = {{"request_id", "was used for another request; make a new one"}}});
}

absl::string_view TenantStateName(TenantState state) {
  switch (state) {
    case TenantState::kCreating: return "CREATING";
    case TenantState::kReady: return "READY";
    case TenantState::kSuspended: return "SUSPENDED";
    case TenantState::kRetired: return "RETIRED";
    case TenantState::kFailed: return "FAILED";
    case TenantState::kPurged: return "PURGED";
  }
  return "";
}

}  // namespace croft::domain
