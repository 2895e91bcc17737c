#include <string>

#include "agent/session/wire.h"
#include "controlplane/fleet/messages.h"
#include "croft/v1/agent.pb.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

// A task as an agent reads it: taken, or refused by the field.
void ReadTask(const std::string& bytes) {
  v1::Task message;
  message.ParsePartialFromString(bytes);
  const auto task = agent::TaskFromProto(message);
  if (task.ok()) return;
  Check(task.status().code() == absl::StatusCode::kInvalidArgument ||
            task.status().code() == absl::StatusCode::kUnimplemented,
        "a task is taken, refused by a field, or of an unknown kind");
}

// What an agent sends, as the control plane reads it.
void ReadFromAgent(const std::string& bytes) {
  v1::ConnectRequest message;
  message.ParsePartialFromString(bytes);
  const domain::HostReport first = fleet::ReadReport(message.hello());
  static_cast<void>(fleet::ReadReport(message.heartbeat().report(), first));
  static_cast<void>(fleet::ReadResult("h1", message.result()));
  v1::Fencing back;
  fleet::WriteFencing(fleet::ReadFencing(message.result().fencing()), back);
  Check(back.SerializeAsString().size() <= message.result().fencing().SerializeAsString().size(),
        "a fencing position comes back");
}

void ReadStatus(const std::string& details, const std::string& text) {
  for (const auto code : {grpc::StatusCode::ABORTED, grpc::StatusCode::UNKNOWN}) {
    const absl::Status status = agent::StatusFromGrpc(grpc::Status(code, text, details));
    Check(!status.ok(), "an error stays an error");
  }
}

}  // namespace

void AgentMessages(absl::string_view bytes) {
  Pieces pieces(bytes);
  switch (pieces.Byte() % 3) {
    case 0: return ReadTask(pieces.Rest());
    case 1: return ReadFromAgent(pieces.Rest());
    default: {
      const std::string text = pieces.Text();
      return ReadStatus(pieces.Rest(), text);
    }
  }
}

}  // namespace croft::fuzz
