// Backups over the API: names in the place of ids, legal holds, plans, and the record of a purge.

#include <string>
#include <vector>

#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using server::ReasonOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;
using Backups = v1::BackupService::Stub;
using Tenants = v1::TenantService::Stub;

class BackupsTest : public ControlPlane {
 protected:
  BackupsTest() {
    JoinHost("h1");
    Create("acme");
  }

  std::string BackUp(const std::string& given_name = "") {
    v1::CreateBackupRequest request;
    request.set_parent("tenants/acme");
    request.set_given_name(given_name);
    request.set_note("schema 118");
    v1::Operation operation;
    return AwaitSuccess(Call(*backups_, &Backups::CreateBackup, request, operation), operation).result();
  }
  v1::Backup GetBackup(const std::string& id_or_name) {
    v1::GetBackupRequest request;
    request.set_name("tenants/acme/backups/" + id_or_name);
    v1::Backup backup;
    const grpc::Status status = Call(*backups_, &Backups::GetBackup, request, backup);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return backup;
  }
  grpc::Status Hold(const std::string& name, v1::Backup& backup) {
    v1::HoldBackupRequest request;
    request.set_name(name);
    request.set_reason("case 17");
    return Call(*backups_, &Backups::HoldBackup, request, backup);
  }
  grpc::Status Release(const std::string& name, v1::Backup& backup) {
    v1::ReleaseBackupRequest request;
    request.set_name(name);
    return Call(*backups_, &Backups::ReleaseBackup, request, backup);
  }
  v1::ListBackupPlansResponse Plans(const std::string& parent, const std::string& filter = "") {
    v1::ListBackupPlansRequest request;
    request.set_parent(parent);
    request.set_filter(filter);
    v1::ListBackupPlansResponse response;
    const grpc::Status status = Call(*backups_, &Backups::ListBackupPlans, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
};

TEST_F(BackupsTest, NameStandsForTheIdAndIsShown) {
  const std::string name = BackUp("before-2.4");
  EXPECT_EQ(GetBackup("before-2.4").name(), name);
  EXPECT_EQ(GetBackup("before-2.4").given_name(), "before-2.4");
  EXPECT_EQ(GetBackup("before-2.4").note(), "schema 118");
  v1::CreateBackupRequest again;
  again.set_parent("tenants/acme");
  again.set_given_name("before-2.4");
  v1::Operation operation;
  EXPECT_EQ(ReasonOf(Call(*backups_, &Backups::CreateBackup, again, operation)), "BACKUP_EXISTS");
  v1::RestoreTenantRequest restore;
  restore.set_name("tenants/acme");
  restore.set_backup("tenants/acme/backups/before-2.4");
  AwaitSuccess(Call(*tenants_, &Tenants::RestoreTenant, restore, operation), operation);
  v1::GetBackupRequest unknown;
  unknown.set_name("tenants/acme/backups/before-2.5");
  v1::Backup backup;
  EXPECT_EQ(ReasonOf(Call(*backups_, &Backups::GetBackup, unknown, backup)), "BACKUP_NOT_FOUND");
}

TEST_F(BackupsTest, HoldIsShownAndKeepsTheBackupUntilItIsReleased) {
  const std::string name = BackUp("before-2.4");
  v1::Backup backup;
  ASSERT_TRUE(Hold("tenants/acme/backups/before-2.4", backup).ok());
  EXPECT_EQ(backup.name(), name);
  EXPECT_EQ(backup.legal_hold().reason(), "case 17");
  EXPECT_NE(backup.legal_hold().caller(), "");
  EXPECT_TRUE(GetBackup("before-2.4").legal_hold().has_hold_time());
  EXPECT_EQ(ReasonOf(Hold(name, backup)), "BACKUP_HELD");
  v1::DeleteBackupRequest deletion;
  deletion.set_name(name);
  v1::Operation operation;
  EXPECT_EQ(ReasonOf(Call(*backups_, &Backups::DeleteBackup, deletion, operation)), "BACKUP_HELD");
  ASSERT_TRUE(Release(name, backup).ok());
  EXPECT_FALSE(backup.has_legal_hold());
  EXPECT_EQ(ReasonOf(Release(name, backup)), "BACKUP_NOT_HELD");
}

TEST_F(BackupsTest, PlanSaysWhatComesAndWhatWouldBeLost) {
  v1::UpdateTenantRequest update;
  update.mutable_tenant()->set_name("tenants/acme");
  update.mutable_tenant()->mutable_backup_policy()->mutable_every()->set_seconds(3600);
  update.mutable_tenant()->mutable_backup_policy()->set_keep(3);
  update.mutable_update_mask()->add_paths("backup_policy");
  v1::Tenant tenant;
  ASSERT_TRUE(Call(*tenants_, &Tenants::UpdateTenant, update, tenant).ok());
  Create("globex");
  const v1::ListBackupPlansResponse before = Plans("tenants/acme");
  ASSERT_EQ(before.plans_size(), 1);
  EXPECT_TRUE(before.plans(0).has_next_backup());
  EXPECT_FALSE(before.plans(0).has_next_proof());
  EXPECT_EQ(before.plans(0).keep(), 3);
  EXPECT_EQ(before.plans(0).newest_usable_backup(), "");
  EXPECT_FALSE(before.plans(0).has_unprotected_since()) << "everything would be lost";
  const std::string name = BackUp("before-2.4");
  const v1::BackupPlan plan = Plans("tenants/acme").plans(0);
  EXPECT_EQ(plan.newest_usable_backup(), name);
  EXPECT_EQ(plan.unprotected_since().seconds(), GetBackup("before-2.4").create_time().seconds());
  ASSERT_EQ(plan.backups_size(), 1);
  EXPECT_EQ(plan.backups(0).backup(), name);
  EXPECT_EQ(plan.backups(0).fate(), v1::PlannedBackup::FATE_KEPT_NAMED);
  const v1::ListBackupPlansResponse all = Plans("tenants/-");
  ASSERT_EQ(all.plans_size(), 2);
  EXPECT_EQ(all.plans(0).tenant(), "tenants/acme");
  EXPECT_EQ(all.plans(1).tenant(), "tenants/globex");
  EXPECT_THAT(Plans("tenants/-", "id = globex").plans(), SizeIs(1));
}

TEST_F(BackupsTest, PlansComeInPagesAndOfUnknownTenantsNone) {
  Create("globex");
  v1::ListBackupPlansRequest request;
  request.set_parent("tenants/-");
  request.set_page_size(1);
  std::vector<std::string> seen;
  for (int page = 0; page < 3; ++page) {
    v1::ListBackupPlansResponse response;
    ASSERT_TRUE(Call(*backups_, &Backups::ListBackupPlans, request, response).ok());
    for (const v1::BackupPlan& plan : response.plans()) seen.push_back(plan.tenant());
    if (response.next_page_token().empty()) break;
    request.set_page_token(response.next_page_token());
  }
  EXPECT_THAT(seen, ElementsAre("tenants/acme", "tenants/globex"));
  v1::ListBackupPlansRequest unknown;
  unknown.set_parent("tenants/nobody");
  v1::ListBackupPlansResponse response;
  EXPECT_EQ(ReasonOf(Call(*backups_, &Backups::ListBackupPlans, unknown, response)), "TENANT_NOT_FOUND");
}

TEST_F(BackupsTest, PurgedTenantHasARecordByIdAndByUid) {
  const std::string uid = Get("acme").uid();
  v1::GetErasureRequest request;
  request.set_name("tenants/acme");
  v1::Erasure erasure;
  EXPECT_EQ(ReasonOf(Call(*tenants_, &Tenants::GetErasure, request, erasure)), "ERASURE_NOT_FOUND");
  v1::Operation operation;
  AwaitSuccess(Begin(&Tenants::RetireTenant, "acme", operation), operation);
  const v1::Operation purge = AwaitSuccess(Begin(&Tenants::PurgeTenant, "acme", operation), operation);
  ASSERT_TRUE(Call(*tenants_, &Tenants::GetErasure, request, erasure).ok());
  EXPECT_EQ(erasure.uid(), uid);
  EXPECT_EQ(erasure.operation(), purge.name());
  EXPECT_THAT(erasure.statement(), StartsWith("croft erasure record\ntenant tenants/acme\nuid " + uid));
  EXPECT_THAT(erasure.statement(), HasSubstr("data key " + uid + ", in the key store: destroyed"));
  request.set_name("tenants/" + uid);
  v1::Erasure by_uid;
  ASSERT_TRUE(Call(*tenants_, &Tenants::GetErasure, request, by_uid).ok());
  EXPECT_EQ(by_uid.statement(), erasure.statement());
}

TEST_F(BackupsTest, ReportIsSignedAsAWholeAndSaysWhatWasProven) {
  const std::string backup = BackUp();
  v1::VerifyBackupRequest verify;
  verify.set_name(backup);
  v1::Operation operation;
  AwaitSuccess(Call(*backups_, &Backups::VerifyBackup, verify, operation), operation);
  const auto report = [&](const std::string& filter) {
    v1::ReportBackupsRequest request;
    request.set_filter(filter);
    grpc::ClientContext context;
    const auto stream = backups_->ReportBackups(&context, request);
    std::string statement;
    std::string signature;
    for (v1::ReportBackupsResponse part; stream->Read(&part);) {
      EXPECT_EQ(signature, "") << "the last part alone carries it";
      statement += part.text();
      signature = part.signature();
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(plane_->authority().HasSigned(statement, signature));
    EXPECT_FALSE(plane_->authority().HasSigned(statement + "x", signature));
    return statement;
  };
  const std::string all = report("");
  EXPECT_THAT(all, StartsWith("croft backup report\nbegun "));
  EXPECT_THAT(all, HasSubstr("\ntenant tenants/acme, uid "));
  EXPECT_THAT(all, HasSubstr("\nlast proof: VERIFIED, backup " + backup.substr(backup.rfind('/') + 1) +
                             ", on hosts/h1, by admin, "));
  EXPECT_THAT(all, HasSubstr("\nlast proof passed: 1\n"));
  EXPECT_THAT(report("id = nobody"), HasSubstr("\ntenants: 0\n"));
}

}  // namespace
}  // namespace croft::handlers
