#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/wire/operation.h"
#include "controlplane/wire/status.h"
#include "controlplane/wire/tenant.h"

namespace croft::wire {
namespace {

using domain::OperationState;
using domain::StepState;

const absl::Time kNow = absl::FromCivil(absl::CivilSecond(2026, 11, 23, 10, 30, 0), absl::UTCTimeZone());

domain::Host UpHost() {
  domain::Host host{.id = "h1"};
  host.certificate_fingerprint = "f";
  host.up = true;
  host.report.postgres_up = true;
  host.last_seen_time = kNow - absl::Minutes(28);
  return host;
}

domain::Operation Running() {
  domain::Operation operation{.id = "op-a", .kind = domain::OperationKind::kRetire, .tenant = "acme"};
  operation.steps = {{.task = domain::FenceTask(), .host = "h1", .state = StepState::kDone},
                     {.task = domain::BackUpTask(), .host = "h1", .state = StepState::kDispatched}};
  return operation;
}

TEST(ProgressTest, SaysWhatIsDoneNow) {
  const domain::Host host = UpHost();
  domain::Operation operation = Running();
  EXPECT_EQ(ProgressLine(operation, &host, kNow), "step 2 of 2: back_up on hosts/h1");
  operation.steps[1].message = "40% of 2 GB";
  EXPECT_EQ(ProgressLine(operation, &host, kNow), "step 2 of 2: back_up on hosts/h1: 40% of 2 GB");
}

TEST(ProgressTest, SaysWhatIsWaitedFor) {
  domain::Host host = UpHost();
  domain::Operation operation = Running();
  host.up = false;
  EXPECT_EQ(ProgressLine(operation, &host, kNow), "waiting for hosts/h1, away since 10:02");
  EXPECT_EQ(ProgressLine(operation, &host, kNow + absl::Hours(24)),
            "waiting for hosts/h1, away since 2026-11-23 10:02");
  host.certificate_fingerprint.clear();
  EXPECT_THAT(ProgressLine(operation, &host, kNow), testing::HasSubstr("has not joined"));
  EXPECT_THAT(ProgressLine(operation, nullptr, kNow), testing::HasSubstr("unknown"));
}

TEST(ProgressTest, SaysWhenItIsTriedAgain) {
  const domain::Host host = UpHost();
  domain::Operation operation = Running();
  operation.steps[1].state = StepState::kPending;
  operation.steps[1].attempt = 2;
  operation.steps[1].not_before = kNow + absl::Seconds(7);
  operation.steps[1].message = "disk full";
  EXPECT_EQ(ProgressLine(operation, &host, kNow),
            "step 2 of 2: back_up on hosts/h1, trying again at 10:30:07: disk full");
}

TEST(ProgressTest, UndoStepsAreCountedApart) {
  const domain::Host host = UpHost();
  domain::Operation operation = Running();
  operation.state = OperationState::kUndoing;
  operation.steps[1].state = StepState::kFailed;
  operation.steps.push_back(
      {.task = domain::UnfenceTask(), .host = "h1", .undo = true, .state = StepState::kDispatched});
  EXPECT_EQ(ProgressLine(operation, &host, kNow), "undo step 1 of 1: unfence on hosts/h1");
}

TEST(OperationTest, TargetsAndResultsAreResourceNames) {
  domain::Operation restore{
      .kind = domain::OperationKind::kRestore, .tenant = "copy", .source_tenant = "acme"};
  EXPECT_EQ(TargetOf(restore), "tenants/acme");
  EXPECT_EQ(ResultOf(restore), "tenants/copy");
  domain::Operation verify{.kind = domain::OperationKind::kVerify, .tenant = "acme", .backup = "b1"};
  EXPECT_EQ(TargetOf(verify), "tenants/acme/backups/b1");
  domain::Operation back_up{.kind = domain::OperationKind::kBackUp, .tenant = "acme", .backup = "b1"};
  EXPECT_EQ(TargetOf(back_up), "tenants/acme");
  EXPECT_EQ(ResultOf(back_up), "tenants/acme/backups/b1");
}

TEST(OperationTest, FailureCarriesItsReason) {
  domain::Operation operation = Running();
  operation.state = OperationState::kFailed;
  operation.error = domain::OperationError{absl::StatusCode::kFailedPrecondition, "DISK_FULL", "no room"};
  const v1::Operation proto = ToProto(operation, nullptr, kNow);
  EXPECT_TRUE(proto.done());
  EXPECT_EQ(proto.error().code(), 9);
  EXPECT_EQ(proto.error().message(), "no room");
  ASSERT_EQ(proto.error().details_size(), 1);
  EXPECT_EQ(proto.error().details(0).type_url(), "type.googleapis.com/croft.v1.ErrorInfo");
  v1::ErrorInfo info;
  ASSERT_TRUE(info.ParseFromString(proto.error().details(0).value()));
  EXPECT_EQ(info.reason(), "DISK_FULL");
  EXPECT_EQ(info.domain(), "croft");
}

std::vector<std::string> ConditionsOf(const domain::Tenant& tenant,
                                      const TenantSurroundings& surroundings) {
  std::vector<std::string> types;
  const v1::Tenant proto = ToProto(tenant, surroundings);
  for (const v1::Condition& condition : proto.conditions()) types.push_back(condition.type());
  return types;
}

TEST(TenantTest, StorageIsToldByLevelAndMode) {
  const domain::Host host = UpHost();
  domain::Tenant tenant{.id = "acme", .state = domain::TenantState::kReady};
  tenant.quota.storage_bytes = 1000;
  const auto shown = [&] {
    const v1::Tenant proto = ToProto(tenant, {.host = &host, .now = kNow});
    return proto.conditions().empty() ? ""
                                      : proto.conditions(0).type() + ": " + proto.conditions(0).message();
  };
  EXPECT_EQ(shown(), "");
  tenant.storage = {.level = domain::StorageLevel::kNearQuota, .size_bytes = 800};
  EXPECT_EQ(shown(),
            "STORAGE_NEAR_QUOTA: its database had 800 bytes when it was looked at, of 1000 in its quota; "
            "at the quota "
            "it is closed for growth");
  tenant.storage = {.level = domain::StorageLevel::kFull, .size_bytes = 1001};
  EXPECT_THAT(shown(), testing::HasSubstr("waits for its host or for work on the tenant"));
  tenant.storage.grace_time = kNow + absl::Hours(1);
  EXPECT_THAT(shown(), testing::HasSubstr("STORAGE_FULL: its database had 1001"));
  EXPECT_THAT(shown(), testing::HasSubstr("it may grow until 2026-11-"));
  tenant.storage.closed = true;
  EXPECT_THAT(shown(), testing::HasSubstr("it is closed for growth: PostgreSQL refuses new rows"));
  tenant.storage.level = domain::StorageLevel::kNearQuota;
  EXPECT_THAT(shown(), testing::HasSubstr("it is being opened for growth again"));
  tenant.storage.level = domain::StorageLevel::kNormal;
  EXPECT_THAT(shown(), testing::StartsWith("STORAGE_FULL: it has room again"));
  const v1::Tenant proto = ToProto(tenant, {.host = &host, .now = kNow});
  EXPECT_EQ(proto.storage_level(), v1::STORAGE_LEVEL_NORMAL);
  EXPECT_TRUE(proto.closed_for_growth());
  EXPECT_TRUE(proto.has_storage_grace_time());
}

TEST(TenantTest, KeptDatabasesAndTheLastProofAreShown) {
  domain::Tenant tenant{.id = "acme", .state = domain::TenantState::kReady};
  tenant.kept_databases = {{.placement = {"h1", "t_acme_g1", 1},
                            .replace_time = kNow,
                            .expire_time = kNow + absl::Hours(24),
                            .clean_up = "op-clean"}};
  tenant.prove_on = {{"role", "proof"}};
  const domain::Host host = UpHost();
  const TenantSurroundings surroundings{.host = &host, .now = kNow};
  v1::Tenant proto = ToProto(tenant, surroundings);
  ASSERT_EQ(proto.kept_databases_size(), 1);
  EXPECT_EQ(proto.kept_databases(0).host(), "hosts/h1");
  EXPECT_EQ(proto.kept_databases(0).database(), "t_acme_g1");
  EXPECT_EQ(
      proto.kept_databases(0).expire_time().seconds() - proto.kept_databases(0).replace_time().seconds(),
      24 * 3600);
  EXPECT_EQ(proto.backup_policy().prove_on().at("role"), "proof");
  EXPECT_FALSE(proto.has_last_proof());
  tenant.last_proof = {
      .backup = "b1", .time = kNow, .host = "h2", .outcome = "VERIFIED_WITH_NOTES", .caller = "system"};
  proto = ToProto(tenant, surroundings);
  EXPECT_EQ(proto.last_proof().backup(), "tenants/acme/backups/b1");
  EXPECT_EQ(proto.last_proof().host(), "hosts/h2");
  EXPECT_EQ(proto.last_proof().caller(), "system");
  EXPECT_THAT(ConditionsOf(tenant, surroundings), testing::IsEmpty());
  tenant.last_proof.outcome = "DAMAGED";
  EXPECT_THAT(ConditionsOf(tenant, surroundings), testing::ElementsAre("PROOF_FAILED"));
}

TEST(TenantTest, ConditionsTellWhatIsTrueBesideTheState) {
  domain::Host host = UpHost();
  domain::Tenant tenant{.id = "acme", .state = domain::TenantState::kReady};
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .now = kNow}), testing::IsEmpty());
  EXPECT_THAT(ConditionsOf(tenant, {.host = nullptr, .now = kNow}), testing::ElementsAre("UNREACHABLE"));
  host.report.postgres_up = false;
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .now = kNow}), testing::ElementsAre("UNREACHABLE"));
  host = UpHost();

  tenant.state = domain::TenantState::kRetired;
  tenant.purge_time = kNow + absl::Seconds(1);
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .now = kNow}), testing::IsEmpty());
  tenant.purge_time = kNow;
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .now = kNow}),
              testing::ElementsAre("BACKUP_NOT_PROVEN"));
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .proven_backup = true, .now = kNow}),
              testing::IsEmpty());

  tenant.final_backup_failure = "BACKUP_INCOMPLETE: a view";
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .now = kNow}),
              testing::ElementsAre("FINAL_BACKUP_FAILED", "BACKUP_NOT_PROVEN"));
  tenant.delete_protection = true;
  tenant.final_backup_failure = "";
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .proven_backup = true, .now = kNow}),
              testing::ElementsAre("DELETE_PROTECTED"));

  tenant = {.id = "acme", .state = domain::TenantState::kReady};
  tenant.delete_protection = true;
  tenant.expire_time = kNow + absl::Seconds(1);
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .now = kNow}), testing::IsEmpty());
  tenant.expire_time = kNow;
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .now = kNow}), testing::ElementsAre("DELETE_PROTECTED"));

  tenant = {.id = "acme", .state = domain::TenantState::kReady};
  tenant.credentials = {{.login = "t_a", .disable_time = kNow}, {.login = "t_b", .published = true}};
  EXPECT_THAT(ConditionsOf(tenant, {.host = &host, .now = kNow}), testing::ElementsAre("LOGIN_REPLACED"));
}

TEST(TenantTest, OneThatNeverCameToBeShowsNoPlaceAndNoLogins) {
  domain::Tenant tenant{.id = "acme", .state = domain::TenantState::kFailed};
  tenant.placement.generation = 1;
  tenant.credentials = {{.login = "t_a", .published = true}};
  const v1::Tenant proto = ToProto(tenant, {.now = kNow});
  EXPECT_EQ(proto.placement().host(), "");
  EXPECT_EQ(proto.credentials_size(), 0);
}

TEST(TenantTest, SecretsAreNotShown) {
  domain::Tenant tenant{.id = "acme"};
  tenant.credentials = {
      {.login = "t_a", .sealed_password = "SEALED", .verifier = "VERIFIER", .published = true}};
  const std::string shown = ToProto(tenant, {}).SerializeAsString();
  EXPECT_NE(shown.find("t_a"), std::string::npos);
  EXPECT_EQ(shown.find("SEALED"), std::string::npos);
  EXPECT_EQ(shown.find("VERIFIER"), std::string::npos);
}

TEST(StatusTest, DetailsStaySmallWhateverTheySay) {
  std::vector<FieldViolation> violations(20, {std::string(1000, 'f'), std::string(10000, '\xFF')});
  const v1::Status status = ToProto(InvalidFields(violations));
  EXPECT_LE(status.ByteSizeLong(), 4096U);
  EXPECT_EQ(status.code(), 3);
  v1::Status again;
  EXPECT_TRUE(again.ParseFromString(status.SerializeAsString())) << "bytes that are no text were replaced";
}

}  // namespace
}  // namespace croft::wire
