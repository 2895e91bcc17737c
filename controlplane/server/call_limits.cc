// Limits the calls of each identity.

#include "controlplane/server/call_limits.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::server {
namespace {

// A table that is full is looked through at most so often.
constexpr absl::Duration kPause = absl::Seconds(1);
constexpr absl::string_view kOthers = "others";

absl::Status RateLimited(double rate, absl::Duration wait) {
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("more calls than the ", rate, " a second that one identity may make; call again later"),
      {.reason = "RATE_LIMITED",
       .metadata = {{"calls_per_second", absl::StrCat(rate)}},
       .retry_delay = std::max(wait, absl::Milliseconds(1))});
}

}  // namespace

absl::string_view AddressOf(absl::string_view peer) {
  return absl::StartsWith(peer, "unix:") ? peer : peer.substr(0, peer.rfind(':'));
}

void CallLimits::Change(const LimitOptions& options) {
  const MutexLock lock(mutex_);
  options_ = options;
}

LimitOptions CallLimits::options() const {
  const MutexLock lock(mutex_);
  return options_;
}

absl::Status CallLimits::Take(const access::Principal& principal) {
  if (principal.kind == access::PrincipalKind::kAdmin) return absl::OkStatus();
  const LimitOptions now = options();
  // Prefixed, so that no name can be another kind's.
  return Take(absl::StrCat("principal ", principal.name), now.calls_per_second, now.burst);
}

absl::Status CallLimits::TakeOfStranger(absl::string_view peer) {
  const LimitOptions now = options();
  return Take(absl::StrCat("address ", AddressOf(peer)), now.strangers_per_second, now.strangers_burst);
}

size_t CallLimits::MostStreams(const access::Principal& principal) const {
  return principal.kind == access::PrincipalKind::kAdmin ? std::string::npos : options().streams;
}

absl::Status CallLimits::Take(const std::string& key, double rate, double burst) {
  const absl::Time now = clock_.Now();
  const MutexLock lock(mutex_);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    found = buckets_.try_emplace(MakeRoom(key, now), Bucket{burst, now}).first;
  }
  Bucket& bucket = found->second;
  // The clock may have been set back.
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(now - bucket.filled));
  bucket.calls = std::min(burst, bucket.calls + seconds * rate);
  bucket.filled = now;
  if (bucket.calls < 1) return RateLimited(rate, absl::Seconds((1 - bucket.calls) / rate));
  bucket.calls -= 1;
  return absl::OkStatus();
}

std::string CallLimits::MakeRoom(const std::string& key, absl::Time now) {
  if (buckets_.size() < most_callers_) return key;
  if (now >= next_look_) {
    next_look_ = now + kPause;
    const double slowest = std::min(options_.calls_per_second, options_.strangers_per_second);
    const absl::Duration full = absl::Seconds(std::max(options_.burst, options_.strangers_burst) / slowest);
    for (auto bucket = buckets_.begin(); bucket != buckets_.end();) {
      bucket = now - bucket->second.filled > full ? buckets_.erase(bucket) : std::next(bucket);
    }
    if (buckets_.size() < most_callers_) return key;
  }
  return std::string(kOthers);
}

}  // namespace croft::server
