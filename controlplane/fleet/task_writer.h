#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/engine/engine.h"
#include "controlplane/keyring/key_store.h"
#include "croft/v1/agent.pb.h"

// Writes tasks as agents get them.
namespace croft::fleet {

// The task as its agent gets it: names, limits, verifiers, and for backups their opened key. `now` decides
// which logins still work. Errors are those of the key store, and INTERNAL, TASK_INCOMPLETE, when the plan
// names what is not there. Reads the key store's file.
[[nodiscard]] absl::StatusOr<v1::Task> WriteTask(const engine::SendTask& task, keyring::KeyStore& keys,
                                                 absl::Time now);

}  // namespace croft::fleet
