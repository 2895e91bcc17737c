#pragma once

#include <utility>
#include <vector>

#include "controlplane/engine/engine.h"

namespace croft::engine {

// Where everybody hands in events; the writer takes them from here in order. Thread-safe.
class EventQueue {
 public:
  virtual ~EventQueue() = default;
  // Asks and waits for the answer, which is durable when it comes. CANCELLED when the process is ending,
  // RESOURCE_EXHAUSTED with a retry delay when too many wait.
  virtual absl::StatusOr<Answer> Call(Caller caller, RequestBody body) = 0;
  virtual void Post(Event event) = 0;
  // Posts them together, so that they share as few commits as can be.
  virtual void PostAll(std::vector<Event> events) {
    for (Event& event : events) Post(std::move(event));
  }
};

// Who carries out what a commit let go. Called on the writer thread, in order: must not block.
class EffectExecutor {
 public:
  virtual ~EffectExecutor() = default;
  virtual void Send(const SendTask& task) = 0;
  virtual void Cancel(const CancelTask& cancel) = 0;
  virtual void Acknowledge(const AcknowledgeTask& acknowledge) = 0;
  virtual void Erase(const EraseKey& erase) = 0;
  virtual void End(const EndSession& end) = 0;
  virtual void Compare(const CompareInventory& compare) = 0;
};

}  // namespace croft::engine
