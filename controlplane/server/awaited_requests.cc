// Ends calls whose request does not arrive in time.

#include "controlplane/server/awaited_requests.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::server {
namespace {

absl::Status Late(absl::Duration timeout) {
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   absl::StrCat("the request did not come in whole within ", absl::FormatDuration(timeout),
                                "; send it in one go"),
                   {.reason = "REQUEST_INCOMPLETE"});
}

absl::Status Displaced() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "the request did not come in whole before too many others began; send it in one go",
                   {.reason = "REQUEST_INCOMPLETE", .retry_delay = absl::Seconds(1)});
}

}  // namespace

AwaitedRequests::~AwaitedRequests() { Stop(); }

void AwaitedRequests::Start() {
  thread_ = std::thread([this] { Run(); });
}

void AwaitedRequests::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

uint64_t AwaitedRequests::Add(std::shared_ptr<AwaitsRequest> call) {
  std::shared_ptr<AwaitsRequest> displaced;
  uint64_t number = 0;
  const absl::Time now = clock_.Now();
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() >= most_) displaced = TakeFirst();
    number = ++last_;
    waiting_.emplace_hint(waiting_.end(), number, Waiting{std::move(call), now});
  }
  if (displaced) displaced->GiveUp(Displaced());
  return number;
}

bool AwaitedRequests::Arrived(uint64_t number) {
  std::shared_ptr<AwaitsRequest> last;  // destroyed outside the lock
  const MutexLock lock(mutex_);
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return false;
  last = std::move(found->second.call);
  waiting_.erase(found);
  return true;
}

void AwaitedRequests::GiveUpLate() {
  std::vector<std::shared_ptr<AwaitsRequest>> late;
  const absl::Time latest = clock_.Now() - timeout_;
  {
    const MutexLock lock(mutex_);
    while (!waiting_.empty() && waiting_.begin()->second.since <= latest) late.push_back(TakeFirst());
  }
  const absl::Status status = Late(timeout_);
  for (const auto& call : late) call->GiveUp(status);
}

std::shared_ptr<AwaitsRequest> AwaitedRequests::TakeFirst() {
  std::shared_ptr<AwaitsRequest> first = std::move(waiting_.begin()->second.call);
  waiting_.erase(waiting_.begin());
  return first;
}

void AwaitedRequests::Run() {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (!stopping_) changed_.WaitFor(mutex_, std::min(kLook, timeout_));
      if (stopping_) return;
    }
    GiveUpLate();
  }
}

}  // namespace croft::server
