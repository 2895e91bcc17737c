#include "agent/store/file_store.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/errors.h"
#include "tests/agent/store/store_contract.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "croft-store-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct FileHome final : StoreKind::Home {
  std::unique_ptr<Store> Open() override {
    auto store = OpenFileStore(directory / "store", random);
    return store.ok() ? *std::move(store) : nullptr;
  }
  TemporaryDirectory directory;
  SystemRandom random;
};

INSTANTIATE_TEST_SUITE_P(File, StoreContract,
                         testing::Values(StoreKind{"file", [] { return std::make_unique<FileHome>(); }}),
                         [](const auto& tested) { return tested.param.name; });

class FileStoreTest : public testing::Test {
 protected:
  std::string Root() const { return directory_ / "store"; }
  std::unique_ptr<Store> Open() {
    auto store = OpenFileStore(Root(), random_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  TemporaryDirectory directory_;
  SystemRandom random_;
};

TEST_F(FileStoreTest, FoldersAndFilesAreForTheAgentAlone) {
  const auto store = Open();
  ASSERT_TRUE(WriteObject(*store, "u1/b1/archive", "x").ok());
  EXPECT_EQ(fs::status(Root()).permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(Root() + "/u1/b1").permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(Root() + "/u1/b1/archive").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(FileStoreTest, DirectoryWithOtherFilesIsRefusedAndLeftAlone) {
  fs::create_directory(Root());
  std::ofstream(Root() + "/thesis.tex") << "mine";
  const auto store = OpenFileStore(Root(), random_);
  EXPECT_EQ(DetailsOf(store.status()).reason, "NOT_A_STORE");
  EXPECT_FALSE(fs::exists(Root() + "/" + kStoreMarker));
}

TEST_F(FileStoreTest, DamagedMarkerIsRefused) {
  Open();
  std::ofstream(Root() + "/" + kStoreMarker, std::ios::trunc) << "\n";
  EXPECT_EQ(DetailsOf(OpenFileStore(Root(), random_).status()).reason, "NOT_A_STORE");
}

TEST_F(FileStoreTest, FileInPlaceOfTheDirectoryIsUnreachable) {
  std::ofstream(Root()) << "a file";
  EXPECT_EQ(OpenFileStore(Root(), random_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(FileStoreTest, DeletionRemovesEmptiedFolders) {
  const auto store = Open();
  ASSERT_TRUE(WriteObject(*store, "u1/b1/archive", "x").ok());
  ASSERT_TRUE(store->Delete("u1/b1/archive").ok());
  EXPECT_FALSE(fs::exists(Root() + "/u1"));
  EXPECT_TRUE(fs::exists(Root()));
}

TEST_F(FileStoreTest, WriteCutByAKillIsGoneAfterTheNextWrite) {
  const auto store = Open();
  const pid_t child = fork();
  if (child == 0) {
    auto writer = store->Put("u1/b1/archive", 1);
    if (!writer.ok() || !(*writer)->Append("half").ok()) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(store->List("u1")->empty());
  ASSERT_TRUE(WriteObject(*store, "u1/b1/archive", "whole").ok());
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(Root() + "/u1/b1"))
    files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 1u);
}

// A file-size limit stands for a full disk: the kernel answers in the same place, and it needs no rights.
TEST_F(FileStoreTest, NoRoomInTheMiddleIsDiskFullAndLeavesNothing) {
  const auto store = Open();
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto writer = store->Put("u1/b1/archive", 1);
    if (!writer.ok()) _exit(1);
    const std::string block(60'000, 'x');
    if (!(*writer)->Append(block).ok()) _exit(2);
    const absl::Status status = (*writer)->Append(block);
    if (DetailsOf(status).reason != "DISK_FULL") _exit(3);
    writer->reset();
    _exit(store->List("u1")->empty() && fs::is_empty(Root() + "/u1/b1") ? 0 : 4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace croft::agent
