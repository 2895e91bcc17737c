#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event.h"

// Decides what follows from an event. Pure: no clock, entropy, thread or I/O but reading `facts`; the same
// event, facts and moment give the same outcome.
//
// `rules` are those of controlplane/operations.
//
// The caller applies the changes in the transaction that `facts` reads, commits, and only then lets the
// effects go. An effect may be lost (the process dies after the commit) or done twice: every effect can be
// derived again from what is stored, which is what Started and HostSeen do.
namespace croft::engine {

class Rules;

struct Reply {
  uint64_t ticket = 0;
  absl::StatusOr<Answer> answer;
};
// Everything the sender needs to write a task for the host: secrets are opened there.
struct SendTask {
  std::string host;
  Fencing fencing;
  domain::Step step;
  domain::OperationKind kind = domain::OperationKind::kCreate;
  absl::Time deadline;
  std::string traceparent;  // of the call that began the operation, or empty
  domain::Tenant tenant;
  std::optional<domain::Backup> backup;  // that the step makes, reads or proves
  // Owner and reader role at the source, when the backup is another tenant's.
  std::string backup_owner_role;
  std::string backup_reader_role;
};
struct CancelTask {
  std::string host;
  Fencing fencing;
};
// The agent's report is recorded; it may forget it.
struct AcknowledgeTask {
  std::string host;
  Fencing fencing;
};
// Destroy every copy of the data key of `uid` in the key store, then tell KeyErased, with a signed record of it.
struct EraseKey {
  std::string uid;
  Fencing fencing;
  std::string tenant;   // id
  std::string account;  // what else was destroyed, in lines for the record
};
// The record of it, made at `time`, without its signature.
[[nodiscard]] domain::Erasure RecordOf(const EraseKey& erase, absl::Time time);

// Post Tick{operation} at `time` or later.
struct SetTimer {
  std::string operation;
  absl::Time time;
};
// End the host's session: its identity was revoked.
struct EndSession {
  std::string host;
  std::string reason;
};
// Compare what the host holds with the catalog. One that is lost is made up for by the next.
struct CompareInventory {
  std::string host;
};
using Effect = std::variant<Reply, SendTask, CancelTask, AcknowledgeTask, EraseKey, SetTimer, EndSession,
                            CompareInventory>;

struct Outcome {
  std::vector<catalog::Change> changes;
  std::vector<Effect> effects;
};

struct Moment {
  absl::Time now;
  int64_t epoch = 0;
  domain::SchedulePolicy policy = {};
};

Outcome Decide(const Event& event, catalog::Facts& facts, const Moment& moment, const Rules& rules);

}  // namespace croft::engine
