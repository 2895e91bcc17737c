#include "controlplane/fleet/uploads.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::fleet {
namespace {

using ::testing::SizeIs;

constexpr absl::Duration kNow = absl::ZeroDuration();

class UploadsTest : public ::testing::Test {
 protected:
  std::unique_ptr<UploadStream> Begin() {
    v1::UploadBegin begin;
    begin.set_backup("b1");
    return uploads_.Begin("h1", begin);
  }
  void Grant(int parts, const std::string& host = "h1") {
    v1::UploadState state;
    state.set_id(1);
    state.set_parts(parts);
    uploads_.OnState(host, state);
  }
  void Says(const std::string& reason) {
    v1::UploadState state;
    state.set_id(1);
    state.set_error_reason(reason);
    state.set_error_message("so it is");
    uploads_.OnState("h1", state);
  }
  static std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason; }

  std::vector<std::pair<std::string, v1::ConnectResponse>> sent_;
  Uploads uploads_{[this](const std::string& host, const v1::ConnectResponse& message) {
    sent_.emplace_back(host, message);
  }};
};

TEST_F(UploadsTest, SendsNoMoreThanTheAgentHasGranted) {
  const auto upload = Begin();
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].second.upload().begin().backup(), "b1");
  EXPECT_EQ(ReasonOf(upload->Append("x", kNow)), "UPLOAD_WAITS");
  Grant(1, "h2");
  EXPECT_EQ(ReasonOf(upload->Append("x", kNow)), "UPLOAD_WAITS") << "by another host";
  Grant(1);
  EXPECT_TRUE(upload->Append("x", kNow).ok());
  EXPECT_EQ(ReasonOf(upload->Append("y", kNow)), "UPLOAD_WAITS");
  ASSERT_THAT(sent_, SizeIs(2));
  EXPECT_EQ(sent_[1].second.upload().data(), "x");
}

TEST_F(UploadsTest, TellsWhatWasStoredAndThatItIsKept) {
  auto upload = Begin();
  EXPECT_EQ(ReasonOf(upload->Finish(kNow).status()), "UPLOAD_WAITS");
  EXPECT_EQ(ReasonOf(upload->Finish(kNow).status()), "UPLOAD_WAITS");
  ASSERT_THAT(sent_, SizeIs(2)) << "the end is said once";
  EXPECT_TRUE(sent_[1].second.upload().end());
  v1::UploadState state;
  state.set_id(1);
  state.mutable_stored()->set_size_bytes(7);
  state.mutable_stored()->set_sha256("ab");
  uploads_.OnState("h1", state);
  const auto stored = upload->Finish(kNow);
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->size_bytes, 7);
  upload->Keep();
  EXPECT_TRUE(sent_.back().second.upload().keep());
  upload.reset();
  EXPECT_TRUE(sent_.back().second.upload().keep()) << "nothing is stopped";
}

TEST_F(UploadsTest, WhatIsNotKeptIsStopped) {
  Begin().reset();
  EXPECT_TRUE(sent_.back().second.upload().stop());
}

TEST_F(UploadsTest, EndsWithTheAgentsErrorOrWithTheAgent) {
  auto upload = Begin();
  Grant(1);
  Says("BUNDLE_DAMAGED");
  EXPECT_TRUE(absl::IsDataLoss(upload->Append("x", kNow)));
  EXPECT_EQ(ReasonOf(upload->Finish(kNow).status()), "BUNDLE_DAMAGED");
  upload.reset();
  EXPECT_FALSE(sent_.back().second.upload().stop()) << "the agent has removed it";
  const auto second = uploads_.Begin("h1", {});
  uploads_.Fail("h2", absl::UnavailableError("gone"));
  EXPECT_TRUE(second->status().ok());
  uploads_.Fail("h1", absl::UnavailableError("gone"));
  EXPECT_TRUE(absl::IsUnavailable(second->Append("x", kNow)));
}

}  // namespace
}  // namespace croft::fleet
