#pragma once

#include <rapidcheck.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <absl/time/time.h>
#include <gtest/gtest.h>

#include "controlplane/domain/operation.h"

// Values for property tests, and operations made of them. Every member is named by structured binding, so that one that
// is added to a type does not compile here until it is generated.
namespace croft::catalog {

// Any bytes.
inline std::string Text() { return *rc::gen::container<std::string>(rc::gen::arbitrary<char>()); }
// What lists and labels may hold.
inline std::string Utf8() {
  return *rc::gen::oneOf(rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127)),
                         rc::gen::element<std::string>("", "é\"\\", "\n", "名"));
}
inline absl::Time Moment() {
  return *rc::gen::oneOf(rc::gen::map(rc::gen::inRange<int64_t>(-4102444800000000, 4102444800000000),
                                      [](int64_t micros) { return absl::FromUnixMicros(micros); }),
                         rc::gen::element(absl::InfiniteFuture(), absl::InfinitePast(), absl::UnixEpoch()));
}
inline absl::Duration Span() {
  return *rc::gen::oneOf(
      rc::gen::map(rc::gen::arbitrary<int32_t>(), [](int32_t n) { return absl::Nanoseconds(n); }),
      rc::gen::element(absl::InfiniteDuration(), absl::Hours(99999), absl::ZeroDuration()));
}
template <typename Make>
auto Maybe(Make make) -> std::optional<decltype(make())> {
  if (*rc::gen::arbitrary<bool>()) return make();
  return std::nullopt;
}
template <typename Make>
auto Several(Make make) -> std::vector<decltype(make())> {
  std::vector<decltype(make())> list;
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) list.push_back(make());
  return list;
}
inline std::map<std::string, std::string> SomeLabels() {
  std::map<std::string, std::string> labels;
  for (const std::string& key : Several(Utf8)) labels[key] = Utf8();
  return labels;
}
template <typename Enum>
Enum One(Enum last) {
  return static_cast<Enum>(*rc::gen::inRange(0, static_cast<int>(last) + 1));
}
inline bool Flag() { return *rc::gen::arbitrary<bool>(); }
inline int32_t Small() { return *rc::gen::arbitrary<int32_t>(); }
inline int64_t Large() {
  return *rc::gen::oneOf(rc::gen::arbitrary<int64_t>(), rc::gen::element<int64_t>(INT64_MAX, INT64_MIN, 0));
}

inline domain::Quota SomeQuota() {
  domain::Quota quota;
  auto& [connections, storage_bytes, statement_timeout] = quota;
  connections = Small();
  storage_bytes = Large();
  statement_timeout = Span();
  return quota;
}

inline domain::Finding SomeFinding() {
  domain::Finding made;
  auto& [severity, reason, object, owner, message, postgres_message, remedy] = made;
  severity = One(domain::FindingSeverity::kDifferent);
  reason = Utf8();
  object = Utf8();
  owner = Utf8();
  message = Utf8();
  postgres_message = Utf8();
  remedy = Utf8();
  return made;
}

inline domain::Findings SomeFindings() {
  domain::Findings made;
  auto& [listed, count] = made;
  listed = Several(SomeFinding);
  count = Small();
  return made;
}

inline domain::BackupRef SomeRef() {
  domain::BackupRef made;
  auto& [tenant, id] = made;
  tenant = Utf8();
  id = Utf8();
  return made;
}

inline void Fill(domain::CreateTask&) {}
inline void Fill(domain::ConfigureTask&) {}
inline void Fill(domain::FenceTask& task) {
  auto& [allow_readers] = task;
  allow_readers = Flag();
}
inline void Fill(domain::UnfenceTask& task) {
  auto& [logins] = task;
  logins = Several(Utf8);
}
inline void Fill(domain::DropTask& task) {
  auto& [databases, roles, undo_copy] = task;
  databases = Several(Utf8);
  roles = Flag();
  undo_copy = Flag();
}
inline void Fill(domain::BackUpTask& task) {
  auto& [backup, sealed, max_duration, skip_rows] = task;
  backup = SomeRef();
  sealed = Flag();
  max_duration = Span();
  skip_rows = Several(Utf8);
}
inline void Fill(domain::VerifyTask& task) {
  auto& [backup, store] = task;
  backup = SomeRef();
  store = Utf8();
}
inline void Fill(domain::RestoreTask& task) {
  auto& [backup, store, allow_incomplete, only] = task;
  backup = SomeRef();
  store = Utf8();
  allow_incomplete = Flag();
  only = Several(Utf8);
}
inline void Fill(domain::RotateTask& task) {
  auto& [login, enable] = task;
  login = Utf8();
  enable = Flag();
}
inline void Fill(domain::DeleteBackupTask& task) {
  auto& [backup, store, all] = task;
  backup = SomeRef();
  store = Utf8();
  all = Flag();
}
inline void Fill(domain::CopyBackupTask& task) {
  auto& [backup, from_store, to_store] = task;
  backup = SomeRef();
  from_store = Utf8();
  to_store = Utf8();
}
inline void Fill(domain::LimitGrowthTask& task) {
  auto& [closed] = task;
  closed = Flag();
}
inline void Fill(domain::RenumberTask& task) {
  auto& [database, generation] = task;
  database = Utf8();
  generation = Large();
}
inline void Fill(domain::EraseKeyTask&) {}

inline domain::Task SomeTask() {
  domain::Task made = domain::EmptyTask(One(domain::TaskKind::kEraseKey));
  std::visit([](auto& task) { Fill(task); }, made);
  return made;
}

inline domain::KeptDatabase SomeKeptDatabase() {
  domain::KeptDatabase made;
  auto& [placement, replace_time, expire_time, clean_up, closed_for_growth] = made;
  auto& [host, database, generation] = placement;
  host = Utf8();
  database = Utf8();
  generation = Large();
  replace_time = Moment();
  expire_time = Moment();
  clean_up = Utf8();
  closed_for_growth = Flag();
  return made;
}

inline domain::OperationDetails SomeDetails() {
  domain::ConfigureDetails configure;
  auto& [previous_quota] = configure;
  previous_quota = Maybe(SomeQuota);
  domain::SuspendDetails suspend;
  auto& [previous_state, previous_mode] = suspend;
  previous_state = One(domain::TenantState::kPurged);
  previous_mode = One(domain::SuspendMode::kReadOnly);
  domain::RotateDetails rotate;
  auto& [overlap] = rotate;
  overlap = Span();
  domain::PurgeDetails purge;
  auto& [waiver] = purge;
  waiver = Utf8();
  domain::LimitGrowthDetails limit_growth;
  auto& [previously_closed] = limit_growth;
  previously_closed = Flag();
  domain::CampaignDetails campaign;
  auto& [child_kind, filter, width, max_failures, campaign_overlap, total, taken_up_to, all_taken, waiting,
         running, succeeded, failed] = campaign;
  child_kind = One(domain::OperationKind::kCleanUp);
  filter = Utf8();
  width = Small();
  max_failures = Small();
  campaign_overlap = Span();
  total = Small();
  taken_up_to = Utf8();
  all_taken = Flag();
  waiting = Several(Utf8);
  running = Small();
  succeeded = Small();
  failed = Small();
  domain::UndoRestoreDetails undo_restore;
  auto& [kept, undo_previously_closed] = undo_restore;
  kept = SomeKeptDatabase();
  undo_previously_closed = Flag();
  const std::vector<domain::OperationDetails> all = {
      std::monostate(), configure, suspend, rotate, purge, limit_growth, campaign, undo_restore};
  EXPECT_EQ(all.size(), std::variant_size_v<domain::OperationDetails>);
  return all[static_cast<size_t>(*rc::gen::inRange<int>(0, static_cast<int>(all.size())))];
}

inline domain::Step SomeStep() {
  domain::Step made;
  auto& [task, host, undo, generation, database, state, attempt, refusals, refusal_reason, same_refusals,
         short_since, not_before, start_time, end_time, message] = made;
  task = SomeTask();
  host = Text();
  undo = Flag();
  generation = Large();
  database = Text();
  state = One(domain::StepState::kFailed);
  attempt = Small();
  refusals = Small();
  refusal_reason = Text();
  same_refusals = Small();
  short_since = Maybe(Moment);
  not_before = Maybe(Moment);
  start_time = Maybe(Moment);
  end_time = Maybe(Moment);
  message = Text();
  return made;
}

inline domain::OperationError SomeError() {
  domain::OperationError made;
  auto& [code, reason, message] = made;
  code = One(absl::StatusCode::kUnauthenticated);
  reason = Text();
  message = Text();
  return made;
}

inline domain::Operation SomeOperation(const std::string& with_id) {
  domain::Operation made;
  auto& [id, kind, tenant, source_tenant, backup, host, parent, caller, traceparent, create_time,
         update_time, version, end_time, deadline, state, order, steps, point_of_no_return,
         cancel_requested, error, details, warnings] = made;
  id = with_id;
  kind = One(domain::OperationKind::kCleanUp);
  tenant = Text();
  source_tenant = Text();
  backup = Text();
  host = Text();
  parent = Text();
  traceparent = Text();
  caller = Text();
  create_time = Moment();
  update_time = Moment();
  version = Large();
  end_time = Maybe(Moment);
  deadline = Moment();
  state = One(domain::OperationState::kCancelled);
  order = Large();
  steps = Several(SomeStep);
  point_of_no_return = Small();
  cancel_requested = Flag();
  error = Maybe(SomeError);
  details = SomeDetails();
  warnings = SomeFindings();
  return made;
}

}  // namespace croft::catalog
