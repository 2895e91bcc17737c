#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/names.h"
#include "tools/croftctl/tool.h"
#include "tools/croftctl/wait.h"

// One tenant by id, or many by a selector.
namespace croft::ctl {

struct TargetFlags {
  std::string id;
  std::string selector;
  int parallel = 4;
  int max_failures = 1;

  void AddTo(CLI::App& verb);
};

struct Target {
  std::string id;
  std::string key;  // of its request id; empty where it is the only one
};

struct Targets {
  std::vector<Target> each;
  bool many = false;  // by a selector, also when that finds one
  int parallel = 1;
  int max_failures = 1;
};

// Which tenants the flags mean; retired ones are looked for only when `retired`.
[[nodiscard]] absl::StatusOr<Targets> FindTargets(Session& session, const TargetFlags& flags, bool retired);

// Session::Confirm for these tenants; `verb` says what becomes of them, such as "purges".
[[nodiscard]] absl::Status ConfirmEach(const Session& session, absl::string_view verb,
                                       const TargetFlags& flags);

// What became of one target: both where work on it failed after the server had answered.
template <class Message>
struct Answer {
  std::optional<Message> message;
  absl::Status status;
};

// Calls `work` with each index below `count`, from `parallel` threads, beginning none after `max_failures` have
// failed or an interrupt. The statuses by index; CANCELLED for those that were not begun.
[[nodiscard]] std::vector<absl::Status> RunEach(Session& session, const Targets& targets,
                                                const std::function<absl::Status(size_t)>& work);

// Says on standard error, in a table, what failed. OK when nothing did, else an error with the exit code that all
// failures share, or the general one.
[[nodiscard]] absl::Status SumUp(Session& session, const Targets& targets,
                                 const std::vector<absl::Status>& statuses);

// Does `change` to each of many targets, hands the answers there are to `print`, in the targets' order, and sums up.
template <class Message>
[[nodiscard]] absl::Status ChangeEach(Session& session, const Targets& targets,
                                      const std::function<absl::Status(const std::vector<Message>&)>& print,
                                      const std::function<Answer<Message>(const Target&)>& change) {
  std::vector<Answer<Message>> answers(targets.each.size());
  const std::vector<absl::Status> statuses = RunEach(session, targets, [&](size_t i) {
    answers[i] = change(targets.each[i]);
    return answers[i].status;
  });
  std::vector<Message> messages;
  for (Answer<Message>& answer : answers) {
    if (answer.message) messages.push_back(*std::move(answer.message));
  }
  const absl::Status printed = print(messages);
  return printed.ok() ? SumUp(session, targets, statuses) : printed;
}

// Begins an operation for each of the targets that `flags` mean, follows them and prints them.
[[nodiscard]] absl::Status OperateOnEach(
    Session& session, const TargetFlags& flags, bool retired,
    const std::function<absl::StatusOr<v1::Operation>(const Target&)>& begin);

// The same where beginning is to send `request` with the tenant's name. `confirmed`: whoever asks for it was asked whether
// they mean it, and says so to the server where it wants to know.
template <class Stub, class Request>
[[nodiscard]] absl::Status OperateOnEach(Session& session, const TargetFlags& flags, bool retired,
                                         grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                      v1::Operation*),
                                         const Request& request, bool confirmed = false) {
  return OperateOnEach(session, flags, retired, [&](const Target& target) {
    Request named = request;
    named.set_name(TenantName(target.id));
    if constexpr (requires { named.set_confirm(named.name()); }) {
      if (confirmed) named.set_confirm(named.name());
    }
    return session.Change(method, named, target.key);
  });
}

}  // namespace croft::ctl
