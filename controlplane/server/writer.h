#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/histogram.h"
#include "common/sync.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"

// The writer thread.
namespace croft::server {

// Who must know of a commit before anybody is told that it happened. Called on the writer thread: must not
// block.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  // A commit with changes begins. OnCommit follows, unless it fails, which ends the writer.
  virtual void OnCommitBegins() {}
  virtual void OnCommit(const std::vector<catalog::Change>& changes, domain::Revision revision) = 0;
};

// The one thread that changes the catalog. It takes what waits, as one batch, into one transaction; decides
// each event on what the ones before it changed; commits once; tells the listener; and only then lets the
// effects go: replies, timers, and effects run by the EffectExecutor. Nothing it has answered can be lost.
class Writer final : public engine::EventQueue {
 public:
  struct Limits {
    size_t batch = 256;
    size_t waiting_requests = 4096;
  };
  // `on_broken` is called when a transaction could not be committed. Nothing is known of the catalog then, so it
  // should end the process; nothing is decided or answered after it.
  using OnBroken = std::function<void(const absl::Status&)>;

  Writer(catalog::Catalog& catalog, const Clock& clock, OnBroken on_broken);
  Writer(catalog::Catalog& catalog, const Clock& clock, OnBroken on_broken, Limits limits,
         const domain::SchedulePolicy& policy = {});
  ~Writer() override;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // For what is decided from now on.
  void SetPolicy(const domain::SchedulePolicy& policy);

  // Begins with engine::Started. What was handed in before waits until now. The arguments outlive Stop.
  void Start(engine::EffectExecutor& effect_executor, CommitListener& listener);
  // Works off what was handed in; whoever asks from now on gets CANCELLED. Returns when the thread has ended.
  void Stop();

  // For how long it has been working on one batch; zero while it waits for the next. Thread-safe.
  absl::Duration BusyFor() const;

  absl::StatusOr<engine::Answer> Call(engine::Caller caller, engine::RequestBody body) override;
  // Progress lines may be dropped when too much waits; everything else is taken.
  void Post(engine::Event event) override;
  void PostAll(std::vector<engine::Event> events) override;

  // --- For measurements. Thread-safe.
  struct Waiting {
    size_t events = 0;
    std::optional<absl::Time> since;  // of the oldest that is not committed yet
  };
  Waiting waiting() const;
  // How long commits took that changed something.
  const Histogram& commits() const { return commits_; }

 private:
  struct Question;
  using Batch = std::vector<engine::Event>;
  struct Posted {
    engine::Event event;
    absl::Time time;
  };

  void Run();
  // What waits and the timers that are due; waits until there is something. Empty at the end.
  Batch Take();
  absl::Status Work(const Batch& batch);
  void Release(engine::Effect effect);
  void Answer(uint64_t ticket, absl::StatusOr<engine::Answer> answer);
  void AnswerAll(const absl::Status& status);

  catalog::Catalog& catalog_;
  const Clock& clock_;
  const OnBroken on_broken_;
  const Limits limits_;
  engine::EffectExecutor* effect_executor_ = nullptr;
  CommitListener* listener_ = nullptr;

  Histogram commits_;

  mutable Mutex mutex_;
  CondVar changed_;
  absl::Time busy_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t next_ticket_ ABSL_GUARDED_BY(mutex_) = 1;
  std::deque<Posted> inbox_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Time> working_since_ ABSL_GUARDED_BY(mutex_);  // when the oldest event at work came
  std::map<uint64_t, std::shared_ptr<Question>> questions_ ABSL_GUARDED_BY(mutex_);
  domain::SchedulePolicy policy_ ABSL_GUARDED_BY(mutex_);

  std::set<std::pair<absl::Time, std::string>> timers_;  // of the writer thread: (when, operation)
  std::thread thread_;
};

}  // namespace croft::server
