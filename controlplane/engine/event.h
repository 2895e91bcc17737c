#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/domain/audit.h"
#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/erasure.h"
#include "controlplane/domain/fleet_repair.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/inventory.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/schedule.h"
#include "controlplane/domain/tenant.h"
#include "controlplane/domain/tenant_update.h"
#include "controlplane/domain/user.h"

// What happens to the control plane. Everything random or secret (ids, sealed passwords, verifiers, wrapped
// keys) is made before an event enters the engine, so that deciding is a pure function.
namespace croft::engine {

// Who asks, for the audit and for request ids.
struct Caller {
  std::string name;    // principal, such as "admin"
  std::string peer;    // address
  std::string method;  // "TenantService/CreateTenant"
  std::string request_id;
  std::string payload_hash;  // of the parsed request without its request_id
  bool validate_only = false;
  std::string traceparent;  // of W3C's form, or empty
  std::string parent;       // id of the operation whose child is begun; empty for most
};

// --- Requests. `operation` is a fresh id, used when the request begins one. `etag`, when not empty, must
// --- be the resource's version in decimal.

struct CreateTenant {
  std::string operation;
  // Carries id, uid, role names, credentials (all published) and what the caller chose; the rest is
  // decided.
  domain::Tenant tenant;
  std::map<std::string, std::string> host_selector;
  bool if_missing = false;
};

struct UpdateTenant {
  std::string operation;
  std::string tenant;
  std::string etag;
  domain::TenantUpdate update;
  bool confirmed = false;  // the caller repeated the tenant's name
};
struct SuspendTenant {
  std::string operation;
  std::string tenant;
  std::string etag;
  domain::SuspendMode mode = domain::SuspendMode::kBlocked;
};
struct ResumeTenant {
  std::string operation;
  std::string tenant;
  std::string etag;
};

// A backup that may be made: its id, and its own key wrapped by the data key of `tenant_uid`.
struct PreparedBackup {
  std::string id;
  std::string tenant_uid;
  std::string wrapped_key;
};

struct RetireTenant {
  std::string operation;
  std::string tenant;
  std::string etag;
  absl::Duration grace = absl::Hours(7 * 24);
  bool confirmed = false;
  PreparedBackup final_backup;
};
struct UndeleteTenant {
  std::string operation;
  std::string tenant;
  std::string etag;
};
struct PurgeTenant {
  std::string operation;
  std::string tenant;
  std::string etag;
  std::string waiver;
  std::string
      accepted_backup;  // id or given name of the final backup, whose being incomplete the caller accepts
  bool confirmed = false;
};
struct RestoreTenant {
  std::string operation;
  std::string tenant;
  std::string etag;
  std::string backup;  // id or given name
  std::string host;    // empty: chosen
  bool allow_incomplete = false;
  std::vector<std::string> only;  // patterns of tables and schemas; with `as_new` alone; empty: all
  std::string copy;               // store of the copy that is meant, by id or name; empty: chosen
  // Restore as new: id, uid, role names and credentials; the rest is taken from the source.
  std::optional<domain::Tenant> as_new;
};
// A tenant from an archive that was uploaded to a store of `host`, as its first backup.
struct ImportTenant {
  std::string operation;
  domain::Tenant tenant;  // as in CreateTenant
  std::map<std::string, std::string> host_selector;
  std::string host;  // empty: chosen; for a dry run alone, which has no backup either
  domain::Backup backup;
  bool allow_incomplete = false;
};
struct UndoRestore {
  std::string operation;
  std::string tenant;
  std::string etag;
  std::string database;  // one of those that are kept; empty: the one replaced last
};
struct RotateCredentials {
  std::string operation;
  std::string tenant;
  std::string etag;
  absl::Duration overlap = absl::Minutes(5);
  // One for each role, without a login name.
  std::vector<domain::Credential> credentials;
};
struct CreateBackup {
  std::string operation;
  std::string tenant;
  domain::BackupOrigin origin = domain::BackupOrigin::kManual;
  absl::Duration max_duration;  // zero is the agent's default
  PreparedBackup backup;
  std::string given_name;
  std::string note;
};
struct VerifyBackup {
  std::string operation;
  std::string tenant;
  std::string backup;  // id or given name
  std::string copy;    // store of the copy that is meant, by id or name; empty: the backup's own
};
struct CopyBackup {
  std::string operation;
  std::string tenant;
  std::string backup;    // id or given name
  std::string to_store;  // id or name
};
struct DeleteBackup {
  std::string operation;
  std::string tenant;
  std::string backup;  // id or given name
  std::string etag;
};
// Of these, too, `backup` may be a given name.
struct HoldBackup {
  std::string tenant;
  std::string backup;
  std::string etag;
  std::string reason;
};
struct ReleaseBackup {
  std::string tenant;
  std::string backup;
  std::string etag;
};
// Its data is about to leave the system: changes nothing, and is audited.
struct ExportBackup {
  std::string tenant;
  std::string backup;
};
struct CancelOperation {
  std::string operation;
};
struct StartCampaign {
  std::string operation;
  domain::OperationKind child_kind = domain::OperationKind::kBackUp;
  std::string host;    // id; empty: the whole fleet
  std::string filter;  // of the API, for tenants
  int32_t width = 1;
  int32_t max_failures = 1;
  absl::Duration overlap;
  int32_t total = 0;  // tenants that are selected now
};
// Brings what a check of the fleet found to what the catalog says (domain::FleetRepair). Refused where it is not
// called for any more.
struct RepairTenant {
  std::string operation;
  domain::FleetRepair repair;
};

struct UpdateHost {
  std::string host;
  std::string etag;
  std::optional<std::map<std::string, std::string>> labels;
  std::map<std::string, std::optional<std::string>> label_edits;
  std::optional<domain::HostLimits> limits;
  std::optional<int32_t> limit_databases;
  std::optional<int32_t> limit_connections;
  std::optional<int64_t> limit_reserve_bytes;
};
struct CordonHost {
  std::string host;
  bool cordoned = true;
};
struct RemoveHost {
  std::string host;
  std::string etag;
};
struct AcceptMissingHost {
  std::string host;
};
struct AcceptHostIdentity {
  std::string host;
  std::string system_identifier;
};
struct CreateJoinToken {
  std::string host;
  std::string uid;  // for a host that is new
  std::string secret_hash;
  absl::Time expire_time;
  std::vector<std::string> server_names;
};
// An agent trades its token. The caller is not a principal yet.
struct JoinHost {
  std::string host;
  std::string secret_hash;
  std::string fingerprint;  // of the certificate that was signed for it
};
// An agent's certificate was renewed.
struct RenewHost {
  std::string host;
  std::string old_fingerprint;
  std::string fingerprint;
};

struct CreatePrincipal {
  std::string principal;
  std::string uid;
  std::string display_name;
};
struct DeletePrincipal {
  std::string principal;
  std::string etag;
};
struct CreateToken {
  std::string principal;
  domain::AccessToken token;  // its create_time is decided
};
struct RevokeToken {
  std::string principal;
  std::string token;
};
// A client certificate that was signed for the principal.
struct AddCertificate {
  std::string principal;
  domain::UserCertificate certificate;
};
struct RemoveCertificate {
  std::string principal;
  std::string fingerprint;
};
struct BindRole {
  std::string principal;
  domain::Binding binding;
};
struct UnbindRole {
  std::string principal;
  domain::Binding binding;
};
// Makes the policy where there is none, or changes single fields of it.
struct SetBackupPolicy {
  std::string policy;  // id
  std::string etag;
  std::optional<std::map<std::string, std::string>> selector;
  std::optional<int32_t> priority;
  domain::TenantUpdate rules;  // of which only what is in BackupRules
};
struct DeleteBackupPolicy {
  std::string policy;
  std::string etag;
};
// What the control plane saw of calls that change nothing. Answered when it is durable; its own call is not
// recorded, and it has no request id.
struct RecordCalls {
  struct TokenUse {
    std::string principal;
    std::string token;
    absl::Time time;
  };
  std::vector<domain::AuditEvent> events;  // a time that is not set is decided
  std::vector<TokenUse> token_uses;
};

// The size of a tenant's database was looked at, and may lead to another storage level, or to closing it for growth or
// opening it. Croft's own.
struct JudgeStorage {
  std::string operation;
  std::string tenant;
  int64_t generation = 0;  // of the database
  int64_t size_bytes = 0;
};

// --- What only schedules ask for.

// The next copy that the tenant's policy asks for and that is not there.
struct CopyBackups {
  std::string operation;
  std::string tenant;
};

struct CompareHost {
  std::string host;
};
// Nothing where the tenant has no usable backup.
struct ProveNewestBackup {
  std::string operation;
  std::string tenant;
};
struct PruneOperations {};
struct PruneBackups {
  std::string operation;
  std::string tenant;
};
struct PruneRequests {};
// Nothing to cut when `cut` is not set.
struct PruneAudit {
  std::optional<domain::AuditCheckpoint> cut;
};
struct PruneEvents {};
// Has the schedules of the next tenants follow the policies that were changed.
struct FollowPolicies {};

// What a campaign asks for one tenant: a request as its caller would make it, or why it could not be made.
using ChildRequest = std::variant<CreateBackup, ProveNewestBackup, RotateCredentials>;
struct CampaignChild {
  std::string tenant;
  absl::StatusOr<ChildRequest> request;
};
// Begins a campaign's next children, as many as its width allows.
struct ContinueCampaign {
  std::string operation;
  // Up to which id tenants were taken when these were chosen. Where that is another one now, `next` is left alone.
  std::string taken_up_to;
  std::vector<CampaignChild> next;     // the tenants behind it, in the order of ids
  std::string looked_up_to;            // id; there is none up to here that is not among `next`
  bool all = false;                    // there is none behind it either
  std::vector<CampaignChild> waiting;  // some of those that wait, in their order
};

using RequestBody =
    std::variant<CreateTenant, UpdateTenant, SuspendTenant, ResumeTenant, RetireTenant, UndeleteTenant,
                 PurgeTenant, RestoreTenant, ImportTenant, UndoRestore, RotateCredentials, CreateBackup,
                 VerifyBackup, CopyBackup, DeleteBackup, HoldBackup, ReleaseBackup, ExportBackup,
                 CancelOperation, UpdateHost, CordonHost, RemoveHost, AcceptMissingHost, AcceptHostIdentity,
                 CreateJoinToken, JoinHost, RenewHost, RepairTenant, CreatePrincipal, DeletePrincipal,
                 CreateToken, RevokeToken, AddCertificate, RemoveCertificate, BindRole, UnbindRole,
                 RecordCalls, JudgeStorage, CompareHost, ProveNewestBackup, CopyBackups, PruneBackups,
                 PruneOperations, PruneRequests, PruneAudit, PruneEvents, StartCampaign, ContinueCampaign,
                 SetBackupPolicy, DeleteBackupPolicy, FollowPolicies>;

struct Request {
  uint64_t ticket = 0;  // names the one who waits for the Reply
  Caller caller;
  RequestBody body;
};

// --- What agents report.

// Which command a report answers.
struct Fencing {
  int64_t epoch = 0;
  int64_t order = 0;
  std::string operation;
  int32_t step = 0;
  int32_t attempt = 0;

  friend bool operator==(const Fencing&, const Fencing&) = default;
};

struct TaskDone {
  std::string message;
};
struct BackedUp {
  int64_t size_bytes = 0;
  std::string sha256;
  std::string server_version;
  int64_t table_count = 0;
  int64_t row_count = 0;
  domain::Findings findings;
  int64_t database_bytes = 0;  // 0: the agent does not say
};
struct Verified {
  int64_t table_count = 0;
  int64_t row_count = 0;
  domain::Findings findings;
};
struct Restored {
  int64_t table_count = 0;
  int64_t row_count = 0;
  domain::Findings findings;
};
// Why a task failed; agent.proto says what each means. kOutage alone may repeat without end: it is what the agent's own
// session sees, so no tenant can make it.
enum class Cause { kRefusal, kResource, kOutage };
struct TaskError {
  std::string reason;
  std::string message;
  bool retryable = false;
  Cause cause = Cause::kRefusal;
  domain::Findings findings;
};

struct TaskReport {
  std::string host;
  Fencing fencing;
  std::variant<TaskDone, BackedUp, Verified, Restored, TaskError> outcome;
};
struct TaskProgress {
  std::string host;
  Fencing fencing;
  std::string message;
};

// An agent opened a session. Everything that was sent before must be sent again.
struct HostSeen {
  std::string host;
  domain::HostReport report;
};
// A later report of an open session, when it says something new.
struct HostReported {
  std::string host;
  domain::HostReport report;
};
// An agent has shown all that it holds. Told of hosts that are unconfirmed, or whose tenants are.
struct HostFound {
  domain::Inventory inventory;
  std::map<std::string, std::string>
      tenants;                    // uid -> id, of those that the inventory names; tombstones too
  std::set<std::string> drifted;  // logins whose password is another one than lookups hand out
};
// The session ended, or its agent was silent too long.
struct HostLost {
  std::string host;
  absl::Time last_heard = absl::InfinitePast();
};

// --- The control plane's own.

// A tenant's data key was destroyed everywhere.
struct KeyErased {
  Fencing fencing;
  domain::Erasure record;  // signed
};
// The time that a SetTimer asked for has come.
struct Tick {
  std::string operation;
};
// A schedule's time has come. `request` is what it asks for, with the secrets that this needs; an error where they could
// not be made.
struct ScheduleDue {
  domain::ScheduleKey key;
  absl::StatusOr<RequestBody> request;
};
// Nobody waits for what comes of it: what is refused is looked at again with the next size.
struct StorageMeasured {
  JudgeStorage request;
};
// The operator has changed the policy of schedules: it is another in the Moment from now on.
struct PolicyChanged {};
// First event after the process started.
struct Started {};

using Event = std::variant<Request, TaskReport, TaskProgress, HostSeen, HostReported, HostFound, HostLost,
                           KeyErased, Tick, ScheduleDue, StorageMeasured, PolicyChanged, Started>;

// A token was made, now or by the first call of this request id.
struct TokenMade {
  domain::User user;
  std::string token;  // id; the user may have lost it since
};

// What a request is answered with: the operation that was begun, or the resource as it is now. For what was
// removed, nothing.
using Answer = std::variant<std::monostate, domain::Operation, domain::Tenant, domain::Host, domain::User,
                            TokenMade, domain::Backup, domain::BackupPolicy>;

}  // namespace croft::engine
