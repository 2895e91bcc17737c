#include "common/files.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/errors.h"

namespace croft {
namespace {

using testing::HasSubstr;

class Files : public testing::Test {
 protected:
  Files() {
    std::string name = testing::TempDir() + "croft-files-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~Files() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  size_t FileCount() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat facts = {};
    EXPECT_EQ(stat(path.c_str(), &facts), 0);
    return facts.st_mode & 07777;
  }

  std::string folder_;
};

TEST_F(Files, WhatWasWrittenIsReadWithTheModeAskedFor) {
  const mode_t before = umask(0077);
  ASSERT_TRUE(WriteFileDurably(Path("public"), "p", 0644, IfFileExists::kRefuse).ok());
  umask(before);
  EXPECT_EQ(ModeOf(Path("public")), 0644u);
  ASSERT_TRUE(WriteFileDurably(Path("secret"), std::string("s\0t", 3), 0600, IfFileExists::kRefuse).ok());
  EXPECT_EQ(ModeOf(Path("secret")), 0600u);
  EXPECT_EQ(*ReadPrivateFile(Path("secret"), 3), std::string("s\0t", 3));
  EXPECT_EQ(*ReadSmallFile(Path("public"), 10), "p");
}

TEST_F(Files, AFileThatIsThereIsKeptOrReplacedAsAsked) {
  ASSERT_TRUE(WriteFileDurably(Path("f"), "old", 0600, IfFileExists::kRefuse).ok());
  const absl::Status refused = WriteFileDurably(Path("f"), "new", 0600, IfFileExists::kRefuse);
  EXPECT_EQ(refused.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(DetailsOf(refused).reason, "FILE_EXISTS");
  EXPECT_EQ(*ReadPrivateFile(Path("f"), 10), "old");
  ASSERT_TRUE(WriteFileDurably(Path("f"), "new", 0600, IfFileExists::kReplace).ok());
  EXPECT_EQ(*ReadPrivateFile(Path("f"), 10), "new");
  EXPECT_EQ(FileCount(), 1u) << "a temporary file was left";
}

TEST_F(Files, AFailedWriteLeavesNothing) {
  EXPECT_EQ(WriteFileDurably(Path("missing/f"), "x", 0600, IfFileExists::kReplace).code(),
            absl::StatusCode::kNotFound);
  std::filesystem::create_directory(Path("folder"));
  EXPECT_FALSE(WriteFileDurably(Path("folder"), "x", 0600, IfFileExists::kReplace).ok());
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(Files, SecretsThatOthersCanReachAreRefused) {
  ASSERT_TRUE(WriteFileDurably(Path("f"), "x", 0600, IfFileExists::kRefuse).ok());
  for (const mode_t mode : {0640, 0620, 0610, 0604, 0602, 0601, 0777}) {
    ASSERT_EQ(chmod(Path("f").c_str(), mode), 0);
    const absl::Status status = ReadPrivateFile(Path("f"), 10).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << mode;
    EXPECT_EQ(DetailsOf(status).reason, "FILE_NOT_PRIVATE");
    EXPECT_THAT(std::string(status.message()), HasSubstr("chmod 600 " + Path("f")));
  }
  ASSERT_EQ(chmod(Path("f").c_str(), 0400), 0);
  EXPECT_TRUE(ReadPrivateFile(Path("f"), 10).ok());
}

TEST_F(Files, ACredentialMayBeReadableByItsGroupOnly) {
  ASSERT_TRUE(WriteFileDurably(Path("f"), "x", 0440, IfFileExists::kRefuse).ok());
  EXPECT_TRUE(ReadCredential(Path("f"), 10).ok());
  for (const mode_t mode : {0460, 0444, 0441}) {
    ASSERT_EQ(chmod(Path("f").c_str(), mode), 0);
    EXPECT_FALSE(ReadCredential(Path("f"), 10).ok()) << mode;
  }
}

TEST_F(Files, ASecretOfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  ASSERT_TRUE(WriteFileDurably(Path("f"), "x", 0600, IfFileExists::kRefuse).ok());
  ASSERT_EQ(chown(Path("f").c_str(), 65534, 65534), 0);
  for (const absl::Status& status :
       {ReadPrivateFile(Path("f"), 10).status(), ReadCredential(Path("f"), 10).status()}) {
    EXPECT_EQ(DetailsOf(status).reason, "FILE_NOT_PRIVATE");
    EXPECT_THAT(std::string(status.message()), HasSubstr("65534"));
  }
}

TEST_F(Files, OnlyRegularFilesOfAFittingSizeAreRead) {
  EXPECT_EQ(DetailsOf(ReadSmallFile(Path("missing"), 10).status()).reason, "FILE_NOT_FOUND");
  EXPECT_FALSE(ReadSmallFile(folder_, 10).ok());
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(ReadPrivateFile(Path("pipe"), 10).ok());
  ASSERT_TRUE(WriteFileDurably(Path("f"), "12345", 0600, IfFileExists::kRefuse).ok());
  EXPECT_EQ(*ReadSmallFile(Path("f"), 5), "12345");
  EXPECT_EQ(DetailsOf(ReadSmallFile(Path("f"), 4).status()).reason, "FILE_IO");
}

TEST_F(Files, AHighBoundCostsNothingAndAFileMayBeLargerThanItSays) {
  ASSERT_TRUE(WriteFileDurably(Path("f"), "12345", 0600, IfFileExists::kRefuse).ok());
  EXPECT_EQ(*ReadSmallFile(Path("f"), size_t{1} << 50), "12345");
  const auto status = ReadSmallFile("/proc/self/status", 1 << 20);
  ASSERT_TRUE(status.ok());
  EXPECT_THAT(*status, HasSubstr("VmRSS"));
  EXPECT_FALSE(ReadSmallFile("/proc/self/status", 100).ok());
}

}  // namespace
}  // namespace croft
