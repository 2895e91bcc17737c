#include "tools/croftctl/tar.h"

#include <stdio.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/sqlite/temporary_folder.h"

namespace croft::ctl {
namespace {

using ::testing::HasSubstr;

// What the system's tar says.
std::string Tar(const std::string& arguments) {
  FILE* const pipe = popen(absl::StrCat("TZ=UTC tar ", arguments, " 2>&1").c_str(), "r");
  std::string text;
  for (int byte = fgetc(pipe); byte != EOF; byte = fgetc(pipe)) text += static_cast<char>(byte);
  EXPECT_EQ(pclose(pipe), 0) << text;
  return text;
}

TEST(TarTest, TarListsAndUnpacksIt) {
  const TemporaryFolder folder;
  const std::string path = folder.File("x.tar");
  const absl::Time time = absl::FromUnixSeconds(1'700'000'000);
  std::ofstream(path) << TarHeader("one", 5, time) << "hello" << TarPadding(5)
                      << TarHeader("two", 512, time) << std::string(512, 'y') << TarPadding(512)
                      << TarEnd();
  const std::string list = Tar(absl::StrCat("tvf ", path));
  EXPECT_THAT(list, HasSubstr("-rw------- 0/0               5 2023-11-14 22:13 one\n"));
  EXPECT_THAT(list, HasSubstr("512 2023-11-14 22:13 two\n"));
  EXPECT_EQ(Tar(absl::StrCat("xOf ", path, " one")), "hello");
}

TEST(TarTest, SizesBeyondEightGigabytesAreReadWhole) {
  const TemporaryFolder folder;
  const std::string path = folder.File("x.tar");
  for (const int64_t size : {(int64_t{1} << 33) - 1, int64_t{1} << 33, int64_t{123'456'789'012}}) {
    const std::string header = TarHeader("large", size, absl::FromUnixSeconds(0));
    std::ofstream(path) << header;
    // Its contents are a hole.
    ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(header.size()) + size), 0);
    std::ofstream(path, std::ios::app)
        << TarPadding(size) << TarHeader("behind", 0, absl::Now()) << TarEnd();
    const std::string list = Tar(absl::StrCat("tvf ", path));
    EXPECT_THAT(list, HasSubstr(absl::StrCat(" ", size, " ")));
    EXPECT_THAT(list, HasSubstr(" behind\n"));
  }
}

}  // namespace
}  // namespace croft::ctl
