#include "tools/croftctl/targets.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/format.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr int kMostParallel = 64;

absl::Status CheckFlags(const TargetFlags& flags) {
  if (flags.id.empty() == flags.selector.empty()) {
    return UsageError("name one tenant, or many with -l SELECTOR; one of the two");
  }
  if (flags.parallel < 1 || flags.parallel > kMostParallel) {
    return UsageError(absl::StrCat("--parallel wants 1 to ", kMostParallel, ", not ", flags.parallel));
  }
  if (flags.max_failures < 1) return UsageError("--max-failures wants 1 or more");
  return absl::OkStatus();
}

// What several threads work off together.
struct Work {
  std::atomic<size_t> next = 0;
  std::atomic<int> done = 0;
  std::atomic<int> failed = 0;
};

}  // namespace

void TargetFlags::AddTo(CLI::App& verb) {
  verb.add_option("TENANT", id, "Id of the tenant");
  verb.add_option("-l,--selector", selector, "Every tenant with these labels, such as app=shop,tier!=free");
  verb.add_option("--parallel", parallel, "With -l: how many at a time")->capture_default_str();
  verb.add_option("--max-failures", max_failures, "With -l: begin no more after so many have failed")
      ->capture_default_str();
}

absl::StatusOr<Targets> FindTargets(Session& session, const TargetFlags& flags, bool retired) {
  CROFT_RETURN_IF_ERROR(CheckFlags(flags));
  if (!flags.id.empty()) return Targets{.each = {{LastPart(flags.id), ""}}};
  v1::ListTenantsRequest request;
  CROFT_ASSIGN_OR_RETURN(*request.mutable_filter(), SelectorToFilter(flags.selector));
  request.set_show_retired(retired);
  CROFT_ASSIGN_OR_RETURN(const auto tenants, ListAll(session.client, kTenants, request, 0));
  Targets targets{.many = true, .parallel = flags.parallel, .max_failures = flags.max_failures};
  for (const v1::Tenant& tenant : tenants.items) {
    const std::string id = LastPart(tenant.name());
    targets.each.push_back({id, id});
  }
  if (targets.each.empty()) session.terminal.Say(absl::StrCat("no tenant has ", flags.selector));
  return targets;
}

absl::Status ConfirmEach(const Session& session, absl::string_view verb, const TargetFlags& flags) {
  CROFT_RETURN_IF_ERROR(CheckFlags(flags));
  return flags.selector.empty() ? session.Confirm(absl::StrCat(verb, " tenant"), LastPart(flags.id))
                                : session.Confirm(absl::StrCat(verb, " every tenant with"), flags.selector);
}

std::vector<absl::Status> RunEach(Session& session, const Targets& targets,
                                  const std::function<absl::Status(size_t)>& work) {
  const size_t count = targets.each.size();
  std::vector<absl::Status> statuses(count, absl::CancelledError("not begun"));
  Work shared;
  ProgressLine line(session.terminal);
  // An interrupt must not end the process between two calls, before what was begun is told.
  Interrupts::Scope scope(session.interrupts, [] {});
  const auto run = [&] {
    for (;;) {
      if (shared.failed >= targets.max_failures || session.interrupts.Raised()) return;
      const size_t i = shared.next++;
      if (i >= count) return;
      statuses[i] = work(i);
      if (!statuses[i].ok()) ++shared.failed;
      line.Show(absl::StrCat(++shared.done, " of ", count, " done, ", shared.failed.load(), " failed"));
    }
  };
  std::vector<std::thread> threads;
  const size_t width = std::min(count, static_cast<size_t>(targets.parallel));
  for (size_t i = 0; i < width; ++i) threads.emplace_back(run);
  for (std::thread& thread : threads) thread.join();
  return statuses;
}

absl::Status SumUp(Session& session, const Targets& targets, const std::vector<absl::Status>& statuses) {
  const std::vector<Cell> headers = {{"failed"}, {"reason"}, {"message"}, {"operation"}, {"next"}};
  std::vector<std::vector<Cell>> rows;
  ExitCode code = ExitCode::kDone;
  bool interrupted = false;
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i].ok()) continue;
    ErrorDetails details = DetailsOf(statuses[i]);
    rows.push_back({{"", targets.each[i].id},
                    {"", details.reason},
                    {"", std::string(statuses[i].message())},
                    {"", details.metadata["operation"]},
                    {"", NextStep(statuses[i])}});
    const ExitCode own = ExitCodeOf(statuses[i]);
    interrupted = interrupted || own == ExitCode::kInterrupted;
    if (statuses[i] == absl::CancelledError("not begun")) continue;
    code = code == ExitCode::kDone || code == own ? own : ExitCode::kError;
  }
  if (rows.empty()) return absl::OkStatus();
  session.terminal.err() << TableText(headers, rows, false) << std::flush;
  return WithExitCode(
      absl::UnknownError(absl::StrCat(rows.size(), " of ", statuses.size(), " did not succeed")),
      interrupted ? ExitCode::kInterrupted : code);
}

absl::Status OperateOnEach(Session& session, const TargetFlags& flags, bool retired,
                           const std::function<absl::StatusOr<v1::Operation>(const Target&)>& begin) {
  CROFT_ASSIGN_OR_RETURN(const Targets targets, FindTargets(session, flags, retired));
  if (!targets.many) return FinishAndPrint(session, begin(targets.each.front()));
  const auto print = [&](const std::vector<v1::Operation>& operations) {
    return PrintOperations(session, operations);
  };
  const auto operate = [&](const Target& target) -> Answer<v1::Operation> {
    absl::StatusOr<v1::Operation> operation = begin(target);
    if (!operation.ok()) return {std::nullopt, operation.status()};
    const absl::Status outcome = Finish(session, *operation, [](const v1::Operation&) {});
    return {*std::move(operation), outcome};
  };
  return ChangeEach<v1::Operation>(session, targets, print, operate);
}

}  // namespace croft::ctl
