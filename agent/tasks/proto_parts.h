#pragma once

#include <vector>

#include <absl/time/time.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/repeated_ptr_field.h>

#include "agent/tasks/task.h"
#include "croft/v1/agent.pb.h"

// The parts of agent.proto's messages that several kinds of work have, as the agent's own types.
namespace croft::agent {

[[nodiscard]] absl::Duration FromProto(const google::protobuf::Duration& proto);
[[nodiscard]] Login FromProto(const v1::Login& proto);
[[nodiscard]] std::vector<Login> FromProto(const google::protobuf::RepeatedPtrField<v1::Login>& protos);
[[nodiscard]] DatabaseLimits FromProto(const v1::DatabaseLimits& proto);
[[nodiscard]] BackupSource FromProto(const v1::BackupSource& proto);

}  // namespace croft::agent
