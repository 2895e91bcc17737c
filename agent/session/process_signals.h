#pragma once

#include <functional>
#include <thread>

namespace croft::agent {

// SIGTERM and SIGINT as a call on a thread of its own. Make it before any other thread: those started later keep
// the signals blocked, as they should. If this object still lives 15 s after the signal, or at a
// second signal, the process ends at once: everything the agent does can be cut and repeated.
class ShutdownSignals {
 public:
  ShutdownSignals();
  ~ShutdownSignals();

  // Call once.
  void Await(std::function<void()> stop);

 private:
  int signals_;  // descriptors
  int done_;
  std::thread thread_;
};

}  // namespace croft::agent
