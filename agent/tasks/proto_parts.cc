// Reads the parts of agent.proto's messages that several kinds of work have.

#include "agent/tasks/proto_parts.h"

namespace croft::agent {

absl::Duration FromProto(const google::protobuf::Duration& proto) {
  return absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

Login FromProto(const v1::Login& proto) {
  return {.name = proto.name(), .read_only = proto.read_only(), .verifier = proto.verifier()};
}

std::vector<Login> FromProto(const google::protobuf::RepeatedPtrField<v1::Login>& protos) {
  std::vector<Login> logins;
  for (const v1::Login& proto : protos) logins.push_back(FromProto(proto));
  return logins;
}

DatabaseLimits FromProto(const v1::DatabaseLimits& proto) {
  return {.connections = proto.connections(),
          .statement_timeout = FromProto(proto.statement_timeout()),
          .closed_for_growth = proto.closed_for_growth()};
}

BackupSource FromProto(const v1::BackupSource& proto) {
  return {.backup = proto.backup(),
          .store = proto.store(),
          .key = proto.key(),
          .uid = proto.uid(),
          .generation = proto.generation(),
          .sha256 = proto.sha256(),
          .owner_role = proto.owner_role(),
          .reader_role = proto.reader_role()};
}

}  // namespace croft::agent
