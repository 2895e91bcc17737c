#pragma once

#include <functional>

#include <absl/status/status.h>
#include <absl/time/time.h>

namespace croft::agent {

// How long a call may take, and who may stop it sooner.
struct Timeout {
  absl::Time deadline = absl::InfiniteFuture();
  // Asked a few times a second while the server is silent; an error stops the call with that error. May be
  // empty.
  std::function<absl::Status()> keep_going;
};

}  // namespace croft::agent
