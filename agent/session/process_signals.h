#pragma once

#include <functional>
#include <thread>

namespace croft::agent {

// SIGTERM, SIGINT and SIGHUP as calls on a thread of its own. Make it before any other thread: those started later keep
// the signals blocked, as they should. If this object still lives 15 s after SIGTERM or SIGINT, or at a second one,
// the process ends at once: everything the agent does can be cut and repeated.
class ProcessSignals {
 public:
  ProcessSignals();
  ~ProcessSignals();

  // Calls `reload` at each SIGHUP and `stop` at the first SIGTERM or SIGINT. Call once.
  void Await(std::function<void()> stop, std::function<void()> reload);

 private:
  int signals_;  // descriptors
  int done_;
  std::thread thread_;
};

}  // namespace croft::agent
