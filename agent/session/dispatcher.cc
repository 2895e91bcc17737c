// Runs the tasks of the control plane on two pools of threads and sends their results.

#include "agent/session/dispatcher.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/session/inventory_wire.h"
#include "agent/session/recorded_run.h"
#include "agent/session/wire.h"
#include "common/errors.h"
#include "common/log.h"
#include "common/work_scope.h"

namespace croft::agent {
namespace {

void LogEnd(const Task& task, const absl::Status& status, absl::Duration took) {
  const std::string name =
      absl::StrCat(task.fencing.operation, "/", task.fencing.step, "/", task.fencing.attempt);
  const std::string time = absl::FormatDuration(absl::Trunc(took, absl::Milliseconds(1)));
  if (status.ok()) {
    log::Info("task done", {{"task", name}, {"tenant", task.tenant.uid}, {"took", time}});
  } else {
    log::Warning("task failed", {{"task", name},
                                 {"tenant", task.tenant.uid},
                                 {"took", time},
                                 {"reason", DetailsOf(status).reason},
                                 {"error", std::string(status.message())}});
  }
}

v1::ConnectRequest Message(v1::TaskResult result) {
  v1::ConnectRequest message;
  *message.mutable_result() = std::move(result);
  return message;
}

}  // namespace

class Dispatcher::Context final : public TaskContext {
 public:
  Context(Dispatcher& dispatcher, const QueuedTask& queued) : dispatcher_(dispatcher), queued_(queued) {}

  void Report(absl::string_view message) override {
    v1::ConnectRequest request;
    *request.mutable_progress()->mutable_fencing() = ToProto(queued_.task.fencing);
    request.mutable_progress()->set_message(std::string(message));
    dispatcher_.events_.send(std::move(request));
  }

  void HandOver(InventoryTaken part) override { dispatcher_.SendParts(queued_.task.fencing, part); }

  absl::Status KeepGoing() const override { return MayGoOn(queued_, dispatcher_.clock_.Now()); }

 private:
  Dispatcher& dispatcher_;
  const QueuedTask& queued_;
};

Dispatcher::Dispatcher(RunTask run, Journal& journal, const Clock& clock, Events events, PoolSizes sizes)
    : run_(std::move(run)), journal_(journal), clock_(clock), events_(std::move(events)) {
  for (size_t i = 0; i < sizes.quick; ++i) threads_.emplace_back([this] { Work(quick_); });
  for (size_t i = 0; i < sizes.bulk; ++i) threads_.emplace_back([this] { Work(bulk_); });
}

Dispatcher::~Dispatcher() { Stop(); }

Dispatcher::Pool& Dispatcher::PoolOf(const QueuedTask& queued) {
  const bool bulk = KindOf(queued.task.work).pool == TaskPool::kBulk;
  return bulk && !queued.cancelled ? bulk_ : quick_;
}

void Dispatcher::HastenCancelled() {
  std::deque<std::shared_ptr<QueuedTask>> waiting = std::exchange(bulk_.ready, {});
  for (std::shared_ptr<QueuedTask>& queued : waiting) {
    if (queued->cancelled) {
      MakeReady(std::move(queued));
    } else {
      bulk_.ready.push_back(std::move(queued));
    }
  }
}

void Dispatcher::Submit(Task task) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  if (auto ready = queues_.Submit(std::move(task))) MakeReady(std::move(ready));
  HastenCancelled();
}

void Dispatcher::MakeReady(std::shared_ptr<QueuedTask> queued) {
  Pool& pool = PoolOf(*queued);
  pool.ready.push_back(std::move(queued));
  pool.work.NotifyOne();
}

void Dispatcher::Cancel(const Fencing& fencing) {
  MutexLock lock(mutex_);
  queues_.Cancel(fencing);
  HastenCancelled();
}

void Dispatcher::Settle(const Fencing& fencing) {
  if (const absl::Status status = journal_.Settle(KeyOf(fencing)); !status.ok() && !IsAnswer(status))
    Fail(status);
}

void Dispatcher::Refuse(const Fencing& fencing, const absl::Status& why) {
  Send(ResultToProto(fencing, why));
}

absl::StatusOr<std::vector<v1::ConnectRequest>> Dispatcher::Unreported() const {
  CROFT_ASSIGN_OR_RETURN(const std::vector<JournalEntry> entries, journal_.Unsettled());
  std::vector<v1::ConnectRequest> messages;
  for (const JournalEntry& entry : entries) {
    v1::TaskResult result;
    if (!result.ParseFromString(entry.outcome)) continue;
    messages.push_back(Message(std::move(result)));
  }
  return messages;
}

void Dispatcher::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    queues_.StopAll();
    quick_.work.NotifyAll();
    bulk_.work.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Dispatcher::Work(Pool& pool) {
  for (;;) {
    std::shared_ptr<QueuedTask> queued;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && pool.ready.empty()) pool.work.Wait(mutex_);
      if (stopping_) return;
      queued = std::move(pool.ready.front());
      pool.ready.pop_front();
    }
    Perform(*queued);
  }
}

void Dispatcher::Perform(QueuedTask& queued) {
  const WorkScope scope({.operation = queued.task.fencing.operation, .trace_id = queued.task.trace_id});
  std::optional<v1::TaskResult> result = Decide(queued);
  {
    // A repeat that comes from here on finds the outcome in the journal.
    MutexLock lock(mutex_);
    if (result) *result->mutable_fencing() = ToProto(queued.fencing);
    auto next = queues_.Finish(queued);
    if (next && !stopping_) MakeReady(std::move(next));
  }
  if (result) Send(*result);
}

std::optional<v1::TaskResult> Dispatcher::Decide(const QueuedTask& queued) {
  if (std::holds_alternative<InventoryWork>(queued.task.work)) return Inventory(queued);
  absl::StatusOr<std::optional<v1::TaskResult>> result =
      RunRecorded(queued, journal_, [&] { return Run(queued); });
  if (result.ok()) return *std::move(result);
  Fail(result.status());
  return std::nullopt;
}

// It changes nothing and its answer ages: it is taken anew each time, and never remembered.
std::optional<v1::TaskResult> Dispatcher::Inventory(const QueuedTask& queued) {
  Context context(*this, queued);
  const absl::StatusOr<Outcome> outcome = run_(queued.task, context);
  if (outcome.ok()) {
    auto taken = std::get<InventoryTaken>(*outcome);
    const auto positions = journal_.Positions();
    if (!positions.ok()) {
      Fail(positions.status());
      return std::nullopt;
    }
    for (const auto& [uid, position] : *positions)
      taken.positions.push_back({uid, position.epoch, position.order});
    SendParts(queued.task.fencing, taken);
  }
  return ResultToProto(queued.task.fencing, outcome);
}

void Dispatcher::SendParts(const Fencing& fencing, const InventoryTaken& found) {
  for (v1::Inventory& part : InventoryParts(fencing, found)) {
    v1::ConnectRequest message;
    part.set_highest_epoch(journal_.HighestEpoch());
    *message.mutable_inventory() = std::move(part);
    events_.send_part(std::move(message));
  }
}

absl::StatusOr<Outcome> Dispatcher::Run(const QueuedTask& queued) {
  Context context(*this, queued);
  const absl::Time start = clock_.Now();
  const absl::Status go = context.KeepGoing();
  absl::StatusOr<Outcome> outcome = go.ok() ? run_(queued.task, context) : go;
  LogEnd(queued.task, outcome.status(), clock_.Now() - start);
  return outcome;
}

void Dispatcher::Send(const v1::TaskResult& result) { events_.send(Message(result)); }

void Dispatcher::Fail(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    if (std::exchange(failed_, true)) return;
  }
  events_.fatal(status);
}

}  // namespace croft::agent
