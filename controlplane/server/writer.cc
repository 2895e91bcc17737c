// The writer thread: takes events in batches, decides, commits, replies.

#include "controlplane/server/writer.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/log.h"
#include "controlplane/operations/rules.h"

namespace croft::server {
namespace {

constexpr absl::Duration kLongestWait = absl::Minutes(1);  // the wall clock may be set back or forth

absl::Status Ending() {
  return MakeError(absl::StatusCode::kCancelled, "the control plane is ending; ask again when it is back",
                   {.reason = "SHUTTING_DOWN", .retry_delay = absl::Seconds(1)});
}

// An fsync takes a fraction of a millisecond on a good disk.
std::vector<absl::Duration> CommitBounds() {
  return {absl::Microseconds(100), absl::Microseconds(250),  absl::Microseconds(500),
          absl::Milliseconds(1),   absl::Microseconds(2500), absl::Milliseconds(5),
          absl::Milliseconds(10),  absl::Milliseconds(25),   absl::Milliseconds(50),
          absl::Milliseconds(100), absl::Milliseconds(250),  absl::Seconds(1),
          absl::Seconds(5)};
}

absl::Status TooManyWait() {
  return MakeError(absl::StatusCode::kResourceExhausted, "too many requests wait to be written; ask again",
                   {.reason = "OVERLOADED", .retry_delay = absl::Seconds(1)});
}

}  // namespace

// Somebody who waits for an answer.
struct Writer::Question {
  Mutex mutex;
  CondVar answered;
  std::optional<absl::StatusOr<engine::Answer>> answer ABSL_GUARDED_BY(mutex);
};

Writer::Writer(catalog::Catalog& catalog, const Clock& clock, OnBroken on_broken)
    : Writer(catalog, clock, std::move(on_broken), Limits()) {}

Writer::Writer(catalog::Catalog& catalog, const Clock& clock, OnBroken on_broken, Limits limits,
               const domain::SchedulePolicy& policy)
    : catalog_(catalog),
      clock_(clock),
      on_broken_(std::move(on_broken)),
      limits_(limits),
      commits_(CommitBounds()),
      policy_(policy) {
  inbox_.push_back({engine::Started(), clock_.Now()});
}

Writer::~Writer() { Stop(); }

void Writer::Start(engine::EffectExecutor& effect_executor, CommitListener& listener) {
  effect_executor_ = &effect_executor;
  listener_ = &listener;
  thread_ = std::thread([this] { Run(); });
}

void Writer::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
  AnswerAll(Ending());
}

absl::StatusOr<engine::Answer> Writer::Call(engine::Caller caller, engine::RequestBody body) {
  const auto question = std::make_shared<Question>();
  {
    const MutexLock lock(mutex_);
    if (stopping_) return Ending();
    if (questions_.size() >= limits_.waiting_requests) return TooManyWait();
    const uint64_t ticket = next_ticket_++;
    questions_.emplace(ticket, question);
    inbox_.push_back({engine::Request{ticket, std::move(caller), std::move(body)}, clock_.Now()});
  }
  changed_.NotifyOne();

  const MutexLock lock(question->mutex);
  while (!question->answer) question->answered.Wait(question->mutex);
  return *std::move(question->answer);
}

void Writer::Post(engine::Event event) {
  {
    const MutexLock lock(mutex_);
    const bool crowded = inbox_.size() >= limits_.waiting_requests;
    if (crowded && std::holds_alternative<engine::TaskProgress>(event)) return;
    inbox_.push_back({std::move(event), clock_.Now()});
  }
  changed_.NotifyOne();
}

Writer::Waiting Writer::waiting() const {
  const MutexLock lock(mutex_);
  Waiting waiting{.events = inbox_.size(), .since = working_since_};
  if (!waiting.since && !inbox_.empty()) waiting.since = inbox_.front().time;
  return waiting;
}

void Writer::PostAll(std::vector<engine::Event> events) {
  if (events.empty()) return;
  {
    const MutexLock lock(mutex_);
    const absl::Time now = clock_.Now();
    for (engine::Event& event : events) inbox_.push_back({std::move(event), now});
  }
  changed_.NotifyOne();
}

void Writer::SetPolicy(const domain::SchedulePolicy& policy) {
  {
    const MutexLock lock(mutex_);
    policy_ = policy;
    inbox_.push_back({engine::PolicyChanged(), clock_.Now()});
  }
  changed_.NotifyOne();
}

void Writer::Run() {
  for (;;) {
    const Batch batch = Take();
    if (batch.empty()) return;
    if (const absl::Status status = Work(batch); !status.ok()) {
      {
        const MutexLock lock(mutex_);
        stopping_ = true;
      }
      on_broken_(status);
      return;
    }
    const MutexLock lock(mutex_);
    working_since_.reset();
  }
}

absl::Duration Writer::BusyFor() const {
  const MutexLock lock(mutex_);
  return std::max(absl::ZeroDuration(), clock_.Now() - busy_since_);
}

Writer::Batch Writer::Take() {
  Batch batch;
  const MutexLock lock(mutex_);
  busy_since_ = absl::InfiniteFuture();
  for (;;) {
    const absl::Time now = clock_.Now();
    while (!timers_.empty() && timers_.begin()->first <= now && batch.size() < limits_.batch) {
      batch.push_back(engine::Tick{timers_.begin()->second});
      timers_.erase(timers_.begin());
    }
    const auto taken = std::min(limits_.batch - batch.size(), inbox_.size());
    const auto end = inbox_.begin() + static_cast<std::ptrdiff_t>(taken);
    if (taken > 0) working_since_ = inbox_.front().time;
    for (auto posted = inbox_.begin(); posted != end; ++posted) batch.push_back(std::move(posted->event));
    inbox_.erase(inbox_.begin(), end);
    if (!batch.empty()) {
      busy_since_ = now;
      return batch;
    }
    if (stopping_) return batch;
    const absl::Duration wait = timers_.empty() ? kLongestWait : timers_.begin()->first - now;
    changed_.WaitFor(mutex_, std::min(wait + absl::Milliseconds(1), kLongestWait));
  }
}

absl::Status Writer::Work(const Batch& batch) {
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<catalog::Transaction> transaction, catalog_.Begin());
  engine::Moment moment{.now = clock_.Now(), .epoch = catalog_.revision().epoch};
  {
    const MutexLock lock(mutex_);
    moment.policy = policy_;
  }
  std::vector<catalog::Change> changes;
  std::vector<engine::Effect> effects;
  for (const engine::Event& event : batch) {
    engine::Outcome outcome = engine::Decide(event, *transaction, moment, operations::AllRules());
    for (const catalog::Change& change : outcome.changes) transaction->Apply(change);
    std::move(outcome.changes.begin(), outcome.changes.end(), std::back_inserter(changes));
    std::move(outcome.effects.begin(), outcome.effects.end(), std::back_inserter(effects));
  }
  const absl::Time begun = clock_.Now();
  if (!changes.empty()) listener_->OnCommitBegins();
  CROFT_ASSIGN_OR_RETURN(const domain::Revision revision, transaction->Commit());
  if (!changes.empty()) {
    commits_.Observe(clock_.Now() - begun);
    listener_->OnCommit(changes, revision);
  }
  for (engine::Effect& effect : effects) Release(std::move(effect));
  return absl::OkStatus();
}

void Writer::Release(engine::Effect effect) {
  struct Releaser {
    Writer& writer;
    void operator()(engine::Reply& reply) { writer.Answer(reply.ticket, std::move(reply.answer)); }
    void operator()(const engine::SetTimer& timer) { writer.timers_.emplace(timer.time, timer.operation); }
    void operator()(const engine::SendTask& task) { writer.effect_executor_->Send(task); }
    void operator()(const engine::CancelTask& cancel) { writer.effect_executor_->Cancel(cancel); }
    void operator()(const engine::AcknowledgeTask& acknowledge) {
      writer.effect_executor_->Acknowledge(acknowledge);
    }
    void operator()(const engine::EraseKey& erase) { writer.effect_executor_->Erase(erase); }
    void operator()(const engine::EndSession& end) { writer.effect_executor_->End(end); }
    void operator()(const engine::CompareInventory& compare) { writer.effect_executor_->Compare(compare); }
  };
  std::visit(Releaser{*this}, effect);
}

void Writer::Answer(uint64_t ticket, absl::StatusOr<engine::Answer> answer) {
  std::shared_ptr<Question> question;
  {
    const MutexLock lock(mutex_);
    const auto found = questions_.find(ticket);
    if (found == questions_.end()) return;
    question = std::move(found->second);
    questions_.erase(found);
  }
  const MutexLock lock(question->mutex);
  question->answer = std::move(answer);
  question->answered.NotifyAll();
}

void Writer::AnswerAll(const absl::Status& status) {
  std::map<uint64_t, std::shared_ptr<Question>> questions;
  {
    const MutexLock lock(mutex_);
    questions.swap(questions_);
  }
  for (const auto& [ticket, question] : questions) {
    const MutexLock lock(question->mutex);
    question->answer = status;
    question->answered.NotifyAll();
  }
}

}  // namespace croft::server
