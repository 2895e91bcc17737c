#include "agent/backup/export.h"

#include <zstd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/random.h"
#include "tests/agent/backup/memory_object.h"

namespace croft::agent {
namespace {

const ArchiveIdentity kIdentity{.uid = "u1", .generation = 3, .backup = "b1"};

// Objects in strings, of which a test may change what is read the second time.
class MemoryStore final : public Store {
 public:
  const std::string& id() const override { return id_; }
  absl::StatusOr<std::unique_ptr<ObjectWriter>> Put(absl::string_view, int64_t) override {
    return absl::UnimplementedError("not written to");
  }
  absl::StatusOr<std::unique_ptr<ObjectReader>> Get(absl::string_view name) override {
    const auto found = objects.find(std::string(name));
    if (found == objects.end()) return ObjectNotFound(name);
    if (++reads[found->first] == 2 && found->first == ArchiveObject("u1", "b1") && !second.empty())
      return std::make_unique<MemoryReader>(second);
    return std::make_unique<MemoryReader>(found->second);
  }
  absl::StatusOr<std::vector<StoredObject>> List(absl::string_view) override {
    return std::vector<StoredObject>();
  }
  absl::Status Delete(absl::string_view) override { return absl::OkStatus(); }
  absl::Status DeleteAll(absl::string_view) override { return absl::OkStatus(); }
  absl::StatusOr<int64_t> FreeBytes() override { return 0; }

  std::map<std::string, std::string> objects;
  std::map<std::string, int> reads;
  std::string second;

 private:
  const std::string id_ = "s1";
};

class ExportTest : public testing::Test {
 protected:
  ExportTest() {
    MemoryWriter object;
    ArchiveWriter writer(object, key_, kIdentity);
    EXPECT_TRUE(writer.Append(dump_).ok());
    const ArchiveDigest digest = *writer.Finish();
    store_.objects[ArchiveObject("u1", "b1")] = object.bytes;
    const Manifest manifest{.identity = kIdentity, .owner_role = "t_x_u1", .archive = digest};
    store_.objects[ManifestObject("u1", "b1")] = EncodeManifest(manifest, key_);
    backup_ = {.identity = kIdentity, .key = key_, .sha256 = digest.sha256};
  }

  absl::Status Run() {
    return ExportArchive(
        store_, backup_,
        {.describe = [this](const Manifest& manifest, const PlainDump& dump) -> absl::Status {
           EXPECT_TRUE(given_.empty());
           EXPECT_EQ(manifest.owner_role, "t_x_u1");
           described_ = dump;
           return absl::OkStatus();
         },
         .take = [this](absl::string_view bytes) -> absl::Status {
           given_.append(bytes.data(), bytes.size());
           return absl::OkStatus();
         },
         .keep_going = [this] { return keep_going_; }});
  }
  std::string& archive() { return store_.objects[ArchiveObject("u1", "b1")]; }

  SystemRandom random_;
  const std::string key_ = random_.Bytes(crypto::kKeyBytes);
  const std::string dump_ = random_.Bytes(300'000) + std::string(300'000, 'x');
  MemoryStore store_;
  BackupToRead backup_;
  absl::Status keep_going_;
  PlainDump described_;
  std::string given_;
};

TEST_F(ExportTest, GivesTheDumpCompressedAfterItSaidWhatItIs) {
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(described_, (PlainDump{.size_bytes = static_cast<int64_t>(dump_.size()),
                                   .sha256 = crypto::Hex(crypto::Sha256(dump_))}));
  std::string plain(dump_.size(), '\0');
  ASSERT_EQ(ZSTD_decompress(plain.data(), plain.size(), given_.data(), given_.size()), dump_.size());
  EXPECT_TRUE(plain == dump_);
}

TEST_F(ExportTest, OfAnArchiveThatWasChangedNothingIsGiven) {
  archive()[archive().size() - 3] ^= 1;
  EXPECT_EQ(DetailsOf(Run()).reason, "ARCHIVE_DAMAGED");
  EXPECT_TRUE(given_.empty());
  EXPECT_EQ(described_, PlainDump());
}

TEST_F(ExportTest, AnotherArchiveThatTakesItsPlaceInBetweenIsFound) {
  // The same dump, sealed by the same key once more: of the same size, and whole.
  MemoryWriter object;
  ArchiveWriter writer(object, key_, kIdentity);
  ASSERT_TRUE(writer.Append(dump_).ok());
  ASSERT_TRUE(writer.Finish().ok());
  store_.second = object.bytes;
  EXPECT_EQ(DetailsOf(Run()).reason, "ARCHIVE_DAMAGED");
}

TEST_F(ExportTest, EndsWhenItIsNotWantedAnyMore) {
  keep_going_ = absl::CancelledError("enough");
  EXPECT_EQ(Run(), keep_going_);
  EXPECT_TRUE(given_.empty());
}

TEST_F(ExportTest, ADigestThatWasNotRecordedIsRefused) {
  backup_.sha256 = std::string(64, '0');
  EXPECT_EQ(DetailsOf(Run()).reason, "ARCHIVE_DAMAGED");
}

}  // namespace
}  // namespace croft::agent
