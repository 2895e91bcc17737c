#include "common/compression/zstd.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft {
namespace {

class ZstdTest : public ::testing::Test {
 protected:
  absl::Status Add(const std::string& compressed) { return decompressor_.Add(compressed); }

  std::string plain_;
  absl::Status sink_status_;
  ZstdDecompressor decompressor_{[this](absl::string_view piece) {
                                   plain_.append(piece.data(), piece.size());
                                   return sink_status_;
                                 },
                                 [](absl::string_view what) { return absl::DataLossError(what); }};
};

TEST_F(ZstdTest, FramesThatComeInPiecesAreGivenOneAfterTheOther) {
  const std::string large(1'000'000, 'x');
  const std::string frames = *CompressZstd("one ") + *CompressZstd("") + *CompressZstd(large);
  for (size_t at = 0; at < frames.size(); at += 3) ASSERT_TRUE(Add(frames.substr(at, 3)).ok());
  EXPECT_TRUE(plain_ == "one " + large);
  EXPECT_TRUE(decompressor_.whole());
}

TEST_F(ZstdTest, AFrameThatWasCutIsNotWhole) {
  const std::string frame = *CompressZstd("one two three");
  ASSERT_TRUE(Add(frame.substr(0, frame.size() - 1)).ok());
  EXPECT_FALSE(decompressor_.whole());
}

TEST_F(ZstdTest, NothingIsNotWhole) { EXPECT_FALSE(decompressor_.whole()); }

TEST_F(ZstdTest, WhatIsNoFrameIsDamaged) { EXPECT_TRUE(absl::IsDataLoss(Add("no frame of zstd"))); }

TEST_F(ZstdTest, ErrorOfTheSinkIsTheAnswer) {
  sink_status_ = absl::CancelledError("enough");
  EXPECT_EQ(Add(*CompressZstd("one")), sink_status_);
}

}  // namespace
}  // namespace croft
