#pragma once

#include "controlplane/engine/event_queue.h"
#include "controlplane/fleet/fleet.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/server/worker_pool.h"

namespace croft::server {

// Carries out effects: tasks by the fleet, the destruction of keys on a thread of its own.
class ServerEffectExecutor final : public engine::EffectExecutor {
 public:
  // All outlive it.
  ServerEffectExecutor(fleet::Fleet& fleet, keyring::KeyStore& keys, engine::EventQueue& event_queue)
      : fleet_(fleet), keys_(keys), event_queue_(event_queue) {}

  void Send(const engine::SendTask& task) override { fleet_.Send(task); }
  void Cancel(const engine::CancelTask& cancel) override { fleet_.Cancel(cancel); }
  void Acknowledge(const engine::AcknowledgeTask& acknowledge) override { fleet_.Acknowledge(acknowledge); }
  void Erase(const engine::EraseKey& erase) override;
  void End(const engine::EndSession& end) override { fleet_.End(end); }

 private:
  fleet::Fleet& fleet_;
  keyring::KeyStore& keys_;
  engine::EventQueue& event_queue_;
  WorkerPool eraser_{1, 0};
};

}  // namespace croft::server
