#include "common/core_dumps.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace croft {
namespace {

// How a child ends that does `first` and then aborts.
template <typename Action>
int EndOfChild(Action first) {
  const pid_t child = fork();
  if (child == 0) {
    first();
    std::abort();
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(CoreDumpsTest, AProcessThatForbadeThemAbortsWithoutOne) {
  const std::string folder = testing::TempDir();
  const int status = EndOfChild([&] {
    if (chdir(folder.c_str()) != 0) _exit(1);
    const rlimit all{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &all);
    ForbidCoreDumps();
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
  EXPECT_FALSE(WCOREDUMP(status));
}

TEST(CoreDumpsTest, TheLimitIsGoneForGoodAndMemoryIsClosedToOthers) {
  const int status = EndOfChild([] {
    ForbidCoreDumps();
    rlimit limit{};
    getrlimit(RLIMIT_CORE, &limit);
    const bool closed =
        limit.rlim_cur == 0 && limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
    _exit(closed ? 7 : 1);
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace croft
