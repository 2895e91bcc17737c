#include "agent/session/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/backup/failure.h"
#include "common/errors.h"
#include "croft/v1/error.pb.h"

namespace croft::agent {
namespace {

using ::testing::ElementsAre;

v1::Task Base() {
  v1::Task task;
  task.mutable_fencing()->set_epoch(3);
  task.mutable_fencing()->set_order(4);
  task.mutable_fencing()->set_operation("op-x");
  task.mutable_fencing()->set_step(5);
  task.mutable_fencing()->set_attempt(6);
  task.mutable_tenant()->set_uid("u1");
  task.mutable_tenant()->set_generation(7);
  task.mutable_tenant()->set_database("t_x_u1_g7");
  task.mutable_tenant()->set_owner_role("t_x_u1");
  task.mutable_tenant()->set_reader_role("t_x_u1_r");
  task.mutable_deadline()->set_seconds(1'800'000'000);
  return task;
}

template <typename W>
W WorkOf(const v1::Task& proto) {
  const absl::StatusOr<Task> task = TaskFromProto(proto);
  EXPECT_TRUE(task.ok()) << task.status();
  return std::get<W>(task->work);
}

v1::BackupSource Source() {
  v1::BackupSource source;
  source.set_backup("b1");
  source.set_store("s1");
  source.set_key("k");
  source.set_uid("u0");
  source.set_generation(2);
  source.set_sha256("aa");
  source.set_owner_role("t_y");
  source.set_reader_role("t_y_r");
  return source;
}

void ExpectSource(const BackupSource& source) {
  EXPECT_EQ(source.backup, "b1");
  EXPECT_EQ(source.store, "s1");
  EXPECT_EQ(source.key, "k");
  EXPECT_EQ(source.uid, "u0");
  EXPECT_EQ(source.generation, 2);
  EXPECT_EQ(source.sha256, "aa");
  EXPECT_EQ(source.owner_role, "t_y");
  EXPECT_EQ(source.reader_role, "t_y_r");
}

TEST(WireTest, CommonPartsAreCarriedOver) {
  v1::Task proto = Base();
  proto.mutable_fence()->set_allow_readers(true);
  const absl::StatusOr<Task> task = TaskFromProto(proto);
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_EQ(task->fencing, (Fencing{.epoch = 3, .order = 4, .operation = "op-x", .step = 5, .attempt = 6}));
  EXPECT_EQ(task->tenant.uid, "u1");
  EXPECT_EQ(task->tenant.generation, 7);
  EXPECT_EQ(task->tenant.database, "t_x_u1_g7");
  EXPECT_EQ(task->tenant.owner_role, "t_x_u1");
  EXPECT_EQ(task->tenant.reader_role, "t_x_u1_r");
  EXPECT_EQ(task->deadline, absl::FromUnixSeconds(1'800'000'000));
  EXPECT_TRUE(std::get<FenceWork>(task->work).allow_readers);
}

TEST(WireTest, TaskCarriesTheTraceOfTheCallThatBeganIt) {
  v1::Task proto = Base();
  proto.mutable_fence();
  EXPECT_EQ(TaskFromProto(proto)->trace_id, "");
  proto.set_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(TaskFromProto(proto)->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST(WireTest, TaskWithoutADeadlineHasNone) {
  v1::Task proto = Base();
  proto.clear_deadline();
  proto.mutable_fence();
  EXPECT_EQ(TaskFromProto(proto)->deadline, absl::InfiniteFuture());
}

TEST(WireTest, CreateAndConfigureCarryLimitsAndLogins) {
  v1::Task proto = Base();
  v1::CreateWork& create = *proto.mutable_create();
  create.mutable_limits()->set_connections(20);
  create.mutable_limits()->mutable_statement_timeout()->set_seconds(30);
  v1::Login& login = *create.add_logins();
  login.set_name("t_x_u1_ra");
  login.set_read_only(true);
  login.set_verifier("SCRAM");
  create.add_extensions("citext");
  create.set_locale("C.UTF-8");
  const auto work = WorkOf<CreateWork>(proto);
  EXPECT_EQ(work.limits.connections, 20);
  EXPECT_EQ(work.limits.statement_timeout, absl::Seconds(30));
  ASSERT_EQ(work.logins.size(), 1u);
  EXPECT_EQ(work.logins[0].name, "t_x_u1_ra");
  EXPECT_TRUE(work.logins[0].read_only);
  EXPECT_EQ(work.logins[0].verifier, "SCRAM");
  EXPECT_THAT(work.extensions, ElementsAre("citext"));
  EXPECT_EQ(work.locale, "C.UTF-8");
  *proto.mutable_configure()->mutable_limits() = v1::CreateWork(create).limits();
  proto.mutable_configure()->mutable_limits()->set_connections(21);
  *proto.mutable_configure()->add_logins() = v1::Login();
  EXPECT_EQ(WorkOf<ConfigureWork>(proto).limits.connections, 21);
  EXPECT_EQ(WorkOf<ConfigureWork>(proto).logins.size(), 1u);
}

TEST(WireTest, Growth) {
  v1::Task proto = Base();
  proto.mutable_limit_growth()->set_closed(true);
  EXPECT_TRUE(WorkOf<LimitGrowthWork>(proto).closed);
  proto.mutable_configure()->mutable_limits()->set_closed_for_growth(true);
  EXPECT_TRUE(WorkOf<ConfigureWork>(proto).limits.closed_for_growth);
}

TEST(WireTest, Renumber) {
  v1::Task proto = Base();
  proto.mutable_renumber()->set_database("t_x_u1_g3");
  proto.mutable_renumber()->set_generation(3);
  EXPECT_EQ(WorkOf<RenumberWork>(proto).database, "t_x_u1_g3");
  EXPECT_EQ(WorkOf<RenumberWork>(proto).generation, 3);
}

TEST(WireTest, UnfenceDropAndDeleteBackup) {
  v1::Task proto = Base();
  proto.mutable_unfence()->mutable_limits()->set_connections(9);
  proto.mutable_unfence()->add_logins()->set_name("l");
  EXPECT_EQ(WorkOf<UnfenceWork>(proto).limits.connections, 9);
  EXPECT_EQ(WorkOf<UnfenceWork>(proto).logins[0].name, "l");
  proto.mutable_drop()->add_databases("d");
  proto.mutable_drop()->set_roles(true);
  EXPECT_THAT(WorkOf<DropWork>(proto).databases, ElementsAre("d"));
  EXPECT_TRUE(WorkOf<DropWork>(proto).roles);
  proto.mutable_delete_backup()->set_store("s");
  proto.mutable_delete_backup()->add_backups("b");
  proto.mutable_delete_backup()->set_all(true);
  EXPECT_EQ(WorkOf<DeleteBackupWork>(proto).store, "s");
  EXPECT_THAT(WorkOf<DeleteBackupWork>(proto).backups, ElementsAre("b"));
  EXPECT_TRUE(WorkOf<DeleteBackupWork>(proto).all);
}

TEST(WireTest, BackUpVerifyAndRestore) {
  v1::Task proto = Base();
  v1::BackUpWork& back_up = *proto.mutable_back_up();
  back_up.set_backup("b1");
  back_up.set_store("s1");
  back_up.set_key("k");
  back_up.set_wrapped_key("wk");
  back_up.set_wrapped_data_key("wdk");
  back_up.set_sealed(true);
  const auto work = WorkOf<BackUpWork>(proto);
  EXPECT_EQ(work.backup, "b1");
  EXPECT_EQ(work.store, "s1");
  EXPECT_EQ(work.key, "k");
  EXPECT_EQ(work.wrapped_key, "wk");
  EXPECT_EQ(work.wrapped_data_key, "wdk");
  EXPECT_TRUE(work.sealed);
  *proto.mutable_verify()->mutable_source() = Source();
  ExpectSource(WorkOf<VerifyWork>(proto).source);
  *proto.mutable_restore()->mutable_source() = Source();
  proto.mutable_restore()->mutable_limits()->set_connections(5);
  proto.mutable_restore()->add_logins()->set_name("l");
  proto.mutable_restore()->set_locale("C");
  const auto restore = WorkOf<RestoreWork>(proto);
  ExpectSource(restore.source);
  EXPECT_EQ(restore.limits.connections, 5);
  EXPECT_EQ(restore.logins[0].name, "l");
  EXPECT_EQ(restore.locale, "C");
  EXPECT_FALSE(restore.allow_incomplete);
  proto.mutable_restore()->set_allow_incomplete(true);
  EXPECT_TRUE(WorkOf<RestoreWork>(proto).allow_incomplete);
}

TEST(WireTest, PatternsOfABackupAndOfAPartialRestore) {
  v1::Task proto = Base();
  proto.mutable_back_up()->add_skip_rows("public.jobs");
  proto.mutable_back_up()->add_skip_rows("cache.*");
  EXPECT_THAT(WorkOf<BackUpWork>(proto).skip_rows, ElementsAre("public.jobs", "cache.*"));
  *proto.mutable_restore_part()->mutable_restore()->mutable_source() = Source();
  proto.mutable_restore_part()->mutable_restore()->set_allow_incomplete(true);
  proto.mutable_restore_part()->add_only("billing.*");
  const auto part = WorkOf<RestorePartWork>(proto);
  ExpectSource(part.restore.source);
  EXPECT_TRUE(part.restore.allow_incomplete);
  EXPECT_THAT(part.only, ElementsAre("billing.*"));
}

TEST(WireTest, ABackupsSnapshotIsSixHoursOldAtMostUnlessTold) {
  v1::Task proto = Base();
  proto.mutable_back_up()->set_backup("b1");
  EXPECT_EQ(WorkOf<BackUpWork>(proto).max_duration, absl::Hours(6));
  proto.mutable_back_up()->mutable_max_duration()->set_seconds(90);
  EXPECT_EQ(WorkOf<BackUpWork>(proto).max_duration, absl::Seconds(90));
}

TEST(WireTest, RotateSaysWhichPhase) {
  v1::Task proto = Base();
  proto.mutable_rotate()->mutable_enable()->set_name("b");
  EXPECT_TRUE(WorkOf<RotateWork>(proto).enable);
  EXPECT_EQ(WorkOf<RotateWork>(proto).login.name, "b");
  EXPECT_EQ(WorkOf<RotateWork>(proto).replaces, "");
  proto.mutable_rotate()->set_replaces("a");
  EXPECT_EQ(WorkOf<RotateWork>(proto).replaces, "a");
  proto.mutable_rotate()->mutable_disable()->set_name("a");
  EXPECT_FALSE(WorkOf<RotateWork>(proto).enable);
  EXPECT_EQ(WorkOf<RotateWork>(proto).login.name, "a");
  proto.mutable_rotate()->clear_phase();
  EXPECT_EQ(TaskFromProto(proto).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(WireTest, IncompleteTasksAreRefusedByField) {
  v1::Task proto = Base();
  proto.mutable_fence();
  proto.mutable_fencing()->clear_operation();
  EXPECT_EQ(DetailsOf(TaskFromProto(proto).status()).violations[0].field, "task.fencing.operation");
  proto = Base();
  proto.mutable_fence();
  proto.mutable_tenant()->clear_uid();
  EXPECT_EQ(DetailsOf(TaskFromProto(proto).status()).violations[0].field, "task.tenant.uid");
  EXPECT_EQ(DetailsOf(TaskFromProto(Base()).status()).reason, "UNKNOWN_TASK");
}

TEST(WireTest, InventoryNeedsNoTenant) {
  v1::Task proto = Base();
  proto.clear_tenant();
  proto.mutable_inventory();
  EXPECT_TRUE(TaskFromProto(proto).ok());
}

TEST(WireTest, OutcomesBecomeResults) {
  const Fencing fencing{.epoch = 1, .order = 2, .operation = "op", .step = 3, .attempt = 4};
  EXPECT_EQ(ResultToProto(fencing, Outcome(Done{"m"})).done().message(), "m");
  const v1::TaskResult backed_up = ResultToProto(fencing, Outcome(BackedUp{.size_bytes = 1,
                                                                           .sha256 = "s",
                                                                           .server_version = "15.20",
                                                                           .table_count = 2,
                                                                           .row_count = 3,
                                                                           .database_bytes = 4}));
  EXPECT_EQ(backed_up.backed_up().size_bytes(), 1);
  EXPECT_EQ(backed_up.backed_up().sha256(), "s");
  EXPECT_EQ(backed_up.backed_up().server_version(), "15.20");
  EXPECT_EQ(backed_up.backed_up().table_count(), 2);
  EXPECT_EQ(backed_up.backed_up().row_count(), 3);
  EXPECT_EQ(backed_up.backed_up().database_bytes(), 4);
  const v1::TaskResult verified =
      ResultToProto(fencing, Outcome(Verified{.table_count = 5, .row_count = 6}));
  EXPECT_EQ(verified.verified().table_count(), 5);
  EXPECT_EQ(verified.verified().row_count(), 6);
  EXPECT_EQ(FencingFromProto(verified.fencing()), fencing);
}

TEST(WireTest, ErrorsSayWhetherAnotherAttemptHelps) {
  const v1::TaskResult full =
      ResultToProto({}, MakeError(absl::StatusCode::kResourceExhausted, "full", {.reason = "DISK_FULL"}));
  EXPECT_EQ(full.error().reason(), "DISK_FULL");
  EXPECT_EQ(full.error().message(), "full");
  EXPECT_TRUE(full.error().retryable());
  EXPECT_TRUE(ResultToProto({}, absl::UnavailableError("x")).error().retryable());
  EXPECT_TRUE(ResultToProto({}, absl::DeadlineExceededError("x")).error().retryable());
  EXPECT_FALSE(ResultToProto({}, absl::InternalError("x")).error().retryable());
  EXPECT_EQ(ResultToProto({}, absl::InternalError("x")).error().reason(), "INTERNAL");
}

Finding FullFinding() {
  return {.severity = Severity::kMissing,
          .reason = "FOREIGN_OWNER",
          .object = "TABLE \"a\xff\"",
          .owner = "dba",
          .message = "m",
          .postgres_message = "ERROR:  x",
          .remedy = "ALTER TABLE"};
}

void ExpectFull(const v1::Finding& finding) {
  EXPECT_EQ(finding.severity(), v1::Finding::SEVERITY_MISSING);
  EXPECT_EQ(finding.reason(), "FOREIGN_OWNER");
  EXPECT_EQ(finding.object(), "TABLE \"a\xEF\xBF\xBD\"");
  EXPECT_EQ(finding.owner(), "dba");
  EXPECT_EQ(finding.message(), "m");
  EXPECT_EQ(finding.postgres_message(), "ERROR:  x");
  EXPECT_EQ(finding.remedy(), "ALTER TABLE");
}

TEST(WireTest, FindingsTravelInEveryOutcomeOfABackup) {
  const std::vector<Finding> findings(kMostFindings + 1, FullFinding());
  const int most = static_cast<int>(kMostFindings);
  const auto expect = [&](const auto& done) {
    ASSERT_EQ(done.findings_size(), most);
    ExpectFull(done.findings(0));
    EXPECT_EQ(done.finding_count(), most + 1);
  };
  expect(ResultToProto({}, Outcome(BackedUp{.findings = findings})).backed_up());
  expect(ResultToProto({}, Outcome(Verified{.findings = findings})).verified());
  v1::TaskResult restored;
  ASSERT_TRUE(restored.ParseFromString(
      ResultToProto({}, Outcome(Restored{.table_count = 2, .row_count = 3, .findings = findings}))
          .SerializeAsString()));
  EXPECT_EQ(restored.restored().table_count(), 2);
  EXPECT_EQ(restored.restored().row_count(), 3);
  expect(restored.restored());
  expect(ResultToProto({}, WithFindings(absl::DataLossError("x"), findings)).error());
}

TEST(WireTest, AControlPlaneOfTheVersionBeforeSeesThatARestoreIsDone) {
  EXPECT_EQ(ResultToProto({}, Outcome(Restored{.table_count = 2, .row_count = 3})).done().message(),
            "restored and compared: 2 tables, 3 rows");
}

TEST(WireTest, ErrorsSayTheirCause) {
  const auto cause = [](const absl::Status& status) { return ResultToProto({}, status).error().cause(); };
  const absl::Status down =
      MakeError(absl::StatusCode::kUnavailable, "x", {.reason = "POSTGRES_UNAVAILABLE"});
  EXPECT_EQ(cause(down), v1::TaskError::CAUSE_OUTAGE);
  EXPECT_EQ(cause(WithCause(down, Cause::kRefusal)), v1::TaskError::CAUSE_REFUSAL);
  EXPECT_EQ(cause(absl::ResourceExhaustedError("x")), v1::TaskError::CAUSE_RESOURCE);
  EXPECT_EQ(cause(absl::InternalError("x")), v1::TaskError::CAUSE_REFUSAL);
  EXPECT_EQ(cause(absl::DeadlineExceededError("x")), v1::TaskError::CAUSE_UNSPECIFIED);
}

TEST(WireTest, ControlPlanesErrorsKeepReasonAndMetadata) {
  v1::ErrorInfo info;
  info.set_reason("HOST_REMOVED");
  (*info.mutable_metadata())["host"] = "h1";
  v1::Status details;
  google::protobuf::Any& any = *details.add_details();
  any.set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  any.set_value(info.SerializeAsString());
  const absl::Status status =
      StatusFromGrpc({grpc::StatusCode::PERMISSION_DENIED, "gone", details.SerializeAsString()});
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(status.message(), "gone");
  EXPECT_EQ(DetailsOf(status).reason, "HOST_REMOVED");
  EXPECT_EQ(DetailsOf(status).metadata.at("host"), "h1");
  EXPECT_TRUE(StatusFromGrpc(grpc::Status::OK).ok());
}

TEST(TaskKinds, AreThoseOfTheProtocol) {
  std::vector<std::string> kinds;
  const google::protobuf::OneofDescriptor* work = v1::Task::descriptor()->FindOneofByName("work");
  for (int i = 0; i < work->field_count(); ++i) kinds.emplace_back(work->field(i)->name());
  EXPECT_THAT(TaskKindNames(), testing::UnorderedElementsAreArray(kinds));
}

}  // namespace
}  // namespace croft::agent
