// ExportBackup over the API, with agents that say what the test has them say.

#include <memory>
#include <optional>
#include <string>

#include "common/crypto/seal.h"
#include "tests/controlplane/handlers/control_plane.h"

namespace croft::handlers {
namespace {

using server::ReasonOf;
using testing::SizeIs;
using Backups = v1::BackupService::Stub;

// One call of ExportBackup.
class Export {
 public:
  Export(Backups& stub, const std::string& name) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::ExportBackupRequest request;
    request.set_name(name);
    reader_ = stub.ExportBackup(&context_, request);
  }
  ~Export() {
    context_.TryCancel();
    if (!finished_) Finish();
  }
  // Nothing when the stream has ended.
  std::optional<v1::ExportBackupResponse> Next() {
    v1::ExportBackupResponse response;
    if (!reader_->Read(&response)) return std::nullopt;
    return response;
  }
  grpc::Status Finish() {
    finished_ = true;
    return reader_->Finish();
  }
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::ExportBackupResponse>> reader_;
  bool finished_ = false;
};

class BackupExportTest : public ControlPlane {
 protected:
  BackupExportTest() {
    JoinHost("h1");
    Create("acme");
    v1::CreateBackupRequest request;
    request.set_parent("tenants/acme");
    v1::Operation operation;
    name_ = AwaitSuccess(Call(*backups_, &Backups::CreateBackup, request, operation), operation).result();
  }

  // Waits until agents were sent `count` messages.
  std::vector<ScriptedExports::Sent> Sent(size_t count) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (exports_.sent().size() < count && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
    return exports_.sent();
  }
  // Waits for the query, and says what precedes the data.
  int64_t Describe() {
    const int64_t id = Sent(1).at(0).message.export_query().id();
    v1::ExportPart part;
    part.set_id(id);
    part.mutable_archive()->set_sha256("ab");
    part.mutable_archive()->set_size_bytes(3);
    exports_.Say("h1", part);
    return id;
  }
  void SayData(int64_t id, const std::string& data) {
    v1::ExportPart part;
    part.set_id(id);
    part.set_data(data);
    exports_.Say("h1", part);
  }
  std::string NewestEvent() { return catalog_->ListEvents({})->events.back().type; }

  std::string name_;
};

TEST_F(BackupExportTest, DescribesTheBackupThenSendsItsDataAndEndsWell) {
  Export call(*backups_, name_);
  const int64_t id = Describe();
  SayData(id, "one");
  SayData(id, "two");
  v1::ExportPart end;
  end.set_id(id);
  end.set_end(true);
  exports_.Say("h1", end);
  const v1::BackupExport description = call.Next()->description();
  EXPECT_EQ(description.format(), 1);
  EXPECT_EQ(description.tenant().name(), "tenants/acme");
  EXPECT_EQ(description.backup().name(), name_);
  EXPECT_EQ(description.croft_version(), "0.0.1");
  EXPECT_EQ(description.archive().sha256(), "ab");
  EXPECT_NE(description.caller(), "");
  EXPECT_EQ(call.Next()->data(), "one");
  EXPECT_EQ(call.Next()->data(), "two");
  EXPECT_FALSE(call.Next());
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(BackupExportTest, AgentGetsTheBackupsKeyAndTheExportWasToldBefore) {
  Export call(*backups_, name_);
  const ScriptedExports::Sent sent = Sent(1).at(0);
  EXPECT_EQ(NewestEvent(), "croft.tenant.exported");
  EXPECT_EQ(sent.host, "h1");
  const v1::BackupSource& source = sent.message.export_query().source();
  EXPECT_THAT(source.key(), SizeIs(crypto::kKeyBytes));
  EXPECT_EQ(source.store(), "s1");
  EXPECT_EQ("tenants/acme/backups/" + source.backup(), name_);
}

TEST_F(BackupExportTest, HostThatIsUpIsTakenWhereTheTenantsOwnIsAway) {
  JoinHost("h2");
  Lose("h1");
  Export call(*backups_, name_);
  EXPECT_EQ(Sent(1).at(0).host, "h2");
}

TEST_F(BackupExportTest, ACallerThatGoesHasTheAgentStop) {
  Export call(*backups_, name_);
  const int64_t id = Describe();
  ASSERT_TRUE(call.Next());
  call.Cancel();
  const auto sent = Sent(2);
  EXPECT_EQ(sent.back().message.export_control().id(), id);
  EXPECT_TRUE(sent.back().message.export_control().stop());
}

TEST_F(BackupExportTest, AHostThatIsLostOnTheWayIsTheEnd) {
  Export call(*backups_, name_);
  SayData(Describe(), "one");
  ASSERT_TRUE(call.Next());
  exports_.Lose("h1", MakeError(absl::StatusCode::kUnavailable, "away", {.reason = "HOST_UNREACHABLE"}));
  while (call.Next()) {
  }
  EXPECT_EQ(ReasonOf(call.Finish()), "HOST_UNREACHABLE");
}

TEST_F(BackupExportTest, UnknownBackupsAreRefusedAndNoAgentIsAsked) {
  Export call(*backups_, "tenants/acme/backups/none");
  EXPECT_FALSE(call.Next());
  EXPECT_EQ(ReasonOf(call.Finish()), "BACKUP_NOT_FOUND");
  Export malformed(*backups_, "acme");
  EXPECT_FALSE(malformed.Next());
  EXPECT_EQ(ReasonOf(malformed.Finish()), "INVALID_FIELD");
  EXPECT_THAT(exports_.sent(), SizeIs(0));
}

}  // namespace
}  // namespace croft::handlers
