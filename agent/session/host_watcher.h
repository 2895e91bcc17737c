#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <absl/time/clock.h>
#include <absl/time/time.h>

#include "agent/server/server.h"
#include "agent/session/wire.h"
#include "common/sync.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {

// Keeps PostgreSQL up and knows how it was a moment ago, so that a heartbeat never waits for a server that
// hangs. Thread-safe.
class HostWatcher {
 public:
  // What is wrong with a server of that version although it is up; empty when nothing is.
  using Complain = std::function<std::string(const std::string& version)>;

  // Looks every `interval`. `changed` is called, from a thread of its own, when the server came up or went away, and when
  // the rights of the agent's role became other ones.
  HostWatcher(Server& server, StoresToTell stores, Complain complain, absl::Duration interval,
              std::function<void()> changed);
  // Stops.
  ~HostWatcher();

  v1::HostReport Latest() const;
  // Returns once it has looked for the first time, or after `longest`.
  void AwaitFirstLook(absl::Duration longest) const;
  // Looks as soon as it can.
  void LookNow();
  // Whether it looks as often as it should: false when one look takes far longer than its time limits. Does not block.
  bool IsWell() const;
  void Stop();

 private:
  void Watch();
  ServerReport Look();
  void Judge(ServerReport& report);

  Server& server_;
  const StoresToTell stores_;
  const Complain complain_;
  const absl::Duration interval_;
  const std::function<void()> changed_;

  // Of the watching thread: what was last found of which version, and when to ask again.
  std::string judged_version_;
  std::string complaint_;
  absl::Time judge_again_ = absl::InfinitePast();

  mutable Mutex mutex_;
  mutable CondVar wake_;
  absl::Time last_turn_ ABSL_GUARDED_BY(mutex_) = absl::Now();
  bool looked_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool look_now_ ABSL_GUARDED_BY(mutex_) = false;
  ServerReport latest_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace croft::agent
