#pragma once

#include <functional>

#include "controlplane/engine/engine.h"

namespace croft::engine {

// Where everybody hands in events; the writer takes them from here in order. Thread-safe.
class Desk {
 public:
  virtual ~Desk() = default;
  // Asks and waits for the answer, which is durable when it comes. CANCELLED when the process is ending,
  // RESOURCE_EXHAUSTED with a retry delay when too many wait.
  virtual absl::StatusOr<Answer> Ask(Caller caller, RequestBody body) = 0;
  virtual void Tell(Event event) = 0;
};

// Who carries out what a commit let go. Called on the writer thread, in order: must not block.
class Hands {
 public:
  virtual ~Hands() = default;
  virtual void Send(const SendTask& task) = 0;
  virtual void Cancel(const CancelTask& cancel) = 0;
  virtual void Acknowledge(const AcknowledgeTask& acknowledge) = 0;
  virtual void Erase(const EraseKey& erase) = 0;
  virtual void End(const EndSession& end) = 0;
};

}  // namespace croft::engine
