#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/domain/audit.h"
#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/erasure.h"
#include "controlplane/domain/fleet_event.h"
#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/revision.h"
#include "controlplane/domain/schedule.h"
#include "controlplane/domain/tenant.h"
#include "controlplane/domain/user.h"

// What is stored, and why.
//
// tenants     the truth of where each tenant lives and what state it is in. A purged tenant's row stays as a
//             tombstone: its uid, order and generation must never be used again.
// hosts       who may speak as a host (fingerprint), what it can hold and what of that is taken. What an agent
//             reports is kept so that a restarted control plane can answer before the agent is back.
// operations  plans and how far they are. Everything that must survive a crash in the middle of work.
// backups     which backups exist and how to open them; the archives themselves lie in stores.
// backup_policies  what tenants that say nothing themselves are backed up by. Few; every decision about a backup reads them.
// principals  people, services and scripts: what they may do, and by which tokens (hashes) and certificates
//             (fingerprints) they are known.
// requests    answers to request ids, so that a repeat has no second effect.
// schedules   when something is next to be done by itself. Those of tenants follow from their rows; they are rows of
//             their own so that a million tenants cost nothing while nothing is due.
// audit       who did what, chained by hashes; and where its oldest rows were cut off.
// events      what happened, for programs that follow it. Written with the change that each tells of, so that none is
//             lost or told twice. A position is given out once, even when the catalog is restored from a copy.
// erasures    the signed record of each purge: all that may be known of a tenant that was erased.
// epoch, revision  the order of everything.
//
// Passwords lie in it sealed, data keys not at all (see keyring).
//
// What was put comes back equal, but that times are kept to the microsecond and durations to the nanosecond
// (rounded down), and that labels, lists and what a task or an operation remembers hold UTF-8.
namespace croft::catalog {

// The answer to a request id of one caller.
struct RequestRecord {
  std::string caller;
  std::string request_id;
  std::string method;
  std::string payload_hash;
  std::string answer;  // resource name: `operations/…`, `tenants/…`, `hosts/…`, `principals/…`
  absl::Time time;

  friend bool operator==(const RequestRecord&, const RequestRecord&) = default;
};

// A new tenant or the whole of a known one. A purged tenant's id may be taken again, with another uid; its
// counters must go on. A uid or an alias that another tenant has makes Commit fail.
struct PutTenant {
  domain::Tenant tenant;
};
struct PutHost {
  domain::Host host;
};
struct DeleteHost {
  std::string id;
};
// A new principal or the whole of a known one. A token or certificate that another one has makes Commit fail.
struct PutUser {
  domain::User user;
};
struct DeleteUser {
  std::string id;
};
// Nothing where the token is gone.
struct NoteTokenUse {
  std::string user;
  std::string token;  // id
  absl::Time time;
};
struct PutOperation {
  domain::Operation operation;
};
struct PutBackup {
  domain::Backup backup;
};
struct DeleteBackup {
  std::string tenant;
  std::string id;
};
// With its steps.
struct DeleteOperation {
  std::string id;
};
struct PutRequest {
  RequestRecord record;
};
struct DeleteRequest {
  std::string caller;
  std::string request_id;
};
struct PutSchedule {
  domain::Schedule schedule;
};
struct DeleteSchedule {
  domain::ScheduleKey key;
};
struct AppendAudit {
  domain::AuditEvent event;
};
// Deletes the rows up to the checkpoint's, which takes the place of the one before it.
struct CutAudit {
  domain::AuditCheckpoint checkpoint;
};
// Its position is above that of all events before it, whatever it says itself.
struct AppendEvent {
  domain::FleetEvent event;
};
// Deletes the events up to the position.
struct CutEvents {
  int64_t position = 0;
};
// A purge has one record, so that one of the same uid takes the place of the one before.
struct PutErasure {
  domain::Erasure erasure;
};
// A new policy or the whole of a known one.
struct PutBackupPolicy {
  domain::BackupPolicy policy;
};
struct DeleteBackupPolicy {
  std::string id;
};
using Change = std::variant<PutTenant, PutHost, DeleteHost, PutUser, DeleteUser, NoteTokenUse, PutOperation,
                            DeleteOperation, PutBackup, DeleteBackup, PutRequest, DeleteRequest,
                            PutSchedule, DeleteSchedule, AppendAudit, CutAudit, AppendEvent, CutEvents,
                            PutErasure, PutBackupPolicy, DeleteBackupPolicy>;

// Events that follow one another.
struct EventRun {
  int32_t count = 0;
  int64_t last = 0;  // position of the last of them

  friend bool operator==(const EventRun&, const EventRun&) = default;
};

// What the engine may ask while it decides. Answers include the changes already applied in the open
// transaction. A failed read answers as if there were nothing and makes Commit fail, so that no decision
// taken on it can take effect.
class Facts {
 public:
  virtual ~Facts() = default;

  virtual std::optional<domain::Tenant> FindTenant(absl::string_view id) = 0;  // tombstones too
  // Id of the tenant, not a tombstone, that holds `alias`.
  virtual std::optional<std::string> FindAlias(absl::string_view alias) = 0;
  virtual std::optional<domain::Host> FindHost(absl::string_view id) = 0;
  // Ordered by id.
  virtual std::vector<domain::Host> Hosts() = 0;
  virtual std::optional<domain::User> FindUser(absl::string_view id) = 0;
  // Id of the one that the certificate stands for.
  virtual std::optional<std::string> FindCertificate(absl::string_view fingerprint) = 0;
  virtual std::optional<domain::Operation> FindOperation(absl::string_view id) = 0;
  // Those that hold or read the tenant and have not ended, oldest first.
  virtual std::vector<domain::Operation> RunningOperationsOfTenant(absl::string_view tenant) = 0;
  // Those whose current step is this host's and that have not ended, oldest first.
  virtual std::vector<domain::Operation> RunningOperationsOnHost(absl::string_view host) = 0;
  virtual std::vector<domain::Operation> RunningOperations() = 0;  // oldest first
  // Those that `caller` began and whose current step is this host's.
  virtual int64_t CountRunningOnHost(absl::string_view host, absl::string_view caller) = 0;
  // The same with those of `kind`, whoever began them.
  virtual int64_t CountRunningOnHost(absl::string_view host, absl::string_view caller,
                                     domain::OperationKind kind) = 0;
  // Backups that hosts which are up make into this store, counted up to `most`.
  virtual int64_t CountBackupsBeingMade(absl::string_view store, int64_t most) = 0;
  // Ids of those that ended before `time`, earliest first.
  virtual std::vector<std::string> OperationsEndedBefore(absl::Time time, int32_t limit) = 0;
  virtual std::optional<domain::Backup> FindBackup(absl::string_view tenant, absl::string_view id) = 0;
  virtual std::vector<domain::Backup> BackupsOfTenant(absl::string_view tenant) = 0;  // newest first
  virtual std::optional<RequestRecord> FindRequest(absl::string_view caller,
                                                   absl::string_view request_id) = 0;
  // Those from before `time`, oldest first.
  virtual std::vector<RequestRecord> RequestsBefore(absl::Time time, int32_t limit) = 0;
  virtual std::optional<domain::Schedule> FindSchedule(const domain::ScheduleKey& key) = 0;
  virtual std::optional<domain::AuditRow> FindAuditRow(int64_t sequence) = 0;
  // The oldest events, up to `limit`, before the first that is not from before `time`.
  virtual EventRun OldestEvents(absl::Time time, int32_t limit) = 0;
  // Tenants placed on the host, tombstones left out.
  virtual int64_t CountTenantsOnHost(absl::string_view host) = 0;
  // All of them, ordered by id.
  virtual std::vector<domain::BackupPolicy> BackupPolicies() = 0;
  // Tenants above `after_id` without their credentials, ordered by id. Tombstones too.
  virtual std::vector<domain::Tenant> TenantsAfter(absl::string_view after_id, int32_t limit) = 0;
};

// The one write transaction. Not thread-safe. Destroyed without Commit it leaves no trace.
class Transaction : public Facts {
 public:
  virtual void Apply(const Change& change) = 0;
  // Durable when it answers. The revision rises by one for each commit that changed anything.
  // ABORTED, reason FENCED: another control plane has taken over. Any error must stop the process: nothing
  // is known of the file's state after a failed fsync.
  virtual absl::StatusOr<domain::Revision> Commit() = 0;
};

struct TenantQuery {
  // Every condition must hold.
  struct Condition {
    enum class Field { kId, kUid, kState, kHost, kCreateTime, kLabel };
    enum class Operator { kEqual, kNotEqual, kHas, kLess, kLessEqual, kGreater, kGreaterEqual };
    Field field = Field::kId;
    std::string label;  // key, for kLabel
    Operator op = Operator::kEqual;
    // kState: as in the API without its prefix; kCreateTime: RFC 3339. kHas of a label with an empty value
    // asks whether the key is there, all other kHas are kEqual. kNotEqual is also true of a label that is not
    // there.
    std::string value;
  };
  std::vector<Condition> conditions;
  bool show_retired = false;
  std::string after_id;  // ids above this one, in order
  int32_t limit = 100;
  // Of tenants looked at for the page, so that it takes milliseconds however few meet the conditions.
  int64_t most_read = 10'000;
};

// May be shorter than its limit, even empty, while there is more.
struct TenantPage {
  std::vector<domain::Tenant> tenants;
  std::optional<std::string> next_after;  // the `after_id` of the next page; absent: there is none
};

// CLEAN_UP operations are left out unless `kind` asks for them.
struct OperationQuery {
  std::optional<std::string> tenant;
  std::optional<std::string> parent;  // id of the one whose children they are
  std::optional<bool> ended;
  std::optional<domain::OperationKind> kind;
  std::optional<domain::OperationState> state;
  // Newest first; below this position.
  std::optional<int64_t> before;
  int32_t limit = 100;
};

struct OperationPage {
  std::vector<domain::Operation> operations;
  std::optional<int64_t> next;
};

struct EventQuery {
  int64_t after = 0;   // events above this position, in order
  std::string tenant;  // id; empty: every tenant's, and those of none
  int32_t limit = 100;
};

// From one state of the catalog: all events above the query's position are in it or behind its last one, if the log does
// not say that some are pruned.
struct EventPage {
  std::vector<domain::FleetEvent> events;
  domain::EventLog log;
};

// A backup's place in lists. With an empty id, before all of them.
struct BackupPosition {
  std::string id;
  std::string tenant;
};

// Thread-safe. Reads see the newest commit and never wait for the writer.
class Catalog {
 public:
  virtual ~Catalog() = default;

  // One at a time, from the writer thread alone.
  virtual absl::StatusOr<std::unique_ptr<Transaction>> Begin() = 0;

  virtual domain::Revision revision() const = 0;
  // Of the newest commit that a read which begins now sees. It can be newer than revision() while a commit ends.
  virtual absl::StatusOr<domain::Revision> CommittedRevision() = 0;

  virtual absl::StatusOr<std::optional<domain::Tenant>> GetTenant(absl::string_view id) = 0;
  // Tombstones too, as long as their id was not taken again.
  virtual absl::StatusOr<std::optional<domain::Tenant>> GetTenantByUid(absl::string_view uid) = 0;
  // Tombstones are never listed; retired ones only with show_retired. INVALID_ARGUMENT, field `filter`, for a
  // condition that has no meaning, such as a state that does not exist.
  virtual absl::StatusOr<TenantPage> ListTenants(const TenantQuery& query) = 0;
  virtual absl::StatusOr<std::optional<domain::Host>> GetHost(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<domain::Host>> ListHosts() = 0;  // by id
  virtual absl::StatusOr<std::optional<domain::User>> GetUser(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<domain::User>> ListUsers() = 0;  // by id
  virtual absl::StatusOr<std::optional<domain::Operation>> GetOperation(absl::string_view id) = 0;
  virtual absl::StatusOr<OperationPage> ListOperations(const OperationQuery& query) = 0;
  virtual absl::StatusOr<std::optional<domain::Backup>> GetBackup(absl::string_view tenant,
                                                                  absl::string_view id) = 0;
  // Newest first, of one id by tenant, after `after` in this order; every tenant's when `tenant` is empty.
  virtual absl::StatusOr<std::vector<domain::Backup>> ListBackups(absl::string_view tenant,
                                                                  const BackupPosition& after,
                                                                  int32_t limit) = 0;
  // Every tenant that is not a tombstone, by id, from one state of the catalog; its revision is returned.
  virtual absl::StatusOr<domain::Revision> ForEachTenant(
      const std::function<void(const domain::Tenant&)>& visit) = 0;
  // The same with what lookups are answered from alone: id, uid, aliases, labels, settings, features, state,
  // suspend_mode, unconfirmed, storage.closed, placement, and of published credentials login, role and sealed_password.
  // Each is written to what `place` answers, over what stands there; all else is left alone. It is whole when `place` is
  // called for the next one, or when this returns. `place` is called on this thread.
  virtual absl::StatusOr<domain::Revision> ReadPlacements(
      const std::function<domain::Tenant&()>& place) = 0;
  virtual absl::StatusOr<int64_t> CountTenants() = 0;            // tombstones left out
  virtual absl::StatusOr<int64_t> CountRunningOperations() = 0;  // CLEAN_UP operations left out
  virtual absl::StatusOr<int64_t> CountUnconfirmedTenants() = 0;
  // Tenants with a storage quota, and those that are closed for growth, without their credentials: those above `after_id`,
  // by id. Tombstones too.
  virtual absl::StatusOr<std::vector<domain::Tenant>> ListStorageLimited(absl::string_view after_id,
                                                                         int32_t limit) = 0;
  virtual absl::StatusOr<std::vector<domain::BackupPolicy>> ListBackupPolicies() = 0;  // by id
  // Schedules whose time is at or before `now`, earliest first.
  virtual absl::StatusOr<std::vector<domain::Schedule>> DueSchedules(absl::Time now, int32_t limit) = 0;
  // Schedules that were refused at least `refusals` times in a row, 1 or more; the most often refused first.
  virtual absl::StatusOr<std::vector<domain::Schedule>> RefusedSchedules(int32_t refusals,
                                                                         int32_t limit) = 0;
  virtual absl::StatusOr<std::optional<domain::Schedule>> GetSchedule(const domain::ScheduleKey& key) = 0;
  // Of the tenant with this uid, or else the newest of those that had this id.
  virtual absl::StatusOr<std::optional<domain::Erasure>> GetErasure(absl::string_view uid_or_id) = 0;
  // Oldest first.
  virtual absl::StatusOr<std::vector<domain::AuditRow>> ListAudit(int64_t after_sequence,
                                                                  int32_t limit) = 0;
  // Newest first, below `sequence`.
  virtual absl::StatusOr<std::vector<domain::AuditRow>> ListAuditBefore(int64_t sequence,
                                                                        int32_t limit) = 0;
  // The audit's head as the newest commit noted it, beside the rows: it shows rows that were cut off at the end.
  virtual absl::StatusOr<domain::AuditHead> RecordedAuditHead() = 0;
  // Where the audit's rows begin; nullopt while none were pruned.
  virtual absl::StatusOr<std::optional<domain::AuditCheckpoint>> GetAuditCheckpoint() = 0;
  virtual absl::StatusOr<EventPage> ListEvents(const EventQuery& query) = 0;
  virtual absl::StatusOr<domain::EventLog> GetEventLog() = 0;
  // The position after which the events of `time` and later come. While the clock was set back, times do not rise with
  // positions: an event of such a time may be missed.
  virtual absl::StatusOr<int64_t> PositionBefore(absl::Time time) = 0;
};

}  // namespace croft::catalog
