#pragma once

#include <functional>
#include <string>
#include <utility>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/clock.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/fleet/fleet.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/server/worker_pool.h"

namespace croft::server {

// Carries out effects: tasks by the fleet, the destruction of keys on a thread of its own, comparisons by whoever is
// told of them.
class ServerEffectExecutor final : public engine::EffectExecutor {
 public:
  // Signs the record of a purge.
  using Sign = std::function<absl::StatusOr<std::string>(absl::string_view text)>;

  // All outlive it. `compare` must not block.
  ServerEffectExecutor(
      fleet::Fleet& fleet, keyring::KeyStore& keys, engine::EventQueue& event_queue, const Clock& clock,
      Sign sign, std::function<void(const std::string& host)> compare = [](const std::string&) {})
      : fleet_(fleet),
        keys_(keys),
        event_queue_(event_queue),
        clock_(clock),
        sign_(std::move(sign)),
        compare_(std::move(compare)) {}

  void Send(const engine::SendTask& task) override { fleet_.Send(task); }
  void Cancel(const engine::CancelTask& cancel) override { fleet_.Cancel(cancel); }
  void Acknowledge(const engine::AcknowledgeTask& acknowledge) override { fleet_.Acknowledge(acknowledge); }
  // Destroys the key first: a record that cannot be signed yet is made when this is tried again.
  void Erase(const engine::EraseKey& erase) override;
  void End(const engine::EndSession& end) override { fleet_.End(end); }
  void Compare(const engine::CompareInventory& compare) override { compare_(compare.host); }

 private:
  absl::StatusOr<domain::Erasure> DestroyAndRecord(const engine::EraseKey& erase);

  fleet::Fleet& fleet_;
  keyring::KeyStore& keys_;
  engine::EventQueue& event_queue_;
  const Clock& clock_;
  const Sign sign_;
  const std::function<void(const std::string& host)> compare_;
  WorkerPool eraser_{1, 0};
};

}  // namespace croft::server
