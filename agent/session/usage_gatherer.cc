// Looks at what databases use every so often, and tells the control plane.

#include "agent/session/usage_gatherer.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/log.h"

namespace croft::agent {
namespace {

constexpr absl::Duration kLookTime = absl::Seconds(30);

void Write(absl::Time time, google::protobuf::Timestamp& into) {
  const timespec parts = absl::ToTimespec(time);
  into.set_seconds(parts.tv_sec);
  into.set_nanos(static_cast<int32_t>(parts.tv_nsec));
}

void Write(const UsageSample& sample, v1::UsageReport::Database& into) {
  const DatabaseCounters& counters = sample.usage.counters;
  into.set_uid(sample.usage.uid);
  into.set_generation(sample.usage.generation);
  into.set_connections(sample.usage.connections);
  if (sample.size_bytes) {
    into.set_size_bytes(*sample.size_bytes);
    Write(sample.size_time, *into.mutable_size_time());
  }
  into.set_commits(counters.commits);
  into.set_rollbacks(counters.rollbacks);
  into.set_blocks_read(counters.blocks_read);
  into.set_blocks_hit(counters.blocks_hit);
  into.set_rows_returned(counters.rows_returned);
  into.set_rows_fetched(counters.rows_fetched);
  into.set_rows_inserted(counters.rows_inserted);
  into.set_rows_updated(counters.rows_updated);
  into.set_rows_deleted(counters.rows_deleted);
  into.set_deadlocks(counters.deadlocks);
  into.set_temporary_bytes(counters.temporary_bytes);
}

}  // namespace

std::vector<v1::UsageReport> UsageReports(const std::vector<UsageSample>& samples, absl::Time now) {
  std::vector<v1::UsageReport> reports;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (i % kDatabasesAReport == 0) Write(now, *reports.emplace_back().mutable_look_time());
    Write(samples[i], *reports.back().add_databases());
  }
  return reports;
}

UsageGatherer::UsageGatherer(Source source, Send send)
    : source_(std::move(source)), send_(std::move(send)), thread_([this] { Run(); }) {}

UsageGatherer::~UsageGatherer() { Stop(); }

void UsageGatherer::Ask(absl::Duration interval) {
  const MutexLock lock(mutex_);
  interval_ = interval;
  begins_ = true;
  next_ = interval > absl::ZeroDuration() ? absl::Now() : absl::InfiniteFuture();
  wake_.NotifyAll();
}

void UsageGatherer::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

bool UsageGatherer::AwaitTurn() {
  const MutexLock lock(mutex_);
  for (absl::Time now = absl::Now(); !stopping_ && now < next_; now = absl::Now()) {
    wake_.WaitFor(mutex_, std::min(next_ - now, absl::Hours(1)) + absl::Milliseconds(1));
  }
  if (std::exchange(begins_, false)) ledger_.Forget();
  next_ = absl::Now() + interval_;
  return !stopping_;
}

void UsageGatherer::Run() {
  while (AwaitTurn()) {
    absl::Duration interval;
    {
      const MutexLock lock(mutex_);
      interval = interval_;
    }
    Look(interval);
  }
}

// What is wrong with the server is the host's watcher to tell; here it is only said that nothing is known of usage.
void UsageGatherer::Look(absl::Duration interval) {
  saved_ = std::min(saved_ + interval * kShare, kMostSaved);
  const absl::Status looked = LookOnce();
  if (!looked.ok() && !failing_ && !absl::IsCancelled(looked)) {
    log::Warning("cannot read database usage", {{"error", log::Text(looked)}});
  }
  if (looked.ok() && failing_) log::Info("it can be read again what databases use");
  failing_ = !looked.ok();
}

absl::Status UsageGatherer::LookOnce() {
  CROFT_ASSIGN_OR_RETURN(const std::vector<DatabaseUsage> found, source_.read_all(TimeLimit()));
  ledger_.Take(found);
  const absl::Status measured = Measure();
  const absl::Time now = absl::Now();
  for (v1::UsageReport& report : UsageReports(ledger_.TakeUnreported(now), now)) send_(std::move(report));
  return measured;
}

absl::Status UsageGatherer::Measure() {
  size_t denied = 0;
  while (saved_ > absl::ZeroDuration()) {
    const absl::Time begun = absl::Now();
    const std::vector<int64_t> oids = ledger_.ToMeasure(kMeasuredAtOnce, begun);
    if (oids.empty()) break;
    const auto sizes = source_.read_sizes(oids, TimeLimit());
    saved_ -= absl::Now() - begun;
    if (!sizes.ok()) return sizes.status();
    for (const int64_t oid : oids) {
      const auto size = sizes->find(oid);
      const bool there = size != sizes->end();
      if (there && !size->second) ++denied;
      // One that is gone is no longer asked for; the next look drops it.
      ledger_.NoteSize(oid, there ? size->second : std::nullopt, begun);
    }
  }
  if (denied > 0) NoteDenied(denied);
  return absl::OkStatus();
}

void UsageGatherer::NoteDenied(size_t denied) {
  if (std::exchange(denied_, true)) return;
  log::Warning("the agent's role may not ask for the size of some databases",
               {{"databases", absl::StrCat(denied)},
                {"right", "CONNECT on them, or pg_read_all_stats"},
                {"consequence", "their sizes are not known"},
                {"remedy", "GRANT pg_read_all_stats TO the agent's role"}});
}

Timeout UsageGatherer::TimeLimit() const {
  return {absl::Now() + kLookTime, [this] {
            const MutexLock lock(mutex_);
            return stopping_ ? absl::CancelledError("the agent is stopping") : absl::OkStatus();
          }};
}

}  // namespace croft::agent
