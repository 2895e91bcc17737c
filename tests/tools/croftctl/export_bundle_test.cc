// croftctl tenant export.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/compression/zstd.h"
#include "common/crypto/hash.h"
#include "tests/tools/croftctl/control_plane.h"

namespace croft::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ExportBundleTest : public ::testing::Test, protected Pair {
 protected:
  ExportBundleTest() {
    v1::Tenant tenant;
    tenant.set_name("tenants/acme");
    tenant.set_last_backup("tenants/acme/backups/b7");
    server.get_tenant.Answers(tenant);
  }
  // The control plane sends `dump`, described as `described`, and ends with `status`.
  void Send(const std::string& dump, const std::string& described,
            const grpc::Status& status = grpc::Status::OK) {
    std::vector<v1::ExportBackupResponse> parts;
    v1::BackupExport& description = *parts.emplace_back().mutable_description();
    description.set_format(1);
    description.mutable_tenant()->set_name("tenants/acme");
    description.mutable_archive()->set_size_bytes(static_cast<int64_t>(described.size()));
    description.mutable_archive()->set_sha256(crypto::Hex(crypto::Sha256(described)));
    const std::string frame = *CompressZstd(dump);
    for (const char byte : frame) parts.emplace_back().set_data(std::string(1, byte));
    server.export_backup.Answers(
        [parts, status](const v1::ExportBackupRequest&, std::vector<v1::ExportBackupResponse>& out) {
          out = parts;
          return status;
        });
  }
  std::string Path() const { return desk.folder().File("acme.tar.zst"); }
  static std::string Content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t Files() const {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(desk.folder().path()))
      files += absl::StrContains(entry.path().filename().string(), "acme.tar");
    return files;
  }
};

TEST_F(ExportBundleTest, WritesAPrivateBundleOfTheLatestBackupWithItsDigestBesideIt) {
  Send("the dump", "the dump");
  const Ran ran = desk.Run({"tenant", "export", "acme", Path()});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(server.export_backup.asked().at(0).name(), "tenants/acme/backups/b7");
  EXPECT_EQ(std::filesystem::status(Path()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(Content(Path() + ".sha256"), crypto::Hex(crypto::Sha256(Content(Path()))) + "  acme.tar.zst\n");
  EXPECT_THAT(ran.err, HasSubstr("wrote b7 to "));
}

TEST_F(ExportBundleTest, ExportsTheBackupThatIsNamed) {
  Send("the dump", "the dump");
  ASSERT_EQ(desk.Run({"tenant", "export", "acme", Path(), "--backup", "before-2.4"}).exit_code, 0);
  EXPECT_EQ(server.export_backup.asked().at(0).name(), "tenants/acme/backups/before-2.4");
}

TEST_F(ExportBundleTest, FreshBacksUpFirstAndExportsThat) {
  Send("the dump", "the dump");
  v1::Operation done;
  done.set_name("operations/op-1");
  done.set_result("tenants/acme/backups/b8");
  done.set_done(true);
  done.set_state(v1::Operation::STATE_SUCCEEDED);
  server.create_backup.Answers(done);
  ASSERT_EQ(desk.Run({"tenant", "export", "acme", Path(), "--fresh"}).exit_code, 0);
  EXPECT_EQ(server.create_backup.asked().at(0).parent(), "tenants/acme");
  EXPECT_EQ(server.export_backup.asked().at(0).name(), "tenants/acme/backups/b8");
}

TEST_F(ExportBundleTest, PassphraseEncryptsIt) {
  const std::string passphrase = desk.folder().File("passphrase");
  std::ofstream(passphrase) << "correct horse\n";
  std::filesystem::permissions(passphrase, std::filesystem::perms::owner_read);
  Send("the dump", "the dump");
  const Ran ran = desk.Run({"tenant", "export", "acme", Path(), "--passphrase-file", passphrase});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(Content(Path()), StartsWith("age-encryption.org/v1\n-> scrypt "));
}

TEST_F(ExportBundleTest, APassphraseThatOthersCanReadOrThatIsEmptyIsRefusedBeforeAnythingIsAsked) {
  const std::string passphrase = desk.folder().File("passphrase");
  std::ofstream(passphrase) << "correct horse\n";
  std::filesystem::permissions(passphrase, std::filesystem::perms(0644));
  const std::vector<std::string> words = {"tenant",  "export", "acme", Path(), "--passphrase-file",
                                          passphrase};
  EXPECT_NE(desk.Run(words).exit_code, 0);
  std::ofstream(passphrase) << "\n";
  std::filesystem::permissions(passphrase, std::filesystem::perms(0600));
  EXPECT_EQ(desk.Run(words).exit_code, 2);
  EXPECT_TRUE(server.export_backup.asked().empty());
  EXPECT_EQ(Files(), 0u);
}

TEST_F(ExportBundleTest, WhatIsNotWholeLeavesNothing) {
  Send("the du", "the dump");
  EXPECT_EQ(desk.Run({"tenant", "export", "acme", Path()}).exit_code, 1);
  Send("the dump", "the dump", grpc::Status(grpc::StatusCode::UNAVAILABLE, "the host is away"));
  EXPECT_NE(desk.Run({"tenant", "export", "acme", Path()}).exit_code, 0);
  EXPECT_EQ(Files(), 0u);
}

TEST_F(ExportBundleTest, WritesOverNothing) {
  std::ofstream(Path()) << "mine";
  Send("the dump", "the dump");
  EXPECT_EQ(desk.Run({"tenant", "export", "acme", Path()}).exit_code, 5);
  EXPECT_EQ(Content(Path()), "mine");
  EXPECT_TRUE(server.export_backup.asked().empty());
}

TEST_F(ExportBundleTest, OptionsThatContradictEachOtherAreRefused) {
  EXPECT_EQ(desk.Run({"tenant", "export", "acme", Path(), "--fresh", "--backup", "latest"}).exit_code, 2);
  EXPECT_EQ(desk.Run({"tenant", "export", "acme", Path(), "--fresh", "--no-wait"}).exit_code, 2);
  EXPECT_EQ(desk.Run({"tenant", "export", "acme", Path(), "--dry-run"}).exit_code, 2);
  EXPECT_EQ(Files(), 0u);
}

}  // namespace
}  // namespace croft::ctl
