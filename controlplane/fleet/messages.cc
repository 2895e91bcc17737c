#include "controlplane/fleet/messages.h"

#include <cstdlib>

namespace croft::fleet {

domain::HostReport ReadReport(const v1::Hello& hello) {
  domain::HostReport first;
  first.agent_version = hello.agent_version();
  first.task_kinds.assign(hello.task_kinds().begin(), hello.task_kinds().end());
  return ReadReport(hello.report(), first);
}

domain::HostReport ReadReport(const v1::HostReport& report, const domain::HostReport& first) {
  domain::HostReport read;
  read.agent_version = first.agent_version;
  read.task_kinds = first.task_kinds;
  read.postgres_up = report.postgres_up();
  read.postgres_version = report.postgres_version();
  read.system_identifier = report.system_identifier();
  read.timeline = report.timeline();
  read.advertise_endpoints.assign(report.advertise_endpoints().begin(), report.advertise_endpoints().end());
  read.free_bytes = report.free_bytes();
  read.stores.assign(report.stores().begin(), report.stores().end());
  read.tls = report.tls();
  read.root_certificate = report.root_certificate();
  read.problem = report.problem();
  return read;
}

engine::Fencing ReadFencing(const v1::Fencing& fencing) {
  return {.epoch = fencing.epoch(),
          .order = fencing.order(),
          .operation = fencing.operation(),
          .step = fencing.step(),
          .attempt = fencing.attempt()};
}

void WriteFencing(const engine::Fencing& fencing, v1::Fencing& into) {
  into.set_epoch(fencing.epoch);
  into.set_order(fencing.order);
  into.set_operation(fencing.operation);
  into.set_step(fencing.step);
  into.set_attempt(fencing.attempt);
}

engine::TaskReport ReadResult(const std::string& host, const v1::TaskResult& result) {
  engine::TaskReport report{.host = host, .fencing = ReadFencing(result.fencing())};
  switch (result.outcome_case()) {
    case v1::TaskResult::kDone: report.outcome = engine::TaskDone{result.done().message()}; break;
    case v1::TaskResult::kBackedUp: {
      const v1::BackUpDone& done = result.backed_up();
      report.outcome = engine::BackedUp{.size_bytes = done.size_bytes(),
                                        .sha256 = done.sha256(),
                                        .server_version = done.server_version(),
                                        .table_count = done.table_count(),
                                        .row_count = done.row_count()};
      break;
    }
    case v1::TaskResult::kVerified:
      report.outcome = engine::Verified{.table_count = result.verified().table_count(),
                                        .row_count = result.verified().row_count()};
      break;
    case v1::TaskResult::kError:
      report.outcome = engine::TaskError{.reason = result.error().reason(),
                                         .message = result.error().message(),
                                         .retryable = result.error().retryable()};
      break;
    case v1::TaskResult::OUTCOME_NOT_SET:
      // A newer agent's kind of outcome: it ended, and this is all that is known.
      report.outcome = engine::TaskError{
          .reason = "OUTCOME_UNKNOWN",
          .message = "the agent answered with an outcome that this control plane does not know; update it"};
      break;
  }
  return report;
}

bool SaysSomethingNew(const domain::HostReport& told, const domain::HostReport& now) {
  domain::HostReport same_space = now;
  same_space.free_bytes = told.free_bytes;
  if (same_space != told) return true;
  return std::abs(now.free_bytes - told.free_bytes) * 20 >= told.free_bytes &&
         now.free_bytes != told.free_bytes;
}

}  // namespace croft::fleet
