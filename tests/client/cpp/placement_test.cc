#include "croft/placement.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace croft::client {
namespace {

std::string ContentsOf(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class ConninfoWithRootTest : public ::testing::Test {
 protected:
  ConninfoWithRootTest() {
    char folder[] = "/tmp/croft-it's-XXXXXX";
    folder_ = mkdtemp(folder);
    placement_.conninfo = "host=db1";
    placement_.root_certificate = "PEM";
  }
  ~ConninfoWithRootTest() override { std::filesystem::remove_all(folder_); }
  std::string OnlyFile() const {
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
    return std::filesystem::directory_iterator(folder_)->path();
  }

  std::string folder_;
  Placement placement_;
};

TEST_F(ConninfoWithRootTest, NamesAPrivateFileThatHoldsTheAuthority) {
  const auto conninfo = ConninfoWithRoot(placement_, folder_);
  ASSERT_TRUE(conninfo.ok()) << conninfo.status();
  const std::string file = OnlyFile();
  std::string quoted = file;
  quoted.insert(quoted.find('\''), "\\");
  EXPECT_EQ(*conninfo, "host=db1 sslrootcert='" + quoted + "'");
  EXPECT_EQ(ContentsOf(file), "PEM");
  struct stat facts {};
  ASSERT_EQ(stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(ConninfoWithRootTest, WritesItOnceAndMendsWhatIsNotIt) {
  ASSERT_TRUE(ConninfoWithRoot(placement_, folder_).ok());
  const std::string file = OnlyFile();
  const auto written = std::filesystem::last_write_time(file);
  ASSERT_TRUE(ConninfoWithRoot(placement_, folder_).ok());
  EXPECT_EQ(std::filesystem::last_write_time(file), written);
  std::ofstream(file) << "something else";
  ASSERT_TRUE(ConninfoWithRoot(placement_, folder_).ok());
  EXPECT_EQ(ContentsOf(OnlyFile()), "PEM");
}

TEST_F(ConninfoWithRootTest, LeavesAConninfoWithoutAuthorityAsItIs) {
  placement_.root_certificate.clear();
  EXPECT_EQ(*ConninfoWithRoot(placement_, folder_), "host=db1");
  placement_.root_certificate = "PEM";
  EXPECT_FALSE(ConninfoWithRoot(placement_, folder_ + "/missing").ok());
}

}  // namespace
}  // namespace croft::client
