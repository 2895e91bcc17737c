#include "controlplane/server/writer.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/controlplane/server/probe.h"
#include "tests/controlplane/server/support/plane.h"
#include "tests/fakes/memory_catalog.h"

namespace croft::server {
namespace {

using engine::Answer;

// What the writer lets go, in order, to be waited for.
class RecordedEffects final : public engine::EffectExecutor {
 public:
  void Send(const engine::SendTask& task) override {
    const MutexLock lock(mutex_);
    sent_.push_back(task);
    changed_.NotifyAll();
  }
  void Cancel(const engine::CancelTask&) override {}
  void Acknowledge(const engine::AcknowledgeTask&) override {}
  void Erase(const engine::EraseKey&) override {}
  void End(const engine::EndSession&) override {}
  void Compare(const engine::CompareInventory&) override {}

  engine::SendTask WaitForSent(size_t index) {
    const MutexLock lock(mutex_);
    while (sent_.size() <= index) changed_.Wait(mutex_);
    return sent_[index];
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<engine::SendTask> sent_ ABSL_GUARDED_BY(mutex_);
};

class RecordedCommits final : public CommitListener {
 public:
  void OnCommit(const std::vector<catalog::Change>& changes, domain::Revision revision) override {
    const MutexLock lock(mutex_);
    revisions_.push_back(revision);
    for (const catalog::Change& change : changes) {
      if (const auto* put = std::get_if<catalog::PutHost>(&change)) hosts_.insert(put->host.id);
    }
  }
  size_t count() const {
    const MutexLock lock(mutex_);
    return revisions_.size();
  }
  bool Has(const std::string& host) const {
    const MutexLock lock(mutex_);
    return hosts_.count(host) > 0;
  }

 private:
  mutable Mutex mutex_;
  std::vector<domain::Revision> revisions_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> hosts_ ABSL_GUARDED_BY(mutex_);
};

engine::CreateJoinToken Expect(const std::string& host) {
  return {
      .host = host, .uid = "u-" + host, .secret_hash = "hash", .expire_time = absl::Now() + absl::Hours(1)};
}

engine::Caller Admin() {
  return {.name = "admin", .peer = "test", .method = "HostService/CreateJoinToken"};
}

absl::StatusOr<Answer> AskFor(Writer& writer, const std::string& host) {
  return writer.Call(Admin(), Expect(host));
}

class WriterTest : public ::testing::Test {
 protected:
  static Writer::OnBroken Fails() {
    return [](const absl::Status& status) { ADD_FAILURE() << status; };
  }
  std::string file() const { return folder_.path() + "/catalog.db"; }

  TemporaryFolder folder_;
  std::unique_ptr<catalog::Catalog> catalog_ = *catalog::SqliteCatalog::Open(file(), {});
  SystemClock clock_;
  RecordedEffects effects_;
  RecordedCommits commits_;
};

TEST_F(WriterTest, WhatWaitsIsDecidedInOrderAndCommittedAtOnce) {
  Writer writer(*catalog_, clock_, Fails());
  for (int i = 0; i < 16; ++i) {
    const std::string host = absl::StrCat("h", i);
    writer.Post(engine::Request{.caller = Admin(), .body = Expect(host)});
    writer.Post(engine::Request{.caller = Admin(), .body = engine::CordonHost{.host = host}});
  }
  const int64_t before = catalog_->revision().revision;
  writer.Start(effects_, commits_);
  writer.Stop();  // works off what was handed in
  EXPECT_EQ(catalog_->revision().revision, before + 1);
  EXPECT_EQ(commits_.count(), 1);
  const auto hosts = catalog_->ListHosts();
  ASSERT_TRUE(hosts.ok());
  EXPECT_EQ(hosts->size(), 16);
  // Each was cordoned, on what the request before it had made.
  for (const domain::Host& host : *hosts) EXPECT_TRUE(host.cordoned) << host.id;
}

TEST_F(WriterTest, BatchesAreNoLargerThanTheLimit) {
  Writer writer(*catalog_, clock_, Fails(), {.batch = 4});
  for (int i = 0; i < 16; ++i) {
    writer.Post(engine::Request{.caller = Admin(), .body = Expect(absl::StrCat("h", i))});
  }
  writer.Start(effects_, commits_);
  writer.Stop();
  EXPECT_EQ(commits_.count(), 5);  // with engine::Started, which is the first of all
}

TEST_F(WriterTest, ListenerHearsBeforeTheReply) {
  Writer writer(*catalog_, clock_, Fails());
  writer.Start(effects_, commits_);
  for (int i = 0; i < 50; ++i) {
    const std::string host = absl::StrCat("h", i);
    ASSERT_TRUE(AskFor(writer, host).ok());
    ASSERT_TRUE(commits_.Has(host));
  }
}

TEST_F(WriterTest, RefusedRequestIsAnsweredAndChangesNothing) {
  Writer writer(*catalog_, clock_, Fails());
  writer.Start(effects_, commits_);
  const auto answer = writer.Call(Admin(), engine::CordonHost{.host = "none"});
  EXPECT_EQ(DetailsOf(answer.status()).reason, "HOST_NOT_FOUND");
}

TEST_F(WriterTest, TaskIsSentAfterItsIntentAndAgainWhenItsTimerIsUp) {
  Writer writer(*catalog_, clock_, Fails());
  writer.Start(effects_, commits_);
  ASSERT_TRUE(AskFor(writer, "h1").ok());
  ASSERT_TRUE(
      writer.Call(Admin(), engine::JoinHost{.host = "h1", .secret_hash = "hash", .fingerprint = "f"}).ok());
  writer.Post(engine::HostSeen{.host = "h1",
                               .report = {.postgres_up = true,
                                          .postgres_version = "15.20",
                                          .system_identifier = "1",
                                          .advertise_endpoints = {"127.0.0.1:7500"},
                                          .free_bytes = int64_t{1} << 40,
                                          .stores = {"s1"},
                                          .task_kinds = {"create", "drop"}}});
  engine::CreateTenant create{.operation = "op-1"};
  create.tenant.id = "acme";
  create.tenant.uid = "uid";
  ASSERT_TRUE(writer.Call(Admin(), create).ok());
  const engine::SendTask first = effects_.WaitForSent(0);
  EXPECT_TRUE(catalog_->GetOperation("op-1")->has_value());
  writer.Post(engine::TaskReport{
      .host = "h1",
      .fencing = first.fencing,
      .outcome = engine::TaskError{"DISK_FULL", "no room", true, engine::Cause::kResource}});
  EXPECT_EQ(effects_.WaitForSent(1).fencing.attempt, first.fencing.attempt + 1);
}

TEST_F(WriterTest, TooManyWhoWaitAreTurnedAway) {
  Writer writer(*catalog_, clock_, Fails(), {.waiting_requests = 0});
  EXPECT_EQ(AskFor(writer, "h1").status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(WriterTest, WhoAsksAfterTheEndIsCancelled) {
  Writer writer(*catalog_, clock_, Fails());
  writer.Start(effects_, commits_);
  EXPECT_TRUE(AskFor(writer, "h1").ok());
  writer.Stop();
  EXPECT_EQ(AskFor(writer, "h2").status().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE((*catalog_->GetHost("h2")).has_value());
}

TEST_F(WriterTest, ControlPlaneThatWasTakenOverStopsAndAnswersNothing) {
  catalog::MemoryCatalog taken_over;
  // The stored epoch rises under a writer that goes on believing in the one it read.
  class Stale final : public catalog::Catalog {
   public:
    explicit Stale(catalog::MemoryCatalog& real) : real_(real), believed_(real.revision()) {}
    absl::StatusOr<std::unique_ptr<catalog::Transaction>> Begin() override {
      return real_.BeginAs(believed_.epoch);
    }
    domain::Revision revision() const override { return believed_; }
    absl::StatusOr<std::optional<domain::Tenant>> GetTenant(absl::string_view id) override {
      return real_.GetTenant(id);
    }
    absl::StatusOr<std::optional<domain::Tenant>> GetTenantByUid(absl::string_view uid) override {
      return real_.GetTenantByUid(uid);
    }
    absl::StatusOr<catalog::TenantPage> ListTenants(const catalog::TenantQuery& query) override {
      return real_.ListTenants(query);
    }
    absl::StatusOr<std::optional<domain::Host>> GetHost(absl::string_view id) override {
      return real_.GetHost(id);
    }
    absl::StatusOr<std::vector<domain::Host>> ListHosts() override { return real_.ListHosts(); }
    absl::StatusOr<std::optional<domain::Operation>> GetOperation(absl::string_view id) override {
      return real_.GetOperation(id);
    }
    absl::StatusOr<catalog::OperationPage> ListOperations(const catalog::OperationQuery& query) override {
      return real_.ListOperations(query);
    }
    absl::StatusOr<std::optional<domain::Backup>> GetBackup(absl::string_view tenant,
                                                            absl::string_view id) override {
      return real_.GetBackup(tenant, id);
    }
    absl::StatusOr<std::vector<domain::Backup>> ListBackups(absl::string_view tenant,
                                                            const catalog::BackupPosition& after,
                                                            int32_t limit) override {
      return real_.ListBackups(tenant, after, limit);
    }
    absl::StatusOr<domain::Revision> ForEachTenant(
        const std::function<void(const domain::Tenant&)>& visit) override {
      return real_.ForEachTenant(visit);
    }
    absl::StatusOr<domain::Revision> ReadPlacements(
        const std::function<domain::Tenant&()>& place) override {
      return real_.ReadPlacements(place);
    }
    absl::StatusOr<int64_t> CountTenants() override { return real_.CountTenants(); }
    absl::StatusOr<int64_t> CountRunningOperations() override { return real_.CountRunningOperations(); }
    absl::StatusOr<int64_t> CountUnconfirmedTenants() override { return real_.CountUnconfirmedTenants(); }
    absl::StatusOr<std::vector<domain::Tenant>> ListStorageLimited(absl::string_view after_id,
                                                                   int32_t limit) override {
      return real_.ListStorageLimited(after_id, limit);
    }
    absl::StatusOr<std::vector<domain::BackupPolicy>> ListBackupPolicies() override {
      return real_.ListBackupPolicies();
    }
    absl::StatusOr<std::vector<domain::Schedule>> DueSchedules(absl::Time now, int32_t limit) override {
      return real_.DueSchedules(now, limit);
    }
    absl::StatusOr<std::vector<domain::Schedule>> RefusedSchedules(int32_t refusals,
                                                                   int32_t limit) override {
      return real_.RefusedSchedules(refusals, limit);
    }
    absl::StatusOr<std::optional<domain::Schedule>> GetSchedule(const domain::ScheduleKey& key) override {
      return real_.GetSchedule(key);
    }
    absl::StatusOr<std::optional<domain::Erasure>> GetErasure(absl::string_view uid_or_id) override {
      return real_.GetErasure(uid_or_id);
    }
    absl::StatusOr<std::optional<domain::AuditCheckpoint>> GetAuditCheckpoint() override {
      return real_.GetAuditCheckpoint();
    }
    absl::StatusOr<std::vector<domain::AuditRow>> ListAudit(int64_t after, int32_t limit) override {
      return real_.ListAudit(after, limit);
    }
    absl::StatusOr<std::vector<domain::AuditRow>> ListAuditBefore(int64_t before, int32_t limit) override {
      return real_.ListAuditBefore(before, limit);
    }
    absl::StatusOr<domain::Revision> CommittedRevision() override { return real_.CommittedRevision(); }
    absl::StatusOr<domain::AuditHead> RecordedAuditHead() override { return real_.RecordedAuditHead(); }
    absl::StatusOr<catalog::EventPage> ListEvents(const catalog::EventQuery& query) override {
      return real_.ListEvents(query);
    }
    absl::StatusOr<domain::EventLog> GetEventLog() override { return real_.GetEventLog(); }
    absl::StatusOr<int64_t> PositionBefore(absl::Time time) override { return real_.PositionBefore(time); }
    absl::StatusOr<std::optional<domain::User>> GetUser(absl::string_view id) override {
      return real_.GetUser(id);
    }
    absl::StatusOr<std::vector<domain::User>> ListUsers() override { return real_.ListUsers(); }

   private:
    catalog::MemoryCatalog& real_;
    const domain::Revision believed_;
  };
  Stale stale(taken_over);
  taken_over.TakeOver();
  Event broken;
  Writer writer(stale, clock_, [&](const absl::Status& status) {
    EXPECT_EQ(DetailsOf(status).reason, "FENCED") << status;
    broken.Set();
  });
  writer.Start(effects_, commits_);
  writer.Post(engine::HostLost{.host = "h1"});
  broken.Wait();
  EXPECT_FALSE(AskFor(writer, "h1").ok());
  EXPECT_EQ(commits_.count(), 0);
  EXPECT_TRUE(taken_over.ListHosts()->empty());
}

// The writer's process, until it is killed: makes hosts and says so when each was answered.
[[noreturn]] void MakeHostsUntilKilled(const std::string& file, int answers) {
  auto catalog = *catalog::SqliteCatalog::Open(file, {});
  SystemClock clock;
  RecordedEffects effects;
  RecordedCommits commits;
  Writer writer(*catalog, clock, [](const absl::Status&) { _exit(3); });
  writer.Start(effects, commits);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0;; ++i) {
        const std::string host = absl::StrCat(caller, "-", i);
        if (!AskFor(writer, host).ok()) _exit(4);
        const std::string line = host + "\n";
        if (write(answers, line.data(), line.size()) < 0) _exit(5);
      }
    });
  }
  for (;;) pause();
}

TEST(WriterCrashTest, NothingThatWasAnsweredIsLostWhenTheProcessIsKilled) {
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/catalog.db";
  int answers[2];
  ASSERT_EQ(pipe(answers), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) MakeHostsUntilKilled(file, answers[1]);
  close(answers[1]);

  std::string said;
  char buffer[4096];
  const auto lines = [&] { return std::count(said.begin(), said.end(), '\n'); };
  bool killed = false;
  for (ssize_t size = 1; size > 0;) {
    size = read(answers[0], buffer, sizeof(buffer));
    if (size > 0) said.append(buffer, static_cast<size_t>(size));
    if (!killed && lines() >= 200) {
      kill(child, SIGKILL);
      killed = true;
    }
  }
  close(answers[0]);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself with " << WEXITSTATUS(status);

  const auto catalog = catalog::SqliteCatalog::Open(file, {});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  std::set<std::string> hosts;
  const auto stored = (*catalog)->ListHosts();
  ASSERT_TRUE(stored.ok());
  for (const domain::Host& host : *stored) hosts.insert(host.id);
  std::istringstream acknowledged(said.substr(0, said.rfind('\n') + 1));
  for (std::string host; std::getline(acknowledged, host);) EXPECT_EQ(hosts.count(host), 1) << host;
  EXPECT_GE(hosts.size(), 200);
}

}  // namespace
}  // namespace croft::server
