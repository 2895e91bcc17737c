// Collects what hosts report while a catalog is rebuilt.

#include "controlplane/server/host_reports.h"

#include <utility>
#include <variant>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/log.h"

namespace croft::server {

absl::StatusOr<engine::Answer> HostReports::Call(engine::Caller, engine::RequestBody) {
  return MakeError(absl::StatusCode::kUnavailable, "the catalog is being rebuilt; ask again later",
                   {.reason = "CATALOG_REBUILDING", .retry_delay = absl::Seconds(5)});
}

void HostReports::Post(engine::Event event) {
  const MutexLock lock(mutex_);
  if (auto* seen = std::get_if<engine::HostSeen>(&event)) {
    Known& known = known_[seen->host];
    known = {.session = known.session + 1, .here = true, .report = std::move(seen->report)};
    changed_.NotifyAll();
  } else if (auto* told = std::get_if<engine::HostReported>(&event)) {
    known_[told->host].report = std::move(told->report);
    changed_.NotifyAll();
  } else if (const auto* lost = std::get_if<engine::HostLost>(&event)) {
    known_[lost->host].here = false;
  }
}

std::vector<HostReports::Question> HostReports::ToAsk() {
  const MutexLock lock(mutex_);
  std::vector<Question> questions;
  for (auto& [host, known] : known_) {
    if (!known.here || !known.report.postgres_up || known.asked) continue;
    known.asked = true;
    questions.push_back({host, known.session, known.report.stores});
  }
  return questions;
}

void HostReports::Answer(const Question& question, absl::StatusOr<domain::Inventory> inventory) {
  const MutexLock lock(mutex_);
  Known& known = known_[question.host];
  if (known.session != question.session) return;
  if (!inventory.ok()) {
    known.asked = false;  // and nobody is woken: it is asked again after a while
    log::Warning("a host could not show what it holds; it is asked again",
                 {{"host", question.host}, {"error", std::string(inventory.status().message())}});
    return;
  }
  known.inventory = *std::move(inventory);
  log::Info("a host has shown what it holds",
            {{"host", question.host}, {"databases", absl::StrCat(known.inventory->databases.size())}});
  changed_.NotifyAll();
}

void HostReports::AwaitNews(absl::Duration timeout) {
  const MutexLock lock(mutex_);
  changed_.WaitFor(mutex_, timeout);
}

std::vector<std::string> HostReports::Missing() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> missing;
  for (const auto& [host, known] : known_) {
    if (!known.inventory) missing.push_back(host);
  }
  return missing;
}

std::optional<std::vector<domain::ReportedHost>> HostReports::All() const {
  const MutexLock lock(mutex_);
  std::vector<domain::ReportedHost> reported;
  for (const auto& [id, known] : known_) {
    if (!known.inventory) return std::nullopt;
    domain::Host host{.id = id};
    host.report = known.report;
    reported.push_back({std::move(host), *known.inventory});
  }
  return reported;
}

}  // namespace croft::server
