#pragma once

#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <gtest/gtest.h>

#include "common/subprocess.h"

namespace croft::catalog {

// A running catalog_keeper (see keeper/main.cc); ended with this.
class KeeperProcess {
 public:
  explicit KeeperProcess(std::vector<std::string> arguments, std::optional<uint32_t> user = {},
                         const std::string& program = CATALOG_KEEPER)
      : process_(*PipedProcess::Start(MakeCommand(std::move(arguments), user, program),
                                      PipedProcess::Direction::kReadOutput)) {}

  // The next line of its output; empty at the end.
  std::string ReadLine() {
    while (!absl::StrContains(output_, '\n')) {
      if (!ReadMore()) break;
    }
    const std::pair<std::string, std::string> parts = absl::StrSplit(output_, absl::MaxSplits('\n', 1));
    output_ = parts.second;
    return parts.first;
  }
  // All lines from here to the end.
  std::vector<std::string> ReadAll() {
    while (ReadMore()) {
    }
    return absl::StrSplit(output_, '\n', absl::SkipEmpty());
  }
  void Kill() { process_.Kill(); }
  int ExitCode() {
    const auto result = process_.Finish(Deadline());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->exit_code : -1;
  }

 private:
  static Command MakeCommand(std::vector<std::string> arguments, std::optional<uint32_t> user,
                             const std::string& program) {
    arguments.insert(arguments.begin(), program);
    return {.arguments = std::move(arguments), .uid = user, .gid = user};
  }
  static absl::Time Deadline() { return absl::Now() + absl::Seconds(60); }

  bool ReadMore() {
    char buffer[4096];
    const auto size = process_.Read(buffer, sizeof(buffer), Deadline());
    EXPECT_TRUE(size.ok()) << size.status();
    if (!size.ok() || *size == 0) return false;
    output_.append(buffer, *size);
    return true;
  }

  PipedProcess process_;
  std::string output_;
};

}  // namespace croft::catalog
