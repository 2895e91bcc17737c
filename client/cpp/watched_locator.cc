// A locator that answers from a cache which a watch keeps true.

#include "client/cpp/watched_locator.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "common/files.h"

namespace croft::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{10'000};
constexpr std::chrono::seconds kSnapshotInterval{5};
constexpr std::chrono::seconds kDefaultTtl{60};
constexpr std::chrono::milliseconds kPauseWhileAway{2'000};
constexpr size_t kMaxDenials = 10'000;

// How often this process is the child of a fork. Threads and channels do not survive a fork.
std::atomic<uint64_t> fork_count{0};

uint64_t CountForks() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1); });
  (void)registered;
  return fork_count.load();
}

absl::Status StaleCatalog() {
  return absl::UnavailableError(
      "this control plane is behind what is already known: its catalog is an old one");
}

void Raise(std::atomic<int64_t>& highest, int64_t value) {
  for (int64_t known = highest.load(); known < value && !highest.compare_exchange_weak(known, value);) {
  }
}

template <typename A, typename B>
bool IsBefore(const A& a, const B& b) {
  return std::tie(a.epoch, a.revision) < std::tie(b.epoch, b.revision);
}

// As opposed to that nobody could be asked.
bool IsWordOfControlPlane(const absl::Status& status) {
  return status.ok() || absl::IsNotFound(status) || absl::IsFailedPrecondition(status) ||
         absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status) || absl::IsCancelled(status);
}

std::string ViewOf(const Locator::Options& options) {
  return std::to_string(static_cast<int>(options.role)) + "/" +
         std::to_string(static_cast<int>(options.purpose));
}

int64_t Nanoseconds(TimePoint time) { return time.time_since_epoch().count(); }

// Full jitter over the upper half, so that many clients of one control plane come back spread out.
std::chrono::milliseconds WithJitter(std::chrono::milliseconds pause) {
  thread_local std::minstd_rand random(std::random_device{}());
  return pause / 2 + std::chrono::milliseconds(random() % (pause.count() / 2 + 1));
}

}  // namespace

WatchedLocator::WatchedLocator(Options options, std::unique_ptr<Remote> remote,
                               std::optional<SnapshotFile> snapshot)
    : options_(std::move(options)),
      remote_(std::move(remote)),
      snapshot_(std::move(snapshot)),
      fork_generation_(CountForks()),
      ttl_ns_(std::chrono::nanoseconds(kDefaultTtl).count()) {
  LoadSnapshot();
  if (options_.watch) watcher_ = std::thread([this] { WatchLoop(); });
}

WatchedLocator::~WatchedLocator() {
  if (InForkedChild()) {
    // The threads live in the parent; whatever waits for one here would wait for ever.
    if (watcher_.joinable()) watcher_.detach();
    (void)remote_.release();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  remote_->Stop();
  if (watcher_.joinable()) watcher_.join();
  {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return waiting_ == 0; });
  }
  SaveSnapshot();
}

WatchedLocator::Waiting::Waiting(WatchedLocator& locator) : locator_(locator) {
  const std::lock_guard lock(locator_.mutex_);
  ++locator_.waiting_;
}

WatchedLocator::Waiting::~Waiting() {
  const std::lock_guard lock(locator_.mutex_);
  // Told under the lock: afterwards the locator may be gone.
  if (--locator_.waiting_ == 0) locator_.wake_.notify_all();
}

bool WatchedLocator::InForkedChild() const {
  return fork_count.load(std::memory_order_relaxed) != fork_generation_;
}

absl::StatusOr<Located> WatchedLocator::Locate(std::string_view tenant) {
  if (InForkedChild()) {
    return absl::FailedPreconditionError(
        "this locator was opened before a fork; open another one in the child");
  }
  if (const std::optional<Knowledge> known = cache_.Find(tenant)) {
    if (options_.watch || IsFresh(*known)) return FromKnowledge(*known);
    return Refresh(std::string(tenant), *known);
  }
  const Waiting waiting(*this);
  const std::string name(tenant);
  if (const auto denial = RecentDenial(name)) return *denial;
  return Ask(name);
}

absl::StatusOr<Located> WatchedLocator::Refresh(const std::string& name, const Knowledge& known) {
  const Waiting waiting(*this);
  if (const auto denial = RecentDenial(name)) return *denial;
  if (Nanoseconds(Clock::now()) < ask_after_ns_.load()) return FromKnowledge(known);
  absl::StatusOr<Located> asked = Ask(name);
  if (IsWordOfControlPlane(asked.status())) return asked;
  // Not every caller is to wait for one that does not answer.
  ask_after_ns_.store(Nanoseconds(Clock::now() + WithJitter(kPauseWhileAway)));
  return FromKnowledge(known);
}

absl::StatusOr<Located> WatchedLocator::OnConnectionRejected(std::string_view tenant) {
  if (InForkedChild()) return Locate(tenant);
  const Waiting waiting(*this);
  const std::string name(tenant);
  absl::StatusOr<Located> asked = Ask(name);
  if (IsWordOfControlPlane(asked.status())) return asked;
  const std::optional<Knowledge> known = cache_.Find(name);
  return known ? FromKnowledge(*known) : asked;
}

void WatchedLocator::OnChange(std::function<void(const Change&)> callback) {
  const std::lock_guard lock(announcing_);
  callback_ = std::move(callback);
}

bool WatchedLocator::WaitUntilReady(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return wake_.wait_until(lock, deadline, [this] { return ready_ || ending_; }) && ready_;
}

bool WatchedLocator::IsFresh(const Knowledge& knowledge) const {
  const int64_t confirmed = options_.watch ? heard_ns_.load(std::memory_order_relaxed) : 0;
  const int64_t newest = std::max(confirmed, Nanoseconds(knowledge.confirmed));
  return newest != 0 && Nanoseconds(Clock::now()) - newest < ttl_ns_.load(std::memory_order_relaxed);
}

absl::StatusOr<Located> WatchedLocator::FromKnowledge(const Knowledge& knowledge) const {
  if (!knowledge.refusal.ok()) return knowledge.refusal;
  return Located{knowledge.placement, !IsFresh(knowledge)};
}

std::optional<absl::Status> WatchedLocator::RecentDenial(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto denial = denials_.find(name);
  if (denial == denials_.end()) return std::nullopt;
  if (denial->second.until > Clock::now()) return denial->second.status;
  denials_.erase(denial);
  return std::nullopt;
}

absl::StatusOr<Located> WatchedLocator::Ask(const std::string& name) {
  std::promise<absl::StatusOr<Located>> promise;
  Flight flight;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return absl::CancelledError("the locator is closing");
    const auto [entry, first] = flights_.try_emplace(name);
    if (first) {
      entry->second = promise.get_future().share();
    } else {
      flight = entry->second;
    }
  }
  if (flight.valid()) return flight.get();
  absl::StatusOr<Located> answer = AskRemote(name);
  {
    const std::lock_guard lock(mutex_);
    flights_.erase(name);
  }
  promise.set_value(answer);
  return answer;
}

absl::StatusOr<Located> WatchedLocator::AskRemote(const std::string& name) {
  const absl::StatusOr<Remote::Answer> answer = remote_->Lookup(name, [this](const Remote::Answer& one) {
    return one.knowledge.epoch < epoch_.load() ? StaleCatalog() : absl::OkStatus();
  });
  if (!answer.ok()) return answer.status();
  if (answer->knowledge.refusal.ok()) return TakeAnswer(name, *answer);
  const std::lock_guard lock(mutex_);
  if (denials_.size() >= kMaxDenials) denials_.clear();
  denials_[name] = {answer->knowledge.refusal, Clock::now() + options_.negative_ttl};
  return answer->knowledge.refusal;
}

absl::StatusOr<Located> WatchedLocator::TakeAnswer(const std::string& name, const Remote::Answer& answer) {
  Raise(epoch_, answer.knowledge.epoch);
  ttl_ns_.store(std::chrono::nanoseconds(answer.ttl).count());
  ask_after_ns_.store(0);
  const bool was_known = cache_.Find(answer.tenant).has_value();
  const bool news = cache_.Learn(answer.tenant, std::nullopt, answer.knowledge);
  cache_.AddAlias(answer.tenant, name);
  if (news && was_known) Announce(answer.tenant);
  // What is known may be newer than this answer.
  const std::optional<Knowledge> known = cache_.Find(answer.tenant);
  return FromKnowledge(known ? *known : answer.knowledge);
}

void WatchedLocator::LoadSnapshot() {
  if (!snapshot_) return;
  const auto entries = snapshot_->Read();
  if (!entries.ok()) return;  // none yet, or not ours: the watch will fill the cache
  for (const SnapshotFile::Entry& entry : *entries) {
    Knowledge knowledge;
    knowledge.placement = std::make_shared<Placement>(entry.placement);
    knowledge.generation = entry.placement.generation;
    knowledge.epoch = entry.placement.epoch;
    knowledge.revision = entry.placement.revision;
    Raise(epoch_, knowledge.epoch);
    if (IsBefore(furthest_, knowledge)) furthest_ = {knowledge.epoch, knowledge.revision};
    cache_.Learn(entry.placement.tenant, entry.aliases, std::move(knowledge));
  }
}

void WatchedLocator::SaveSnapshot() {
  snapshot_saved_ = Clock::now();
  if (!snapshot_ || !snapshot_dirty_) return;
  std::vector<SnapshotFile::Entry> entries;
  for (const Knowledge& known : cache_.All()) {
    if (known.placement && known.refusal.ok()) {
      entries.push_back({cache_.AliasesOf(known.placement->tenant), *known.placement});
    }
  }
  if (snapshot_->Write(entries).ok()) snapshot_dirty_ = false;
}

void WatchedLocator::WatchLoop() {
  std::chrono::milliseconds pause = kFirstPause;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
    }
    bool heard = false;
    snapshot_began_ = Clock::now();
    const absl::Status ended = remote_->Watch(cursor_, [&](const WatchedBatch& batch) {
      absl::Status taken = Take(batch);
      heard |= taken.ok();
      return taken;
    });
    if (absl::IsOutOfRange(ended)) {
      // Another epoch, or too long away: what is cached is not known to be true until all of it was told again.
      heard |= cursor_.has_value();
      cursor_.reset();
      heard_ns_.store(0);
      if (heard) continue;
    }
    if (heard) pause = kFirstPause;
    Pause(WithJitter(pause));
    pause = std::min(pause * 2, kLongestPause);
  }
}

absl::Status WatchedLocator::Take(const WatchedBatch& batch) {
  for (const WatchedChange& change : batch.changes) {
    if (change.knowledge.epoch < epoch_.load()) return StaleCatalog();
    Raise(epoch_, change.knowledge.epoch);
    TakeChange(change);
  }
  if (batch.cursor) {
    if (IsBefore(*batch.cursor, furthest_)) return StaleCatalog();
    if (!cursor_) FinishFirstSnapshot();
    cursor_ = furthest_ = *batch.cursor;
    Raise(epoch_, batch.cursor->epoch);
    heard_ns_.store(Nanoseconds(Clock::now()));
  }
  if (snapshot_ && snapshot_dirty_ && Clock::now() - snapshot_saved_ >= kSnapshotInterval) SaveSnapshot();
  return absl::OkStatus();
}

void WatchedLocator::TakeChange(const WatchedChange& change) {
  bool news = false;
  const bool was_known = cache_.Find(change.tenant).has_value();
  if (change.removed) {
    news = cache_.Forget(change.tenant, change.knowledge.epoch, change.knowledge.revision);
  } else {
    news = cache_.Learn(change.tenant, change.aliases, change.knowledge);
    if (change.ttl.count() > 0) ttl_ns_.store(std::chrono::nanoseconds(change.ttl).count());
  }
  {
    const std::lock_guard lock(mutex_);
    denials_.erase(change.tenant);
    for (const std::string& alias : change.aliases) denials_.erase(alias);
  }
  snapshot_dirty_ |= news;
  if (news && was_known) Announce(change.tenant);
}

void WatchedLocator::FinishFirstSnapshot() {
  for (const std::string& tenant : cache_.ForgetUnmentioned(snapshot_began_)) {
    snapshot_dirty_ = true;
    Announce(tenant);
  }
  SaveSnapshot();
  {
    const std::lock_guard lock(mutex_);
    ready_ = true;
  }
  wake_.notify_all();
}

void WatchedLocator::Announce(const std::string& tenant) {
  // What is known is read under the lock: a later call never tells something older.
  const std::lock_guard lock(announcing_);
  if (!callback_) return;
  const std::optional<Knowledge> known = cache_.Find(tenant);
  callback_({tenant, known && known->refusal.ok() ? known->placement : nullptr});
}

void WatchedLocator::Pause(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, duration, [this] { return ending_; });
}

absl::StatusOr<std::unique_ptr<Locator>> Locator::Open(Options options) {
  auto remote = Remote::Open(options);
  if (!remote.ok()) return remote.status();
  std::optional<SnapshotFile> snapshot;
  if (!options.snapshot_file.empty()) {
    const std::string& secret_file = options.key_file.empty() ? options.token_file : options.key_file;
    if (secret_file.empty()) {
      return absl::InvalidArgumentError(
          "snapshot_file: needs key_file or token_file, under which it is sealed");
    }
    const auto secret = ReadSmallFile(secret_file, 1 << 20);
    if (!secret.ok()) return secret.status();
    snapshot.emplace(options.snapshot_file, *secret, ViewOf(options));
  }
  return std::make_unique<WatchedLocator>(std::move(options), *std::move(remote), std::move(snapshot));
}

}  // namespace croft::client
