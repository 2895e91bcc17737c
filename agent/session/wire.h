#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/support/status.h>

#include "agent/server/server.h"
#include "agent/tasks/task.h"
#include "croft/v1/agent.pb.h"

// agent.proto to and from this side's types. Pure.
namespace croft::agent {

// INVALID_ARGUMENT naming the field of a task that lacks what its work needs; UNIMPLEMENTED (UNKNOWN_TASK) for
// a kind of work that this agent does not know.
[[nodiscard]] absl::StatusOr<Task> TaskFromProto(const v1::Task& proto);

[[nodiscard]] Fencing FencingFromProto(const v1::Fencing& proto);
[[nodiscard]] v1::Fencing ToProto(const Fencing& fencing);
// What is told of a task that has ended. An inventory's findings are not in it: they go by InventoryParts.
[[nodiscard]] v1::TaskResult ResultToProto(const Fencing& fencing, const absl::StatusOr<Outcome>& outcome);

// The backup stores that this agent reaches.
struct StoresToTell {
  std::vector<std::string> ids;              // the one it writes to first
  std::map<std::string, std::string> names;  // by id, of those that were given one
};
[[nodiscard]] v1::HostReport ToProto(const ServerReport& report, const StoresToTell& stores);

// With the details that a control plane's error carries.
[[nodiscard]] absl::Status StatusFromGrpc(const grpc::Status& status);

}  // namespace croft::agent
