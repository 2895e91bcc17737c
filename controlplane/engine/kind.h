#pragma once

#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/tenant.h"
#include "controlplane/engine/event.h"

// What the engine asks of each kind of operation. The kinds themselves are in controlplane/operations, one file each;
// the engine knows none of them by name.
namespace croft::engine {

class Draft;

// The resource that a request is answered with, by name; empty for none.
using Subject = std::string;

// What an operation lets run beside it on the same tenant.
enum class Hold {
  kExclusive,  // changes the database or its roles: alone, and every one raises the tenant's order
  kShared,     // works on backups: beside others of its sort
  kNone,       // Croft's own, of what nothing else uses any more: beside everything, nobody waits for it
};

// What an operation does to the tenant's backups.
enum class BackupUse { kNone, kReads, kAdds, kCopies, kDeletesOne, kDeletesAll };

// A kind of operation. Functions that are not set have nothing to do. All of them run inside a decision: they change
// the draft and nothing else.
struct Kind {
  domain::OperationKind id = domain::OperationKind::kCreate;
  Hold hold = Hold::kExclusive;
  BackupUse backups = BackupUse::kNone;
  // How long it may try before it fails.
  absl::Duration timeout = absl::Hours(1);
  // Whether its steps can be taken back until the last of them is done. If not, it only goes forward from the start.
  bool revertible = true;
  // In which order they are taken back: the first one first, or the last one.
  bool last_step_back_first = false;
  // Whether it may begin on a tenant that no host has shown since the catalog was restored, once the host is known.
  bool begins_unconfirmed = false;

  // --- How its steps go.

  // Before `step` is sent: brings up to date what was written when the plan was made.
  void (*prepare)(Draft& draft, domain::Operation& operation, domain::Step& step) = nullptr;
  // Whether `step` has to wait until the tenant's exclusive operation has ended.
  bool (*yields)(const domain::Step& step) = nullptr;
  // What makes `error` as good as success: a message for people, or nullopt.
  std::optional<std::string> (*excuses)(const domain::Step& step, const TaskError& error) = nullptr;
  // Whether what `step` would do is done when its host is gone for good.
  bool (*ends_with_host)(const domain::Step& step) = nullptr;
  // Makes true in the catalog what `step`, just done, has made true on the host. Not asked of undo steps.
  void (*apply)(Draft& draft, domain::Operation& operation, const domain::Step& step,
                const TaskReport& report) = nullptr;

  // What a kind that erases keys has destroyed when it comes to that: lines for the record.
  std::string (*account)(Draft& draft, const domain::Operation& operation) = nullptr;

  // --- How it fails.

  // The step that takes back `step`, which was sent; nullopt when there is nothing to take back.
  std::optional<domain::Step> (*undo)(const domain::Operation& operation, const domain::Step& step,
                                      const domain::Tenant& tenant) = nullptr;
  // As it fails, before its undo steps are made.
  void (*fail)(Draft& draft, domain::Operation& operation) = nullptr;
  // After its undo steps: puts the catalog back as it was.
  void (*revert)(Draft& draft, domain::Operation& operation) = nullptr;

  // --- How its children go, where its steps are operations of their own. It has no steps then.

  // Whatever may move it on: it was begun, the process started, somebody cancelled it. Harmless at any time.
  void (*go_on)(Draft& draft, domain::Operation& parent) = nullptr;
  // A child has just ended.
  void (*child_ended)(Draft& draft, domain::Operation& parent, const domain::Operation& child) = nullptr;

  // --- How it is shown.

  // Name of the resource that is worked on; the tenant when this is not set.
  std::string (*target)(const domain::Operation& operation) = nullptr;
  // Name of the resource that comes of it; none when this is not set.
  std::string (*result)(const domain::Operation& operation) = nullptr;
};

// What a decision goes by beside the facts. Immutable and thread-safe.
class Rules {
 public:
  virtual ~Rules() = default;
  virtual const Kind& KindOf(domain::OperationKind kind) const = 0;
  // Checks the request and makes its changes on the draft.
  virtual absl::StatusOr<Subject> Handle(Draft& draft, const Caller& caller,
                                         const RequestBody& body) const = 0;
};

}  // namespace croft::engine
