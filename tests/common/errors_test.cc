#include "common/errors.h"

#include <gtest/gtest.h>

namespace croft {
namespace {

TEST(Errors, DetailsSurviveTheStatus) {
  const ErrorDetails details{.reason = "TENANT_BUSY",
                             .metadata = {{"tenant", "acme"}, {"holder", "operations/op-1"}},
                             .violations = {{"tenant.labels", "too many"}},
                             .retry_delay = absl::Milliseconds(250)};
  const absl::Status status = MakeError(absl::StatusCode::kAborted, "busy", details);
  EXPECT_EQ(DetailsOf(status), details);
}

TEST(Errors, MetadataMayHoldAnyBytes) {
  const absl::Status status =
      MakeError(absl::StatusCode::kNotFound, "gone", {.reason = "R", .metadata = {{"id", "\xff\x00"}}});
  EXPECT_EQ(DetailsOf(status).reason, "R");
}

TEST(Errors, AnnotateKeepsCodeAndDetails) {
  const absl::Status status = Annotate(InvalidField("name", "must not be empty"), "creating");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "creating: name: must not be empty");
  EXPECT_EQ(DetailsOf(status).violations.size(), 1u);
}

TEST(Errors, ForeignStatusHasNoDetails) { EXPECT_EQ(DetailsOf(absl::InternalError("x")), ErrorDetails()); }

}  // namespace
}  // namespace croft
