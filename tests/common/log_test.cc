#include "common/log.h"

#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::log {
namespace {

TEST(Log, ErrorsAreWrittenWithCodeAndMessageAndNoDetails) {
  EXPECT_EQ(Text(InvalidField("name", "must not be empty")), "INVALID_ARGUMENT: name: must not be empty");
  EXPECT_EQ(Text(absl::OkStatus()), "OK");
}

}  // namespace
}  // namespace croft::log
