#include "tools/croftctl/bundle.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/compression/zstd.h"
#include "common/crypto/hash.h"
#include "tools/croftctl/tar.h"

namespace croft::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Compressed(const std::string& plain) { return *CompressZstd(plain); }

// Frames that follow each other, as `zstd -d` reads them.
std::string Decompressed(const std::string& frames) {
  std::string plain;
  ZstdDecompressor decompressor(
      [&plain](absl::string_view piece) {
        plain.append(piece.data(), piece.size());
        return absl::OkStatus();
      },
      [](absl::string_view what) { return absl::DataLossError(what); });
  EXPECT_TRUE(decompressor.Add(frames).ok());
  EXPECT_TRUE(decompressor.whole());
  return plain;
}

class BundleTest : public ::testing::Test {
 protected:
  v1::BackupExport Description(const std::string& dump) {
    v1::BackupExport description;
    description.set_format(1);
    description.mutable_tenant()->set_name("tenants/acme");
    description.mutable_archive()->set_size_bytes(static_cast<int64_t>(dump.size()));
    description.mutable_archive()->set_sha256(crypto::Hex(crypto::Sha256(dump)));
    return description;
  }
  absl::Status Write(const v1::BackupExport& description, const std::string& sent) {
    written_.clear();
    BundleWriter bundle([this](absl::string_view bytes) {
      written_.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    });
    absl::Status status = bundle.Describe(description);
    // In odd pieces, as it comes.
    for (size_t at = 0; status.ok() && at < sent.size(); at += 7)
      status = bundle.Append(sent.substr(at, 7));
    if (status.ok()) status = bundle.Finish();
    return status;
  }

  std::string written_;
};

TEST_F(BundleTest, HoldsTheDescriptionTheChecksumsAndTheArchive) {
  const std::string dump = "PGDMP and the rest";
  ASSERT_TRUE(Write(Description(dump), Compressed(dump)).ok());
  const std::string tar = Decompressed(written_);
  EXPECT_EQ(tar.size() % kTarBlock, 0u);
  EXPECT_THAT(tar, StartsWith("croft-export.json"));
  EXPECT_THAT(tar, HasSubstr("tenants/acme"));
  EXPECT_THAT(tar, HasSubstr(absl::StrCat(crypto::Hex(crypto::Sha256(dump)), "  archive.dump\n")));
  EXPECT_THAT(tar, HasSubstr(dump));
}

TEST_F(BundleTest, WhatIsNotWhatWasDescribedIsDataLoss) {
  const std::string dump = "PGDMP and the rest";
  const std::string sent = Compressed(dump);
  const auto lost = [&](const v1::BackupExport& description, const std::string& bytes) {
    return absl::IsDataLoss(Write(description, bytes));
  };
  EXPECT_TRUE(lost(Description(dump), sent.substr(0, sent.size() - 1))) << "cut";
  EXPECT_TRUE(lost(Description(dump), "")) << "empty";
  EXPECT_TRUE(lost(Description(dump + "!"), sent)) << "shorter";
  EXPECT_TRUE(lost(Description("PGDMP and the"), sent)) << "longer";
  EXPECT_TRUE(lost(Description("PGDMP and the REST"), sent)) << "another";
  EXPECT_TRUE(lost(Description(dump), "no frame of zstd at all")) << "not compressed";
}

TEST_F(BundleTest, ABombOfZerosIsNotUnpackedBeyondWhatWasDescribed) {
  EXPECT_TRUE(absl::IsDataLoss(Write(Description("PGDMP"), Compressed(std::string(64 << 20, '\0')))));
}

TEST_F(BundleTest, TheFirstErrorOfTheSinkEndsIt) {
  BundleWriter bundle([](absl::string_view) { return absl::InternalError("the disk is full"); });
  EXPECT_EQ(bundle.Describe(Description("x")).message(), "the disk is full");
}

TEST(PassphraseFilterTest, GivesOneFileThatHoldsAllOfIt) {
  std::string file;
  PassphraseFilter filter("secret", [&file](absl::string_view bytes) {
    file.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  });
  const std::string plain(200'000, 'x');
  ASSERT_TRUE(filter.Append(plain.substr(0, 100'000)).ok());
  ASSERT_TRUE(filter.Append(plain.substr(100'000)).ok());
  ASSERT_TRUE(filter.Finish().ok());
  EXPECT_THAT(file, StartsWith("age-encryption.org/v1\n"));
  const size_t payload = file.find('\n', file.find("\n--- ") + 1) + 1;
  // A nonce, then chunks of 64 KiB with a code each.
  EXPECT_EQ(file.size() - payload, 16 + plain.size() + 4 * 16);
}

}  // namespace
}  // namespace croft::ctl
