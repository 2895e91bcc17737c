#include "common/work_scope.h"

#include <gtest/gtest.h>

namespace croft {
namespace {

TEST(WorkScopeTest, InnerWorkHidesTheOuterUntilItEnds) {
  const WorkScope outer({.operation = "op-1"});
  {
    const WorkScope inner({.request_id = "r"});
    EXPECT_EQ(CurrentWork().operation, "");
    EXPECT_EQ(CurrentWork().request_id, "r");
  }
  EXPECT_EQ(CurrentWork().operation, "op-1");
}

TEST(WorkScopeTest, TraceIdIsTakenFromAWellFormedHeaderAlone) {
  EXPECT_EQ(TraceIdOf("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            "4bf92f3577b34da6a3ce929d0e0e4736");
  for (const char* wrong :
       {"", "00-4bf9-00f067aa0ba902b7-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "x\n",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bX-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\n1"}) {
    EXPECT_EQ(TraceIdOf(wrong), "") << wrong;
  }
}

}  // namespace
}  // namespace croft
