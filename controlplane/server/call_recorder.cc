// Writes reads of passwords, denied calls and uses of tokens to the audit.

#include "controlplane/server/call_recorder.h"

#include <algorithm>
#include <iterator>

#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/log.h"
#include "common/names.h"
#include "controlplane/server/call_limits.h"

namespace croft::server {
namespace {

constexpr absl::Duration kRound = absl::Seconds(5);
constexpr size_t kNamesInARow = 100;
constexpr size_t kMostNamed = 10'000;
constexpr size_t kMostKindsDenied = 100;
constexpr size_t kMostTokens = 100'000;

std::string ReasonOf(const absl::Status& error) {
  std::string reason = DetailsOf(error).reason;
  return reason.empty() ? std::string(absl::StatusCodeToString(error.code())) : reason;
}

absl::Status Ending() {
  return MakeError(absl::StatusCode::kUnavailable, "the control plane is ending; ask again when it is back",
                   {.reason = "SHUTTING_DOWN", .retry_delay = absl::Seconds(1)});
}

engine::Caller Recorder() { return {.name = "system", .peer = "local", .method = "RecordCalls"}; }

}  // namespace

void CallRecorder::Start() {
  thread_ = std::thread([this] { Run(); });
}

void CallRecorder::Stop() {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  Record(Gather(/*all=*/true));
}

int64_t CallRecorder::Hour() const { return absl::ToUnixSeconds(clock_.Now()) / 3600; }

// Those of the present hour; what an hour before left over is still pending.
CallRecorder::Reads& CallRecorder::ReadsOf(const handlers::RequestContext& context) {
  Reads& reads = reads_[{context.principal.name, context.caller.method}];
  if (const int64_t hour = Hour(); reads.hour != hour) {
    reads.hour = hour;
    reads.durable = reads.crowded = false;
    reads.named.clear();
  }
  return reads;
}

bool CallRecorder::NoteReads(const handlers::RequestContext& context,
                             absl::Span<const absl::string_view> tenants) {
  const MutexLock lock(mutex_);
  Reads& reads = ReadsOf(context);
  for (const absl::string_view tenant : tenants) {
    if (reads.named.size() >= kMostNamed) {
      if (!reads.crowded) reads.pending.push_back(TenantName("-"));
      reads.crowded = true;
      break;
    }
    if (!reads.named.insert(std::hash<std::string>()(std::string(tenant))).second) continue;
    reads.peer = context.caller.peer;
    reads.pending.push_back(TenantName(tenant));
  }
  return reads.durable;
}

void CallRecorder::WhenRecorded(const handlers::RequestContext& context, Then then) {
  absl::Status status;
  {
    const MutexLock lock(mutex_);
    Reads& reads = ReadsOf(context);
    if (!reads.durable && !stopping_) {
      reads.waiting.push_back(std::move(then));
      urgent_ = true;
      changed_.NotifyAll();
      return;
    }
    if (!reads.durable) status = Ending();
  }
  then(status);
}

void CallRecorder::NoteDenied(const handlers::RequestContext& context, absl::string_view tenant,
                              const absl::Status& error) {
  const std::string reason = ReasonOf(error);
  const std::string& caller = context.principal.name;
  // What strangers write is kept out of the audit.
  const bool named = !caller.empty() && CheckId(tenant, "tenant").ok();
  DenialKey key{caller, std::string(AddressOf(context.caller.peer)), context.caller.method,
                named ? TenantName(tenant) : "", reason};
  const MutexLock lock(mutex_);
  if (denials_.find(key) == denials_.end()) {
    size_t& kinds = kinds_denied_[caller];
    if (kinds < kMostKindsDenied) {
      ++kinds;
    } else {
      key = {caller, "", "", "", ""};
    }
  }
  Denials& denials = denials_[key];
  denials.reason = std::get<4>(key).empty() ? "DENIED" : reason;
  ++denials.unreported;
}

void CallRecorder::NoteToken(const std::string& user, const std::string& token) {
  const int64_t hour = Hour();
  const MutexLock lock(mutex_);
  if (token_hours_.size() >= kMostTokens) token_hours_.clear();
  int64_t& last = token_hours_[{user, token}];
  if (last == hour) return;
  last = hour;
  token_uses_.push_back({user, token, absl::FromUnixSeconds(hour * 3600)});
}

void CallRecorder::Run() {
  absl::Time next_round = absl::Now() + kRound;
  while (WaitForWork(next_round)) {
    const bool all = absl::Now() >= next_round;
    if (all) next_round = absl::Now() + kRound;
    Record(Gather(all));
  }
}

// False at the end.
bool CallRecorder::WaitForWork(absl::Time next_round) {
  const MutexLock lock(mutex_);
  for (absl::Time now = absl::Now(); !stopping_ && !urgent_ && now < next_round; now = absl::Now()) {
    changed_.WaitFor(mutex_, next_round - now + absl::Milliseconds(1));
  }
  return !stopping_;
}

CallRecorder::Round CallRecorder::Gather(bool all) {
  Round round;
  const MutexLock lock(mutex_);
  urgent_ = false;
  GatherReads(all, round);
  if (!all) return round;
  GatherDenials(stopping_, round);
  round.calls.token_uses.swap(token_uses_);
  return round;
}

// Those for whom somebody waits, or all.
void CallRecorder::GatherReads(bool all, Round& round) {
  const int64_t hour = Hour();
  for (auto entry = reads_.begin(); entry != reads_.end();) {
    auto& [key, reads] = *entry;
    if (all || !reads.waiting.empty()) {
      // A failed round took its name along; it reads all the same.
      if (!reads.waiting.empty() && !reads.durable && reads.pending.empty()) {
        reads.pending.push_back(TenantName("-"));
      }
      for (auto name = reads.pending.begin(); name != reads.pending.end();) {
        const auto end = name + std::min<std::ptrdiff_t>(kNamesInARow, reads.pending.end() - name);
        round.calls.events.push_back({.time = clock_.Now(),
                                      .caller = key.first,
                                      .peer = reads.peer,
                                      .method = key.second,
                                      .resource = absl::StrJoin(name, end, " "),
                                      .result = "OK"});
        name = end;
      }
      if (!reads.pending.empty() && reads.hour == hour) round.opened.push_back(key);
      reads.pending.clear();
      std::move(reads.waiting.begin(), reads.waiting.end(), std::back_inserter(round.waiting));
      reads.waiting.clear();
    }
    entry = reads.hour != hour && reads.pending.empty() ? reads_.erase(entry) : std::next(entry);
  }
}

// Kinds that are new at once; how often they came again when the hour is over.
void CallRecorder::GatherDenials(bool all, Round& round) {
  const int64_t hour = Hour();
  const bool over = hour != denial_hour_;
  for (auto& [key, denials] : denials_) {
    if (denials.unreported == 0 || (denials.reported && !over && !all)) continue;
    const auto& [caller, address, method, resource, reason] = key;
    round.calls.events.push_back({.time = clock_.Now(),
                                  .caller = caller,
                                  .peer = address,
                                  .method = method,
                                  .resource = resource,
                                  .result = denials.reason,
                                  .count = denials.unreported});
    denials.reported = true;
    denials.unreported = 0;
  }
  if (!over) return;
  denial_hour_ = hour;
  denials_.clear();
  kinds_denied_.clear();
}

void CallRecorder::Record(Round round) {
  absl::Status status;
  if (!round.calls.events.empty() || !round.calls.token_uses.empty()) {
    status = event_queue_.Call(Recorder(), std::move(round.calls)).status();
  }
  if (status.ok()) {
    const int64_t hour = Hour();
    const MutexLock lock(mutex_);
    for (const ReadKey& key : round.opened) {
      if (const auto reads = reads_.find(key); reads != reads_.end() && reads->second.hour == hour) {
        reads->second.durable = true;
      }
    }
  } else {
    log::Error("calls could not be recorded in the audit", {{"error", log::Text(status)}});
    // Whatever is read next is named anew, and waits.
    const MutexLock lock(mutex_);
    for (const ReadKey& key : round.opened) {
      Reads& reads = reads_[key];
      reads.durable = reads.crowded = false;
      reads.named.clear();
      std::move(reads.waiting.begin(), reads.waiting.end(), std::back_inserter(round.waiting));
      reads.waiting.clear();
    }
  }
  for (const Then& then : round.waiting) then(status);
}

}  // namespace croft::server
