#include "common/subprocess.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace croft {
namespace {

using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Command Shell(const std::string& script) { return {.arguments = {"/bin/sh", "-c", script}}; }
absl::Time Soon() { return absl::Now() + absl::Seconds(60); }

TEST(RunTest, GivesOutputErrorAndExitCode) {
  const auto result = croft::Run(Shell("echo out; echo err >&2; exit 3"), Soon());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->exit_code, Eq(3));
  EXPECT_THAT(result->standard_out, Eq("out\n"));
  EXPECT_THAT(result->standard_error, Eq("err\n"));
}

TEST(RunTest, MissingProgramIsNotFound) {
  EXPECT_EQ(croft::Run({.arguments = {"/no/such/program"}}, Soon()).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(RunTest, MissingDirectoryIsNotFound) {
  Command command = Shell("true");
  command.directory = "/no/such/directory";
  EXPECT_EQ(croft::Run(command, Soon()).status().code(), absl::StatusCode::kNotFound);
}

TEST(RunTest, KilledProgramReportsItsSignal) {
  const auto result = croft::Run(Shell("kill -TERM $$"), Soon());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->exit_code, Eq(128 + SIGTERM));
}

TEST(RunTest, PassesOnOnlyTheNamedEnvironment) {
  setenv("CROFT_TEST_SECRET", "canary", 1);
  Command command{.arguments = {"/usr/bin/env"}};
  command.environment["WANTED"] = "yes";
  const auto result = croft::Run(command, Soon());
  unsetenv("CROFT_TEST_SECRET");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->standard_out, HasSubstr("WANTED=yes\n"));
  EXPECT_THAT(result->standard_out, Not(HasSubstr("canary")));
}

TEST(RunTest, InheritsNoDescriptor) {
  constexpr int kInheritable = 200;
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(dup2(null, kInheritable), kInheritable);
  const auto result = croft::Run(Shell("[ ! -e /proc/$$/fd/200 ] || echo inherited"), Soon());
  close(kInheritable);
  close(null);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->standard_out, IsEmpty());
}

TEST(RunTest, IgnoredSignalsAreStandardAgainInTheProgram) {
  const auto before = signal(SIGPIPE, SIG_IGN);
  const auto result = croft::Run(Shell("grep SigIgn /proc/self/status"), Soon());
  signal(SIGPIPE, before);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->standard_out, Eq("SigIgn:\t0000000000000000\n"));
}

TEST(RunTest, DeadlineKillsTheWholeGroup) {
  // The grandchild writes its id to a pipe that outlives the call.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string path = absl::StrCat("/proc/", getpid(), "/fd/", ends[1]);
  const auto result = croft::Run(Shell(absl::StrCat("sleep 1000 & echo $! > ", path, "; wait")),
                                 absl::Now() + absl::Seconds(3));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  char text[32] = {};
  ASSERT_GT(read(ends[0], text, sizeof text - 1), 0);
  close(ends[0]);
  close(ends[1]);
  int grandchild = 0;
  ASSERT_TRUE(absl::SimpleAtoi(text, &grandchild));
  // Killed, it is gone or waits for its new parent to look, as soon as it gets to run once more.
  std::string state;
  const absl::Time until = Soon();
  do {
    const auto looked = croft::Run(
        Shell(absl::StrCat("cut -d' ' -f3 /proc/", grandchild, "/stat 2>/dev/null || true")), Soon());
    ASSERT_TRUE(looked.ok());
    state = looked->standard_out;
  } while (state != "" && state != "Z\n" && state != "X\n" && absl::Now() < until);
  EXPECT_THAT(state, testing::AnyOf("", "Z\n", "X\n"));
}

TEST(RunTest, DoesNotWaitForADaemonThatHoldsTheOutput) {
  const absl::Time start = absl::Now();
  const auto result = croft::Run(Shell("setsid sleep 20 & echo $!"), Soon());
  ASSERT_TRUE(result.ok()) << result.status();
  int daemon = 0;
  ASSERT_TRUE(absl::SimpleAtoi(result->standard_out, &daemon));
  kill(daemon, SIGKILL);
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
}

TEST(RunTest, KeepsTheEndOfLongOutput) {
  const auto result = croft::Run(Shell("head -c 4000000 /dev/zero | tr '\\0' x; echo end"), Soon());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->standard_out.size(), Eq(size_t{1} << 20));
  EXPECT_TRUE(result->standard_out.ends_with("xend\n"));
}

TEST(RunTest, ChangesUserInTheChildAlone) {
  if (getuid() != 0) {
    Command command = Shell("id -u");
    command.uid = getuid();
    command.gid = getgid();
    const auto result = croft::Run(command, Soon());
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(result->standard_out, Eq(absl::StrCat(getuid(), "\n")));
    return;
  }
  Command command = Shell("id -u; id -g; id -G");
  command.uid = 65534;
  command.gid = 65534;
  const auto result = croft::Run(command, Soon());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->standard_out, Eq("65534\n65534\n65534\n"));
  EXPECT_THAT(geteuid(), Eq(0u));
}

TEST(RunTest, ManyThreadsStartProgramsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<std::string> outputs(8);
  for (size_t i = 0; i < outputs.size(); ++i) {
    threads.emplace_back([&outputs, i] {
      for (int round = 0; round < 10; ++round) {
        const auto result = croft::Run(Shell(absl::StrCat("echo ", i)), Soon());
        outputs[i] = result.ok() ? result->standard_out : result.status().ToString();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(outputs[i], absl::StrCat(i, "\n"));
}

TEST(PipedProcessTest, ReadsAllOutputWhileErrorsFillTheirPipe) {
  auto process = PipedProcess::Start(
      Shell("head -c 300000 /dev/zero >&2; head -c 500000 /dev/zero; echo last words >&2; exit 4"),
      PipedProcess::Direction::kReadOutput);
  ASSERT_TRUE(process.ok()) << process.status();
  size_t total = 0;
  char buffer[4096];
  for (;;) {
    const auto got = process->Read(buffer, sizeof buffer, Soon());
    ASSERT_TRUE(got.ok()) << got.status();
    if (*got == 0) break;
    total += *got;
  }
  EXPECT_EQ(total, 500000u);
  const auto result = process->Finish(Soon());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 4);
  EXPECT_TRUE(result->standard_error.ends_with("last words\n"));
  EXPECT_LE(result->standard_error.size(), size_t{64} << 10);
}

TEST(PipedProcessTest, WritesAllInputThenSeesTheEnd) {
  auto process = PipedProcess::Start(Shell("wc -c >&2"), PipedProcess::Direction::kWriteInput);
  ASSERT_TRUE(process.ok()) << process.status();
  const std::string data(1'000'000, 'x');
  EXPECT_TRUE(process->Write(data.data(), data.size(), Soon()).ok());
  const auto result = process->Finish(Soon());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->standard_error, "1000000\n");
}

TEST(PipedProcessTest, WriteToAClosedInputIsUnavailable) {
  auto process = PipedProcess::Start(Shell("exec <&-; exit 1"), PipedProcess::Direction::kWriteInput);
  ASSERT_TRUE(process.ok()) << process.status();
  // More than a pipe holds, so that it cannot be written before the other end is closed.
  const std::string data(4'000'000, 'x');
  EXPECT_EQ(process->Write(data.data(), data.size(), Soon()).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(process->Finish(Soon())->exit_code, 1);
}

TEST(PipedProcessTest, ReadGivesUpAtItsDeadline) {
  auto process = PipedProcess::Start(Shell("sleep 1000"), PipedProcess::Direction::kReadOutput);
  ASSERT_TRUE(process.ok()) << process.status();
  char buffer[16];
  EXPECT_EQ(process->Read(buffer, sizeof buffer, absl::Now() + absl::Milliseconds(50)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  process->Kill();
  EXPECT_EQ(process->Finish(Soon())->exit_code, 128 + SIGKILL);
}

TEST(PipedProcessTest, DestructionKillsWhatStillRuns) {
  int child = 0;
  {
    auto process =
        PipedProcess::Start(Shell("echo $$; exec sleep 1000"), PipedProcess::Direction::kReadOutput);
    ASSERT_TRUE(process.ok()) << process.status();
    char buffer[32] = {};
    ASSERT_TRUE(process->Read(buffer, sizeof buffer - 1, Soon()).ok());
    ASSERT_TRUE(absl::SimpleAtoi(buffer, &child));
  }
  EXPECT_NE(kill(child, 0), 0);
}

}  // namespace
}  // namespace croft
