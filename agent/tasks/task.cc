// Reads the work of a task, and names the kinds of tasks.

#include "agent/tasks/task.h"

#include <type_traits>

#include <google/protobuf/descriptor.h>

#include "agent/tasks/task_kinds.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

// As agent.proto calls the field of Task.work that is set; empty for none that this agent knows.
std::string WorkNameOf(const v1::Task& proto) {
  const google::protobuf::OneofDescriptor* work = proto.GetDescriptor()->FindOneofByName("work");
  const google::protobuf::FieldDescriptor* set =
      proto.GetReflection()->GetOneofFieldDescriptor(proto, work);
  return set == nullptr ? "" : std::string(set->name());
}

}  // namespace

const TaskKind& KindOf(const Work& work) {
  return std::visit([](const auto& one) -> const TaskKind& { return std::decay_t<decltype(one)>::kKind; },
                    work);
}

std::vector<std::string> TaskKindNames() {
  std::vector<std::string> names;
  ForEachWork([&]<typename W>(WorkType<W>) { names.emplace_back(W::kKind.name); });
  return names;
}

absl::StatusOr<Work> WorkFromProto(const v1::Task& proto) {
  absl::StatusOr<Work> read = MakeError(absl::StatusCode::kUnimplemented,
                                        "this agent does not know the work it was asked to do; update it",
                                        {.reason = "UNKNOWN_TASK"});
  const std::string name = WorkNameOf(proto);
  ForEachWork([&]<typename W>(WorkType<W>) {
    static_assert(kIsRun<W>, "a kind of task has no Run()");
    if (W::kKind.name == name) read = W::FromProto(proto);
  });
  return read;
}

}  // namespace croft::agent
