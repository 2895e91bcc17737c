#include "agent/session/dispatcher.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/session/wire.h"
#include "common/errors.h"
#include "common/log.h"

namespace croft::agent {
namespace {

TaskKey KeyOf(const Fencing& fencing) { return {fencing.operation, fencing.step, fencing.attempt}; }
Position PositionOf(const Fencing& fencing) { return {fencing.epoch, fencing.order}; }

bool IsBulk(const Work& work) {
  return std::holds_alternative<BackUpWork>(work) || std::holds_alternative<VerifyWork>(work) ||
         std::holds_alternative<RestoreWork>(work);
}

// Whether `newer` takes the place of `older`, both of one tenant.
bool Supersedes(const Fencing& newer, const Fencing& older) {
  if (PositionOf(newer) > PositionOf(older)) return true;
  return newer.operation == older.operation && newer.step == older.step && newer.attempt > older.attempt;
}

// The kinds of refusal that say nothing against the disk.
bool IsAnswer(const absl::Status& status) {
  const std::string reason = DetailsOf(status).reason;
  return reason == "STALE_COMMAND" || reason == "DISK_FULL";
}

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

struct Dispatcher::Entry {
  explicit Entry(Task given) : task(std::move(given)), fencing(task.fencing) {}

  const Task task;
  // Guarded by the dispatcher's mutex. Of the newest dispatch: a control plane that has taken over sends the same task under its own epoch.
  Fencing fencing;
  std::atomic<bool> cancelled{false};
  std::atomic<bool> stopping{false};
};

class Dispatcher::Context final : public TaskContext {
 public:
  Context(Dispatcher& dispatcher, const Entry& entry) : dispatcher_(dispatcher), entry_(entry) {}

  void Report(absl::string_view message) override {
    v1::ConnectRequest request;
    *request.mutable_progress()->mutable_fencing() = ToProto(entry_.task.fencing);
    request.mutable_progress()->set_message(std::string(message));
    dispatcher_.events_.send(std::move(request));
  }

  absl::Status KeepGoing() const override {
    if (entry_.stopping) return Stopped("the agent is stopping", "AGENT_STOPPING");
    if (entry_.cancelled) return Stopped("cancelled on request", "CANCELLED");
    if (dispatcher_.clock_.Now() >= entry_.task.deadline) {
      return MakeError(absl::StatusCode::kDeadlineExceeded, "the task's time is up",
                       {.reason = "DEADLINE_EXCEEDED"});
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status Stopped(absl::string_view message, std::string reason) {
    return MakeError(absl::StatusCode::kCancelled, message, {.reason = std::move(reason)});
  }

  Dispatcher& dispatcher_;
  const Entry& entry_;
};

Dispatcher::Dispatcher(RunTask run, Journal& journal, const Clock& clock, Events events, PoolSizes sizes)
    : run_(std::move(run)), journal_(journal), clock_(clock), events_(std::move(events)) {
  for (size_t i = 0; i < sizes.quick; ++i) threads_.emplace_back([this] { Work(quick_); });
  for (size_t i = 0; i < sizes.bulk; ++i) threads_.emplace_back([this] { Work(bulk_); });
}

Dispatcher::~Dispatcher() { Stop(); }

Dispatcher::Pool& Dispatcher::PoolOf(const Task& task) { return IsBulk(task.work) ? bulk_ : quick_; }

void Dispatcher::Submit(Task task) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  if (const std::shared_ptr<Entry> known = Find(task.fencing)) {
    known->fencing = task.fencing;
    return;
  }
  const std::string uid = task.tenant.uid;
  auto& queue = tenants_[uid];
  for (const std::shared_ptr<Entry>& other : queue) {
    if (Supersedes(task.fencing, other->task.fencing)) other->cancelled = true;
  }
  queue.push_back(std::make_shared<Entry>(std::move(task)));
  if (queue.size() == 1) MakeReady(queue.front());
}

void Dispatcher::MakeReady(const std::shared_ptr<Entry>& entry) {
  Pool& pool = PoolOf(entry->task);
  pool.ready.push_back(entry);
  pool.work.NotifyOne();
}

std::shared_ptr<Dispatcher::Entry> Dispatcher::Find(const Fencing& fencing) {
  for (const auto& [uid, queue] : tenants_) {
    for (const std::shared_ptr<Entry>& entry : queue) {
      if (KeyOf(entry->task.fencing) == KeyOf(fencing)) return entry;
    }
  }
  return nullptr;
}

void Dispatcher::Cancel(const Fencing& fencing) {
  MutexLock lock(mutex_);
  if (const std::shared_ptr<Entry> entry = Find(fencing)) entry->cancelled = true;
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
    for (const auto& [uid, queue] : tenants_) {
      for (const std::shared_ptr<Entry>& entry : queue) entry->stopping = true;
    }
    quick_.work.NotifyAll();
    bulk_.work.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Dispatcher::Work(Pool& pool) {
  for (;;) {
    std::shared_ptr<Entry> entry;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && pool.ready.empty()) pool.work.Wait(mutex_);
      if (stopping_) return;
      entry = std::move(pool.ready.front());
      pool.ready.pop_front();
    }
    Perform(*entry);
  }
}

void Dispatcher::Perform(Entry& entry) {
  std::optional<v1::TaskResult> result = Decide(entry);
  const std::string& uid = entry.task.tenant.uid;
  {
    // A repeat that comes from here on finds the outcome in the journal.
    MutexLock lock(mutex_);
    if (result) *result->mutable_fencing() = ToProto(entry.fencing);
    auto& queue = tenants_[uid];
    queue.pop_front();
    if (queue.empty()) {
      tenants_.erase(uid);
    } else if (!stopping_) {
      MakeReady(queue.front());
    }
  }
  if (result) Send(*result);
}

std::optional<v1::TaskResult> Dispatcher::Decide(Entry& entry) {
  const Task& task = entry.task;
  if (std::holds_alternative<InventoryWork>(task.work)) {
    // It changes nothing and its answer ages: it is taken anew each time, and never remembered.
    Context context(*this, entry);
    const absl::StatusOr<Outcome> outcome = run_(task, context);
    if (outcome.ok()) {
      v1::ConnectRequest message;
      *message.mutable_inventory() = ToProto(std::get<InventoryTaken>(*outcome));
      events_.send(std::move(message));
    }
    return ResultToProto(task.fencing, outcome);
  }
  const auto recorded = journal_.Accept(KeyOf(task.fencing), PositionOf(task.fencing), task.tenant.uid);
  if (!recorded.ok() && IsAnswer(recorded.status())) return ResultToProto(task.fencing, recorded.status());
  if (!recorded.ok()) {
    Fail(recorded.status());
    return std::nullopt;
  }
  v1::TaskResult result;
  if (*recorded && result.ParseFromString(**recorded)) return result;
  return RunAndRecord(entry);
}

std::optional<v1::TaskResult> Dispatcher::RunAndRecord(Entry& entry) {
  const Fencing& fencing = entry.task.fencing;
  Context context(*this, entry);
  const absl::Time start = clock_.Now();
  const absl::Status go = context.KeepGoing();
  const absl::StatusOr<Outcome> outcome = go.ok() ? run_(entry.task, context) : go;
  LogEnd(entry.task, outcome.status(), clock_.Now() - start);
  // A failure may be this stop's doing.
  if (!outcome.ok() && entry.stopping) return std::nullopt;
  v1::TaskResult result = ResultToProto(fencing, outcome);
  const absl::Status finished = journal_.Finish(KeyOf(fencing), result.SerializeAsString());
  if (!finished.ok() && !IsAnswer(finished)) {
    Fail(finished);
    return std::nullopt;
  }
  return result;
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
