#pragma once

#include <stdlib.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/engine/engine.h"
#include "controlplane/operations/rules.h"

namespace croft::engine {

// An update of one field: `With<&domain::Tenant::display_name>("Acme")`.
template <auto... members, typename T>
domain::TenantUpdate With(T value) {
  domain::TenantUpdate update;
  update.Set<members...>() = std::move(value);
  return update;
}

// The engine on a real catalog, with a clock that only the test moves and hosts that do what the test says.
class World {
 public:
  World() : World([](const std::string&) {}) {}
  // On the catalog that `make` leaves at the path it is called with.
  explicit World(const std::function<void(const std::string& path)>& make) {
    char folder[] = "/tmp/croft-engine-XXXXXX";
    folder_ = mkdtemp(folder);
    const std::string path = folder_ + "/catalog.db";
    make(path);
    auto opened =
        catalog::SqliteCatalog::Open(path, {.take_over = std::filesystem::exists(path), .now = now});
    EXPECT_TRUE(opened.ok()) << opened.status();
    catalog_ = *std::move(opened);
  }
  ~World() {
    catalog_.reset();
    std::filesystem::remove_all(folder_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  std::deque<SendTask> sent;
  std::vector<EraseKey> erasures;
  std::vector<CancelTask> cancels;
  std::vector<EndSession> ended_sessions;
  std::vector<std::string> compared;
  domain::SchedulePolicy policy;

  catalog::Catalog& catalog() { return *catalog_; }

  // --- What callers do.

  absl::StatusOr<Answer> Call(RequestBody body, const std::string& request_id = "",
                              bool validate_only = false, const std::string& payload_hash = "p") {
    Caller caller{.name = "admin",
                  .peer = "test",
                  .method = "m" + std::to_string(body.index()),
                  .request_id = request_id,
                  .payload_hash = payload_hash,
                  .validate_only = validate_only};
    answer_ = absl::InternalError("no reply");
    Post(Request{.ticket = 1, .caller = std::move(caller), .body = std::move(body)});
    return answer_;
  }

  domain::Operation Begin(RequestBody body) {
    const absl::StatusOr<Answer> answer = Call(std::move(body));
    EXPECT_TRUE(answer.ok()) << answer.status();
    const auto* operation = answer.ok() ? std::get_if<domain::Operation>(&*answer) : nullptr;
    return operation == nullptr ? domain::Operation() : *operation;
  }

  std::string Refusal(RequestBody body) { return DetailsOf(Call(std::move(body)).status()).reason; }

  // --- What hosts do.

  static domain::HostReport Report(const std::string& store = "s1", const std::string& identifier = "1") {
    return {.postgres_up = true,
            .postgres_version = "15.20",
            .system_identifier = identifier,
            .advertise_endpoints = {"127.0.0.1:7500"},
            .free_bytes = int64_t{1} << 40,
            .stores = {store}};
  }

  void Join(const std::string& host) {
    const std::string hash = "hash-" + host;
    EXPECT_TRUE(Call(CreateJoinToken{.host = host,
                                     .uid = "u" + host,
                                     .secret_hash = hash,
                                     .expire_time = now + absl::Minutes(15)})
                    .ok());
    EXPECT_TRUE(Call(JoinHost{.host = host, .secret_hash = hash, .fingerprint = "f-" + host}).ok());
    Post(HostSeen{.host = host, .report = Report()});
  }

  void Done(const SendTask& task) {
    TaskReport report{.host = task.host, .fencing = task.fencing, .outcome = TaskDone{"done"}};
    if (std::holds_alternative<domain::BackUpTask>(task.step.task))
      report.outcome = BackedUp{.size_bytes = 10, .sha256 = "ab"};
    if (std::holds_alternative<domain::VerifyTask>(task.step.task))
      report.outcome = Verified{.table_count = 1};
    Post(report);
  }
  void Fails(const SendTask& task, const std::string& reason, bool retryable) {
    Post(TaskReport{.host = task.host,
                    .fencing = task.fencing,
                    .outcome = TaskError{reason, "it did not work", retryable,
                                         retryable ? Cause::kOutage : Cause::kRefusal}});
  }

  void Reports(const SendTask& task, TaskError error) {
    Post(TaskReport{.host = task.host, .fencing = task.fencing, .outcome = std::move(error)});
  }
  // A proof that came to its end and found what `severities` say, of objects called a, b, c …
  static domain::Findings Found(const std::vector<domain::FindingSeverity>& severities) {
    std::vector<domain::Finding> findings;
    for (const domain::FindingSeverity severity : severities) {
      findings.push_back({.severity = severity,
                          .reason = "REASON",
                          .object = std::string("TABLE ") + static_cast<char>('a' + findings.size())});
    }
    return domain::Bounded(std::move(findings), 0);
  }
  void Proves(const SendTask& task, const std::vector<domain::FindingSeverity>& severities) {
    Post(TaskReport{.host = task.host,
                    .fencing = task.fencing,
                    .outcome = Verified{.table_count = 1, .findings = Found(severities)}});
  }

  SendTask TakeSent() {
    EXPECT_FALSE(sent.empty());
    if (sent.empty()) return {};
    SendTask task = sent.front();
    sent.pop_front();
    return task;
  }

  // Every task succeeds and every key is erased, until nothing is under way that is not appointed for later.
  void Settle() {
    while (!sent.empty() || !erasures.empty()) {
      if (!sent.empty()) {
        Done(TakeSent());
      } else {
        const EraseKey erase = erasures.front();
        erasures.erase(erasures.begin());
        Post(KeyErased{.fencing = erase.fencing, .record = RecordOf(erase, now)});
      }
    }
  }

  void Pass(absl::Duration duration) {
    now += duration;
    while (!timers_.empty() && timers_.begin()->first <= now) {
      const std::string operation = timers_.begin()->second;
      timers_.erase(timers_.begin());
      Post(Tick{operation});
    }
  }

  // What is due, but the schedules of hosts and of the fleet, which always are sooner or later.
  std::vector<std::string> Due() {
    std::vector<std::string> due;
    const std::vector<domain::Schedule> schedules = *catalog_->DueSchedules(now, 100'000);
    for (const domain::Schedule& schedule : schedules) {
      if (schedule.key.resource.starts_with("tenants/"))
        due.push_back(std::string(NameOf(schedule.key.kind)) + " " + schedule.key.resource);
    }
    return due;
  }

  // The control plane dies, with everything that was not committed, and starts again.
  void Restart() {
    sent.clear();
    erasures.clear();
    timers_.clear();
    Post(Started{});
  }

  // --- What there is.

  domain::Tenant Tenant(const std::string& id) {
    return catalog_->GetTenant(id)->value_or(domain::Tenant());
  }
  domain::Host Host(const std::string& id) { return catalog_->GetHost(id)->value_or(domain::Host()); }
  domain::Operation Operation(const std::string& id) {
    return catalog_->GetOperation(id)->value_or(domain::Operation());
  }
  domain::Backup Backup(const std::string& tenant, const std::string& id) {
    return catalog_->GetBackup(tenant, id)->value_or(domain::Backup());
  }

  void Post(const Event& event) {
    auto transaction = *catalog_->Begin();
    const Outcome outcome =
        Decide(event, *transaction, {.now = now, .epoch = catalog_->revision().epoch, .policy = policy},
               operations::AllRules());
    for (const catalog::Change& change : outcome.changes) transaction->Apply(change);
    ASSERT_TRUE(transaction->Commit().ok());
    for (const Effect& effect : outcome.effects) std::visit([&](const auto& one) { Release(one); }, effect);
  }

 private:
  void Release(const Reply& reply) { answer_ = reply.answer; }
  void Release(const SendTask& task) { sent.push_back(task); }
  void Release(const CancelTask& cancel) { cancels.push_back(cancel); }
  void Release(const AcknowledgeTask&) {}
  void Release(const EraseKey& erase) { erasures.push_back(erase); }
  void Release(const SetTimer& timer) { timers_.emplace(timer.time, timer.operation); }
  void Release(const EndSession& end) { ended_sessions.push_back(end); }
  void Release(const CompareInventory& compare) { compared.push_back(compare.host); }

  std::string folder_;
  std::unique_ptr<catalog::SqliteCatalog> catalog_;
  absl::StatusOr<Answer> answer_ = absl::UnknownError("");
  std::set<std::pair<absl::Time, std::string>> timers_;
};

// The task that was sent, as one of its kind.
template <typename T>
const T& TaskOf(const SendTask& sent) {
  return std::get<T>(sent.step.task);
}
inline domain::TaskKind KindOf(const SendTask& sent) { return domain::KindOf(sent.step.task); }

inline CreateTenant NewTenant(const std::string& id) {
  CreateTenant create{.operation = "op-create-" + id};
  create.tenant.id = id;
  create.tenant.uid = "uid" + id;
  create.tenant.owner_role = "t_" + id;
  create.tenant.reader_role = "t_" + id + "_r";
  create.tenant.credentials = {
      {.login = "t_" + id + "_a", .role = domain::LoginRole::kApp, .verifier = "v1", .published = true},
      {.login = "t_" + id + "_ra",
       .role = domain::LoginRole::kReadOnly,
       .verifier = "v2",
       .published = true}};
  return create;
}

inline CreateBackup NewBackup(const std::string& tenant, const std::string& id) {
  return {.operation = "op-backup-" + id, .tenant = tenant, .backup = {id, "uid" + tenant, "wrapped"}};
}

inline RetireTenant NewRetirement(const std::string& tenant, const std::string& id) {
  return {
      .operation = "op-retire-" + id, .tenant = tenant, .final_backup = {id, "uid" + tenant, "wrapped"}};
}

inline RotateCredentials NewRotation(const std::string& tenant, const std::string& id) {
  return {.operation = "op-rotate-" + id,
          .tenant = tenant,
          .overlap = absl::Minutes(5),
          .credentials = {{.role = domain::LoginRole::kApp, .verifier = "v3"},
                          {.role = domain::LoginRole::kReadOnly, .verifier = "v4"}}};
}

}  // namespace croft::engine
