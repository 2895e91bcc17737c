// Runs a verb over many tenants and sums up what came of it.

#include "tools/croftctl/bulk.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "tools/croftctl/bulk_queue.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/table.h"

namespace croft::ctl {
namespace {

// The workers of one RunEach.
class Bulk {
 public:
  Bulk(Session& session, const Targets& targets, const Begin& begin)
      : session_(session),
        targets_(targets),
        begin_(begin),
        queue_(HostsOf(targets), targets.max_failures),
        line_(session.terminal),
        outcomes_(targets.each.size()) {}

  std::vector<Outcome> Run() {
    // Without a scope an interrupt would end the process between two calls, before what was begun is told.
    Interrupts::Scope scope(session_.interrupts, [this] { queue_.Stop(); });
    std::vector<std::thread> threads;
    const size_t width = std::min(targets_.each.size(), static_cast<size_t>(targets_.parallel));
    for (size_t i = 0; i < width; ++i) threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads) thread.join();
    return std::move(outcomes_);
  }

 private:
  static std::vector<std::string> HostsOf(const Targets& targets) {
    std::vector<std::string> hosts;
    for (const Target& target : targets.each) hosts.push_back(target.host);
    return hosts;
  }

  void Work() {
    while (const auto job = queue_.Next()) {
      Outcome& outcome = outcomes_[job->target];
      std::string silent_host;
      if (job->parked) {
        GoOn(outcome);
      } else {
        silent_host = BeginOne(job->target, outcome);
      }
      if (!silent_host.empty()) {
        queue_.Park(job->target, silent_host);
      } else {
        queue_.Finish(job->target, !outcome.status.ok());
      }
      if (absl::Now() >= session_.limit) queue_.Stop();
      ShowProgress();
    }
  }

  // The host that the target's operation waits for and that is silent, or empty when it has ended.
  std::string BeginOne(size_t target, Outcome& outcome) {
    outcome.begun = true;
    absl::StatusOr<v1::Operation> operation = begin_(targets_.each[target]);
    outcome.status = operation.status();
    if (!operation.ok()) return "";
    outcome.operation = *std::move(operation);
    if (!IsFollowed(session_, outcome.operation)) return "";
    std::string silent_host;
    outcome.status = Follow(session_.client, outcome.operation, [&](const v1::Operation& seen) {
      silent_host = SilentHostOf(seen);
      return silent_host.empty();
    });
    if (outcome.status.ok() && silent_host.empty()) outcome.status = OutcomeOf(outcome.operation);
    return outcome.status.ok() && !outcome.operation.done() ? silent_host : "";
  }

  void GoOn(Outcome& outcome) {
    outcome.status = Follow(session_.client, outcome.operation, [](const v1::Operation&) { return true; });
    if (outcome.status.ok()) outcome.status = OutcomeOf(outcome.operation);
  }

  void ShowProgress() {
    const BulkQueue::Counts counts = queue_.counts();
    std::string text =
        absl::StrCat(counts.finished, " of ", targets_.each.size(), " done, ", counts.failed, " failed");
    if (counts.waiting > 0) absl::StrAppend(&text, ", ", counts.waiting, " waiting for a silent host");
    line_.Show(std::move(text));
  }

  Session& session_;
  const Targets& targets_;
  const Begin& begin_;
  BulkQueue queue_;
  ProgressLine line_;
  std::vector<Outcome> outcomes_;  // each written by the worker that has its target
};

// What the end of many was, in numbers.
struct Tally {
  size_t failed = 0;
  size_t running = 0;  // the wait for them has ended, not they
  size_t not_begun = 0;
  ExitCode code = ExitCode::kDone;  // that all failures share
  ExitCode waiting_code = ExitCode::kDone;

  void Count(const Outcome& outcome) {
    const ExitCode own = ExitCodeOf(outcome.status);
    if (!outcome.begun) {
      ++not_begun;
    } else if (own == ExitCode::kInterrupted || own == ExitCode::kWaitTimedOut) {
      ++running;
      waiting_code = own;
    } else if (!outcome.status.ok()) {
      ++failed;
      code = code == ExitCode::kDone || code == own ? own : ExitCode::kError;
    }
  }

  std::string Text(size_t of) const {
    std::vector<std::string> parts;
    if (failed > 0) parts.push_back(absl::StrCat(failed, " failed"));
    if (running > 0) parts.push_back(absl::StrCat(running, running == 1 ? " still runs" : " still run"));
    if (not_begun > 0)
      parts.push_back(absl::StrCat(not_begun, not_begun == 1 ? " was" : " were", " not begun"));
    return absl::StrCat("of ", of, ": ", absl::StrJoin(parts, ", "));
  }
};

std::vector<Cell> RowOf(const Target& target, const Outcome& outcome) {
  ErrorDetails details = DetailsOf(outcome.status);
  return {{"", target.id},
          {"", details.reason},
          {"", std::string(outcome.status.message())},
          {"", details.metadata["operation"]},
          {"", NextStep(outcome.status)}};
}

}  // namespace

std::vector<Outcome> RunEach(Session& session, const Targets& targets, const Begin& begin) {
  return Bulk(session, targets, begin).Run();
}

absl::Status SumUp(Session& session, const Targets& targets, const std::vector<Outcome>& outcomes) {
  const std::vector<Cell> headers = {{"failed"}, {"reason"}, {"message"}, {"operation"}, {"next"}};
  std::vector<std::vector<Cell>> rows;
  auto failures = nlohmann::ordered_json::array();
  Tally tally;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    tally.Count(outcomes[i]);
    if (!outcomes[i].begun || outcomes[i].status.ok()) continue;
    rows.push_back(RowOf(targets.each[i], outcomes[i]));
    nlohmann::ordered_json failure = {{"id", targets.each[i].id}};
    failure.update(ErrorJson(outcomes[i].status));
    failures.push_back(std::move(failure));
  }
  if (rows.empty() && tally.not_begun == 0) return absl::OkStatus();
  // As JSON they stand in the error.
  if (!rows.empty() && session.printer.format() != Format::kJson)
    session.terminal.err() << TableText(headers, rows, {.terminal = session.terminal.width()})
                           << std::flush;
  ExitCode code = tally.code;
  if (session.interrupts.Raised()) code = ExitCode::kInterrupted;
  if (code == ExitCode::kDone) code = tally.running > 0 ? tally.waiting_code : ExitCode::kWaitTimedOut;
  return WithFailures(WithExitCode(absl::UnknownError(tally.Text(outcomes.size())), code), failures);
}

absl::Status OperateOnEach(Session& session, const Targets& targets, const Begin& begin) {
  if (!targets.many) return FinishAndPrint(session, begin(targets.each.front()));
  const std::vector<Outcome> outcomes = RunEach(session, targets, begin);
  std::vector<v1::Operation> operations;
  for (const Outcome& outcome : outcomes) {
    // With --dry-run an operation that would be begun has no name.
    if (outcome.begun && (outcome.status.ok() || !outcome.operation.name().empty()))
      operations.push_back(outcome.operation);
  }
  CROFT_RETURN_IF_ERROR(PrintOperations(session, operations));
  for (const v1::Operation& operation : operations) SayWarnings(session, operation);
  return SumUp(session, targets, outcomes);
}

}  // namespace croft::ctl
