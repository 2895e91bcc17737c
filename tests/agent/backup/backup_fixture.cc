#include "tests/agent/backup/backup_fixture.h"

#include <filesystem>

#include <absl/strings/str_cat.h>

#include "common/crypto/seal.h"

namespace croft::agent {

BackupTest::BackupTest() : access_(postgres_.access()) {
  stores_.push_back(*OpenFileStore(folder_.path() + "/store", random_));
  RegisterBackupTasks(runner_, {.cluster = postgres_.cluster(),
                                .access = [this] { return access_; },
                                .programs = programs_,
                                .stores = stores_,
                                .random = random_,
                                .clock = clock_,
                                .scratch_directory = folder_.path() + "/scratch"});
}

BackupTest::~BackupTest() {
  for (const TestTenant& tenant : restored_) {
    EXPECT_TRUE(RunDone(tenant, DropWork{.databases = {tenant.objects.database}, .roles = false}).ok());
  }
}

BackUpWork BackupTest::BackUpOf(const std::string& backup, bool sealed) {
  return {.backup = backup,
          .store = stores_[0]->id(),
          .key = random_.Bytes(crypto::kKeyBytes),
          .wrapped_key = "wrapped key",
          .wrapped_data_key = "wrapped data key",
          .sealed = sealed};
}

BackupSource BackupTest::SourceOf(const TestTenant& tenant, const BackUpWork& work, const BackedUp& made) {
  return {.backup = work.backup,
          .store = work.store,
          .key = work.key,
          .uid = tenant.objects.uid,
          .generation = tenant.objects.generation,
          .sha256 = made.sha256,
          .owner_role = tenant.objects.owner_role,
          .reader_role = tenant.objects.reader_role};
}

BackedUp BackupTest::MakeBackup(const TestTenant& tenant, const BackUpWork& work) {
  const absl::StatusOr<Outcome> outcome = Run(tenant, work);
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  return outcome.ok() ? std::get<BackedUp>(*outcome) : BackedUp();
}

void BackupTest::ExpectVerified(const TestTenant& tenant, const BackupSource& source) {
  const absl::StatusOr<Outcome> outcome = Run(tenant, VerifyWork{source});
  EXPECT_TRUE(outcome.ok()) << outcome.status();
}

TestTenant BackupTest::NextGeneration(const TestTenant& tenant) {
  TestTenant next = tenant;
  next.objects.generation = tenant.objects.generation + 1;
  next.objects.database = DatabaseName(tenant.objects.owner_role, next.objects.generation);
  restored_.push_back(next);
  return next;
}

absl::Status BackupTest::Restore(const TestTenant& target, const BackupSource& source) {
  return RunDone(target, RestoreWork{.source = source, .limits = limits_, .logins = target.logins});
}

void BackupTest::Fill(const TestTenant& tenant, const std::vector<Statement>& statements) {
  auto connection = postgres_.Login(tenant.objects.database, tenant.a(), tenant.password);
  ASSERT_TRUE(connection.ok()) << connection.status();
  for (const Statement& statement : statements) {
    const absl::Status status = connection->Execute(statement);
    ASSERT_TRUE(status.ok()) << statement.text() << ": " << status;
  }
}

void BackupTest::ExpectNothingLeft(const TestTenant& tenant) {
  EXPECT_EQ(Count(tenant.objects.owner_role + "_m"), 0);
  EXPECT_EQ(Count(absl::StrCat("v_", tenant.objects.uid)), 0);
  const std::string scratch = folder_.path() + "/scratch";
  if (std::filesystem::exists(scratch)) {
    EXPECT_TRUE(std::filesystem::is_empty(scratch));
  }
}

}  // namespace croft::agent
