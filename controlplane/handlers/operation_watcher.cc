// Wakes callers that wait for an operation.

#include "controlplane/handlers/operation_watcher.h"

#include <algorithm>
#include <variant>

#include <absl/time/clock.h>

#include "common/names.h"

namespace croft::handlers {

OperationWatcher::OperationWatcher() : thread_([this] { Run(); }) {}

OperationWatcher::~OperationWatcher() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void OperationWatcher::Announce(const std::vector<catalog::Change>& changes) {
  const MutexLock lock(mutex_);
  if (subscriptions_.empty()) return;
  for (const catalog::Change& change : changes) {
    if (const auto* put = std::get_if<catalog::PutOperation>(&change)) {
      Mark(OperationName(put->operation.id));
    } else if (const auto* host = std::get_if<catalog::PutHost>(&change)) {
      Mark(HostName(host->host.id));
    }
  }
  if (!marked_.empty()) changed_.NotifyAll();
}

void OperationWatcher::Mark(const std::string& topic) {
  for (auto at = by_topic_.lower_bound({topic, 0}); at != by_topic_.end() && at->first == topic; ++at) {
    marked_.insert(at->second);
  }
}

OperationWatcher::Ticket OperationWatcher::Subscribe(std::string operation, absl::Time deadline,
                                                     OnWake on_wake) {
  const MutexLock lock(mutex_);
  const Ticket ticket = next_++;
  const std::string topic = OperationName(operation);
  by_topic_.emplace(topic, ticket);
  by_deadline_.emplace(deadline, ticket);
  subscriptions_.emplace(ticket, Subscription{topic, "", deadline, std::move(on_wake)});
  changed_.NotifyAll();
  return ticket;
}

void OperationWatcher::AlsoOfHost(Ticket ticket, std::string host) {
  const MutexLock lock(mutex_);
  const auto found = subscriptions_.find(ticket);
  if (found == subscriptions_.end()) return;
  Subscription& subscription = found->second;
  if (!subscription.host.empty()) by_topic_.erase({subscription.host, ticket});
  subscription.host = host.empty() ? "" : HostName(host);
  if (!subscription.host.empty()) by_topic_.emplace(subscription.host, ticket);
}

void OperationWatcher::Unsubscribe(Ticket ticket) {
  const MutexLock lock(mutex_);
  Erase(ticket);
}

void OperationWatcher::Erase(Ticket ticket) {
  const auto found = subscriptions_.find(ticket);
  if (found == subscriptions_.end()) return;
  by_topic_.erase({found->second.operation, ticket});
  by_topic_.erase({found->second.host, ticket});
  by_deadline_.erase({found->second.deadline, ticket});
  marked_.erase(ticket);
  subscriptions_.erase(found);
}

std::vector<OperationWatcher::PendingCallback> OperationWatcher::Take() {
  std::vector<PendingCallback> callbacks;
  const MutexLock lock(mutex_);
  while (!stopping_) {
    const absl::Time now = absl::Now();
    while (!by_deadline_.empty() && by_deadline_.begin()->first <= now) {
      const Ticket ticket = by_deadline_.begin()->second;
      callbacks.push_back({ticket, std::move(subscriptions_.at(ticket).on_wake), WakeReason::kTimeIsUp});
      Erase(ticket);
    }
    for (const Ticket ticket : marked_) {
      callbacks.push_back({ticket, subscriptions_.at(ticket).on_wake, WakeReason::kChanged});
    }
    marked_.clear();
    if (!callbacks.empty()) return callbacks;
    if (by_deadline_.empty() || by_deadline_.begin()->first == absl::InfiniteFuture()) {
      changed_.Wait(mutex_);
    } else {
      constexpr absl::Duration kLongest = absl::Hours(1);
      changed_.WaitFor(mutex_,
                       std::min(by_deadline_.begin()->first - now + absl::Milliseconds(1), kLongest));
    }
  }
  return {};
}

void OperationWatcher::Run() {
  for (auto callbacks = Take(); !callbacks.empty(); callbacks = Take()) {
    for (const PendingCallback& pending : callbacks) {
      if (!pending.on_wake(pending.reason)) Unsubscribe(pending.ticket);
    }
  }
}

}  // namespace croft::handlers
