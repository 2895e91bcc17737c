#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "tools/croftctl/client.h"
#include "tools/croftctl/environment.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/interrupts.h"
#include "tools/croftctl/printer.h"
#include "tools/croftctl/settings.h"
#include "tools/croftctl/terminal.h"

namespace croft::ctl {

// What every verb works with. Its parts outlive it.
struct Tool {
  const Flags& flags;
  const Environment& environment;
  const Settings& settings;
  absl::Time limit;  // end of the whole command; InfiniteFuture without --timeout
  Interrupts& interrupts;
  Terminal& terminal;
  Printer& printer;
};

// What a verb that talks to the control plane works with besides.
class Session : public Tool {
 public:
  Session(const Tool& tool, Client& client);

  // The UUID under which this command changes things: with a `key` (such as a tenant's id) the one of that part
  // of it. The same for the whole run, so that a repeated call has one effect.
  std::string RequestId(absl::string_view key = "") const;

  // Asks that `name` be typed before something that cannot be undone; `what` says it, such as "purges tenant".
  [[nodiscard]] absl::Status Confirm(absl::string_view what, absl::string_view name) const;
  // Asks that `answer` be typed before `what` is done; nothing is asked with --yes or --dry-run.
  [[nodiscard]] absl::Status Ask(absl::string_view what, absl::string_view answer) const;
  // A usage error where Ask could not ask, for verbs that make calls before they do.
  [[nodiscard]] absl::Status CheckCanAsk(absl::string_view what) const;

  // A call that changes something: sets `request_id` and, with --dry-run, `validate_only`.
  template <class Stub, class Request, class Response>
  [[nodiscard]] absl::StatusOr<Response> Change(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                             const Request&, Response*),
                                                Request request, absl::string_view key = "") {
    request.set_request_id(RequestId(key));
    if constexpr (requires { request.set_validate_only(true); }) {
      request.set_validate_only(flags.dry_run);
    } else if (flags.dry_run) {
      return NoDryRun();
    }
    absl::StatusOr<Response> response = client.Call(method, request);
    if (!response.ok()) return WithRequestId(response.status(), request.request_id());
    return response;
  }

  // Whether what a change answers is not to be shown: with --quiet, unless -o asks for it.
  bool IsHushed() const { return flags.quiet && settings.format == Format::kTable; }
  // Prints what a change answered.
  template <class Message>
  [[nodiscard]] absl::Status ShowChanged(const absl::StatusOr<Message>& answer) {
    if (!answer.ok() || IsHushed()) return answer.status();
    return printer.One(*answer);
  }

  Client& client;

 private:
  static absl::Status NoDryRun();

  const std::string request_id_;
};

}  // namespace croft::ctl
