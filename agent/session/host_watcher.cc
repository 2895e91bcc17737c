// Looks at the PostgreSQL server every so often and keeps the newest report.

#include "agent/session/host_watcher.h"

#include <ctime>
#include <utility>

#include <absl/time/clock.h>

#include "agent/session/wire.h"
#include "common/log.h"

namespace croft::agent {
namespace {

constexpr absl::Duration kLookTime = absl::Seconds(5);
constexpr absl::Duration kStartTime = absl::Minutes(2);
// Twice what two looks and a start may take: not every wait obeys its time limit at once.
constexpr absl::Duration kLongestTurn = absl::Minutes(5);
// Packages are updated beside a running agent.
constexpr absl::Duration kJudgeInterval = absl::Minutes(10);

void LogState(const ServerReport& report) {
  if (!report.up) {
    log::Warning("PostgreSQL is not up", {{"problem", report.problem}});
    return;
  }
  log::Info("PostgreSQL is up", {{"version", report.version}});
  if (!report.problem.empty()) log::Warning("it is not as it should be", {{"problem", report.problem}});
}

void LogRights(const ServerReport& report) {
  // Nothing is known of the rights on a server that does not answer.
  if (report.up && report.missing_rights.empty()) log::Info("the agent's role lacks no right any more");
  for (const MissingRight& missing : report.missing_rights) {
    log::Warning(
        "the agent's role lacks a right",
        {{"right", missing.right}, {"consequence", missing.consequence}, {"remedy", missing.remedy}});
  }
}

}  // namespace

HostWatcher::HostWatcher(Server& server, StoresToTell stores, Complain complain, absl::Duration interval,
                         std::function<void()> changed)
    : server_(server),
      stores_(std::move(stores)),
      complain_(std::move(complain)),
      interval_(interval),
      changed_(std::move(changed)) {
  latest_.problem = "PostgreSQL is being started";
  thread_ = std::thread([this] { Watch(); });
}

HostWatcher::~HostWatcher() { Stop(); }

v1::HostReport HostWatcher::Latest() const {
  v1::HostReport report;
  {
    MutexLock lock(mutex_);
    report = ToProto(latest_, stores_);
  }
  const timespec now = absl::ToTimespec(absl::Now());
  report.mutable_agent_time()->set_seconds(now.tv_sec);
  report.mutable_agent_time()->set_nanos(static_cast<int32_t>(now.tv_nsec));
  return report;
}

void HostWatcher::AwaitFirstLook(absl::Duration longest) const {
  const absl::Time deadline = absl::Now() + longest;
  MutexLock lock(mutex_);
  for (absl::Time now = absl::Now(); !looked_ && !stopping_ && now < deadline; now = absl::Now()) {
    wake_.WaitFor(mutex_, deadline - now);
  }
}

void HostWatcher::LookNow() {
  MutexLock lock(mutex_);
  look_now_ = true;
  wake_.NotifyAll();
}

bool HostWatcher::IsWell() const {
  MutexLock lock(mutex_);
  return absl::Now() - last_turn_ < interval_ + kLongestTurn;
}

void HostWatcher::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

ServerReport HostWatcher::Look() {
  const auto keep_going = [this] {
    MutexLock lock(mutex_);
    return stopping_ ? absl::CancelledError("the agent is stopping") : absl::OkStatus();
  };
  ServerReport report = server_.Report({absl::Now() + kLookTime, keep_going});
  if (report.up) return report;
  const absl::Status started = server_.EnsureRunning({absl::Now() + kStartTime, keep_going});
  report = server_.Report({absl::Now() + kLookTime, keep_going});
  // A report that names the right that it lacks knows better.
  if (!started.ok() && !report.up && report.missing_rights.empty()) {
    report.problem = std::string(started.message());
  }
  return report;
}

void HostWatcher::Judge(ServerReport& report) {
  if (!report.up) return;
  if (report.version != judged_version_ || absl::Now() >= judge_again_) {
    complaint_ = complain_(report.version);
    judged_version_ = report.version;
    judge_again_ = absl::Now() + kJudgeInterval;
  }
  if (report.problem.empty()) report.problem = complaint_;
}

void HostWatcher::Watch() {
  for (;;) {
    ServerReport report = Look();
    Judge(report);
    bool changed = false;
    bool other_rights = false;
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      changed = !looked_ || report.up != latest_.up || report.problem != latest_.problem;
      other_rights = report.missing_rights != latest_.missing_rights;
      latest_ = report;
      looked_ = true;
      wake_.NotifyAll();
    }
    if (changed) LogState(report);
    if (other_rights) LogRights(report);
    if (changed || other_rights) changed_();
    MutexLock lock(mutex_);
    if (!stopping_ && !look_now_) wake_.WaitFor(mutex_, interval_);
    look_now_ = false;
    last_turn_ = absl::Now();
    if (stopping_) return;
  }
}

}  // namespace croft::agent
