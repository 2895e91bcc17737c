#include "agent/backup/archive.h"

#include <random>

#include <absl/strings/str_cat.h>
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

class ArchiveTest : public testing::Test {
 protected:
  // Half of it does not compress, so that there are many chunks.
  std::string Data(size_t size) { return random_.Bytes(size / 2) + std::string(size - size / 2, 'x'); }

  std::string Write(absl::string_view data, const ArchiveIdentity& identity = kIdentity) {
    MemoryWriter object;
    ArchiveWriter writer(object, key_, identity);
    while (!data.empty()) {
      const size_t piece = std::min<size_t>(data.size(), 100'003);
      EXPECT_TRUE(writer.Append(data.substr(0, piece)).ok());
      data.remove_prefix(piece);
    }
    const auto digest = writer.Finish();
    EXPECT_TRUE(digest.ok()) << digest.status();
    EXPECT_EQ(digest->size_bytes, static_cast<int64_t>(object.bytes.size()));
    EXPECT_EQ(digest->sha256, crypto::Hex(crypto::Sha256(object.bytes)));
    return object.bytes;
  }

  absl::StatusOr<std::string> Read(std::string bytes, const ArchiveIdentity& identity = kIdentity) {
    MemoryReader object(bytes);
    std::string data;
    const auto digest = ReadArchive(object, key_, identity, [&](absl::string_view piece) {
      data.append(piece.data(), piece.size());
      return absl::OkStatus();
    });
    CROFT_RETURN_IF_ERROR(digest.status());
    EXPECT_EQ(digest->sha256, crypto::Hex(crypto::Sha256(bytes)));
    return data;
  }

  void ExpectDamaged(std::string bytes, const ArchiveIdentity& identity = kIdentity) {
    const absl::StatusOr<std::string> data = Read(std::move(bytes), identity);
    EXPECT_EQ(data.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(DetailsOf(data.status()).reason, "ARCHIVE_DAMAGED");
  }

  SystemRandom random_;
  std::string key_ = random_.Bytes(crypto::kKeyBytes);
};

TEST_F(ArchiveTest, GivesBackWhatItWasGiven) {
  for (const size_t size : {0, 1, 1000, 65'536, 1'000'000, 5'000'000}) {
    SCOPED_TRACE(size);
    const std::string data = Data(size);
    const absl::StatusOr<std::string> back = Read(Write(data));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(*back == data);
  }
}

TEST_F(ArchiveTest, ShowsNothingOfTheData) {
  const std::string archive =
      Write(absl::StrCat(std::string(100'000, 'a'), "canary", std::string(100'000, 'b')));
  EXPECT_EQ(archive.find("canary"), std::string::npos);
  EXPECT_EQ(archive.find("aaaa"), std::string::npos);
  EXPECT_LT(archive.size(), 10'000u);
}

TEST_F(ArchiveTest, CheckEndsSoonAfterItIsToldTo) {
  const std::string archive = Write(Data(5'000'000));
  MemoryReader object(archive);
  int asked = 0;
  const auto stop = [&] { return ++asked < 3 ? absl::OkStatus() : absl::CancelledError("enough"); };
  EXPECT_TRUE(absl::IsCancelled(CheckArchive(object, key_, kIdentity, stop).status()));
  EXPECT_EQ(asked, 3);
}

TEST_F(ArchiveTest, FlippedBitIsFoundWhereverItIs) {
  const std::string archive = Write(Data(300'000));
  for (size_t at = 0; at < archive.size(); at += archive.size() / 97) {
    SCOPED_TRACE(at);
    std::string damaged = archive;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    ExpectDamaged(damaged);
  }
}

TEST_F(ArchiveTest, FiveHundredRandomFlipsAreFound) {
  const std::string archive = Write(Data(300'000));
  std::mt19937 random(500);
  for (int flip = 0; flip < 500; ++flip) {
    SCOPED_TRACE(flip);
    std::string damaged = archive;
    damaged[random() % archive.size()] ^= static_cast<char>(1 << random() % 8);
    ExpectDamaged(damaged);
  }
}

TEST_F(ArchiveTest, CutEndIsFoundWhereverItIs) {
  const std::string archive = Write(Data(300'000));
  for (size_t size = 0; size < archive.size(); size += archive.size() / 97) {
    SCOPED_TRACE(size);
    ExpectDamaged(archive.substr(0, size));
  }
  ExpectDamaged(archive.substr(0, archive.size() - 1));
}

TEST_F(ArchiveTest, AddedEndIsFound) { ExpectDamaged(Write(Data(300'000)) + "x"); }

TEST_F(ArchiveTest, DroppedAndSwappedChunksAreFound) {
  const std::string archive = Write(random_.Bytes(500'000));
  constexpr size_t kHeader = 16 + crypto::kStreamHeaderBytes;
  constexpr size_t kChunk = crypto::kStreamChunkBytes + crypto::kStreamChunkOverhead;
  ASSERT_GT(archive.size(), kHeader + 3 * kChunk);
  ExpectDamaged(archive.substr(0, kHeader) + archive.substr(kHeader + kChunk));
  ExpectDamaged(archive.substr(0, kHeader) + archive.substr(kHeader + kChunk, kChunk) +
                archive.substr(kHeader, kChunk) + archive.substr(kHeader + 2 * kChunk));
}

TEST_F(ArchiveTest, AnothersArchiveDoesNotOpen) {
  const std::string archive = Write("data");
  ExpectDamaged(archive, {.uid = "u2", .generation = 3, .backup = "b1"});
  ExpectDamaged(archive, {.uid = "u1", .generation = 2, .backup = "b1"});
  ExpectDamaged(archive, {.uid = "u1", .generation = 3, .backup = "b2"});
  key_ = random_.Bytes(crypto::kKeyBytes);
  ExpectDamaged(archive);
}

TEST_F(ArchiveTest, SinkCanEndTheReading) {
  MemoryReader object(Write(Data(1'000'000)));
  const auto digest = ReadArchive(object, key_, kIdentity,
                                  [](absl::string_view) { return absl::OutOfRangeError("enough"); });
  EXPECT_EQ(digest.status(), absl::OutOfRangeError("enough"));
}

}  // namespace
}  // namespace croft::agent
