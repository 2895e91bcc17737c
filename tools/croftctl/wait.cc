// Waits for operations and shows their progress.

#include "tools/croftctl/wait.h"

#include <algorithm>
#include <string>

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "croft/v1/operation.grpc.pb.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/views.h"

namespace croft::ctl {
namespace {

using Operations = v1::OperationService::Stub;

// A watch is begun anew this often, so that a connection that died without a word is noticed.
constexpr absl::Duration kWatch = absl::Minutes(1);
constexpr absl::Duration kPoll = absl::Seconds(5);
constexpr absl::Duration kPause = absl::Milliseconds(300);
constexpr absl::Duration kLostContact = absl::Minutes(1);

// An end of the wait that leaves the operation running.
absl::Status StillRunning(absl::StatusCode code, absl::string_view reason, absl::string_view what,
                          const v1::Operation& operation, ExitCode exit_code) {
  return WithExitCode(
      MakeError(code, absl::StrCat(what, "; ", operation.name(), " goes on"),
                {.reason = std::string(reason), .metadata = {{"operation", operation.name()}}}),
      exit_code);
}

absl::Status TimedOut(const v1::Operation& operation) {
  return StillRunning(absl::StatusCode::kDeadlineExceeded, "WAIT_TIMED_OUT", "the wait has timed out",
                      operation, ExitCode::kWaitTimedOut);
}

absl::Status Interrupted(const v1::Operation& operation) {
  return StillRunning(absl::StatusCode::kCancelled, "WAIT_INTERRUPTED", "interrupted", operation,
                      ExitCode::kInterrupted);
}

// For a server that does not stream.
absl::Status Poll(Client& client, v1::Operation& operation, const OnProgress& each) {
  while (!operation.done()) {
    const absl::Duration left = client.limit() - absl::Now();
    if (left <= absl::ZeroDuration()) return TimedOut(operation);
    v1::WaitOperationRequest request;
    request.set_name(operation.name());
    *request.mutable_timeout() = ToProto(std::min(kPoll, left));
    absl::StatusOr<v1::Operation> seen = client.Call(&Operations::WaitOperation, request);
    if (client.interrupts().Raised()) return Interrupted(operation);
    if (absl::IsDeadlineExceeded(seen.status())) continue;
    CROFT_RETURN_IF_ERROR(seen.status());
    operation = *std::move(seen);
    if (!each(operation)) return absl::OkStatus();
  }
  return absl::OkStatus();
}

// A stream that ends for these may be begun anew.
bool MayGoOn(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status);
}

// Empty where nothing was begun.
std::string NameLine(const v1::Operation& operation) {
  const bool succeeded = operation.state() == v1::Operation::STATE_SUCCEEDED;
  const std::string& made = operation.result().empty() ? operation.target() : operation.result();
  const std::string& name = succeeded ? made : operation.name();
  return name.empty() ? "" : absl::StrCat(name, "\n");
}

}  // namespace

absl::Status Follow(Client& client, v1::Operation& operation, const OnProgress& each) {
  absl::Time last_contact = absl::Now();
  bool go_on = true;
  v1::WatchOperationRequest request;
  request.set_name(operation.name());
  while (!operation.done()) {
    const absl::Time until = std::min(client.limit(), absl::Now() + kWatch);
    const absl::Status status = client.Stream<Operations, v1::WatchOperationRequest, v1::Operation>(
        &Operations::WatchOperation, request, until, [&](const v1::Operation& seen) {
          operation = seen;
          last_contact = absl::Now();
          return go_on = each(operation);
        });
    if (operation.done() || !go_on) break;
    if (client.interrupts().Raised()) return Interrupted(operation);
    if (absl::Now() >= client.limit()) return TimedOut(operation);
    if (absl::IsUnimplemented(status)) return Poll(client, operation, each);
    if (!MayGoOn(status)) return status;
    if (absl::IsDeadlineExceeded(status)) continue;
    if (absl::Now() - last_contact > kLostContact) {
      return StillRunning(absl::StatusCode::kUnavailable, "CONTACT_LOST", status.message(), operation,
                          ExitCode::kUnavailable);
    }
    if (!client.interrupts().Sleep(kPause)) return Interrupted(operation);
  }
  return absl::OkStatus();
}

absl::Status OutcomeOf(const v1::Operation& operation) {
  if (!operation.done() || operation.state() == v1::Operation::STATE_SUCCEEDED) return absl::OkStatus();
  const absl::Status error = FromWire(operation.error());
  ErrorDetails details = DetailsOf(error);
  details.metadata["operation"] = operation.name();
  const bool cancelled = operation.state() == v1::Operation::STATE_CANCELLED;
  return WithExitCode(MakeError(error.ok() ? absl::StatusCode::kUnknown : error.code(),
                                absl::StrCat(KindOf(operation), " of ", operation.target(),
                                             cancelled ? " was cancelled" : " failed",
                                             error.message().empty() ? "" : ": ", error.message()),
                                std::move(details)),
                      ExitCode::kOperationFailed);
}

bool IsFollowed(const Session& session, const v1::Operation& operation) {
  return !session.flags.dry_run && session.flags.wait && !operation.name().empty();
}

std::string SilentHostOf(const v1::Operation& operation) {
  absl::string_view text = operation.progress();
  if (operation.done() || !absl::ConsumePrefix(&text, "waiting for hosts/")) return "";
  return std::string(text.substr(0, text.find(',')));
}

absl::Status FinishVisibly(Session& session, v1::Operation& operation) {
  ProgressLine line(session.terminal);
  const auto show = [&](const v1::Operation& seen) {
    const std::string progress = ProgressOf(seen);
    std::string text =
        absl::StrCat(KindOf(seen), " ", seen.target(), progress.empty() ? "" : ": ", progress);
    session.terminal.Detail(absl::StrCat(seen.name(), ": ", text));
    line.Show(std::move(text));
    return true;
  };
  show(operation);
  if (!IsFollowed(session, operation)) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(Follow(session.client, operation, show));
  return OutcomeOf(operation);
}

absl::Status PrintOperation(Session& session, const v1::Operation& operation) {
  const Format format = session.printer.format();
  if (session.IsHushed()) return absl::OkStatus();
  // What was only tried has nothing else to show.
  if (session.flags.dry_run && format == Format::kTable)
    return operation.has_estimate() ? session.printer.One(operation.estimate()) : absl::OkStatus();
  if (format != Format::kName) return session.printer.One(operation);
  session.printer.Text(NameLine(operation));
  return absl::OkStatus();
}

absl::Status PrintOperations(Session& session, const std::vector<v1::Operation>& operations) {
  if (session.IsHushed()) return absl::OkStatus();
  if (session.printer.format() != Format::kName) return session.printer.List("operations", operations);
  for (const v1::Operation& operation : operations) session.printer.Text(NameLine(operation));
  return absl::OkStatus();
}

void SayWarnings(Session& session, const v1::Operation& operation) {
  if (!operation.done() || operation.warnings().empty()) return;
  const int count = std::max(operation.warning_count(), operation.warnings_size());
  session.terminal.Say(absl::StrCat(KindOf(operation), " of ", operation.target(), " has ", count,
                                    count == 1 ? " warning" : " warnings", "; croftctl op get ",
                                    LastPart(operation.name()), " shows all of it"));
  for (const v1::Finding& warning : operation.warnings()) {
    session.terminal.Say(
        absl::StrCat("  ", SummaryOf(warning), ": ", Printable(warning.message()),
                     warning.remedy().empty() ? "" : "; remedy: ", Printable(warning.remedy())));
  }
}

absl::Status FinishAndPrint(Session& session, absl::StatusOr<v1::Operation> operation) {
  CROFT_RETURN_IF_ERROR(operation.status());
  const absl::Status outcome = FinishVisibly(session, *operation);
  CROFT_RETURN_IF_ERROR(PrintOperation(session, *operation));
  SayWarnings(session, *operation);
  return outcome;
}

}  // namespace croft::ctl
