#include "agent/postgres/client_programs.h"

#include <filesystem>
#include <fstream>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/errors.h"
#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

// Folders with programs that only tell their version.
class ClientProgramsTest : public ::testing::Test {
 protected:
  void Install(int major, const std::string& version) {
    const fs::path bin = fs::path(folder_.path()) / absl::StrCat(major) / "bin";
    fs::create_directories(bin);
    for (const char* program : {"pg_dump", "pg_restore", "psql"}) {
      std::ofstream(bin / program) << "#!/bin/sh\necho '" << program << " (PostgreSQL) " << version
                                   << "'\n";
      chmod((bin / program).c_str(), 0755);
    }
  }

  TestFolder folder_;
  ClientProgramFinder finder_{folder_.path()};
};

TEST_F(ClientProgramsTest, SameMajorIsPreferredElseTheNextNewer) {
  Install(15, "15.20 (Debian 15.20-0+deb12u1)");
  Install(17, "17.6");
  Install(18, "18beta1");
  EXPECT_EQ(finder_.For(15)->major, 15);
  EXPECT_EQ(finder_.For(15)->minor, 20);
  EXPECT_EQ(finder_.For(16)->major, 17);
  EXPECT_EQ(finder_.For(18)->Path("pg_dump"), folder_.path() + "/18/bin/pg_dump");
  EXPECT_EQ(finder_.Installed()->size(), 3u);
}

TEST_F(ClientProgramsTest, NoneNewEnoughIsNotFound) {
  EXPECT_EQ(DetailsOf(finder_.For(15).status()).reason, "CLIENT_PROGRAMS_MISSING");
  Install(15, "15.20");
  EXPECT_EQ(DetailsOf(finder_.For(16).status()).reason, "CLIENT_PROGRAMS_MISSING");
}

TEST_F(ClientProgramsTest, KnownBadVersionsAreRefused) {
  Install(15, "15.13");
  EXPECT_EQ(DetailsOf(finder_.For(15).status()).reason, "CLIENT_PROGRAMS_VULNERABLE");
  Install(15, "15.14");
  EXPECT_TRUE(finder_.For(15).ok());
}

TEST_F(ClientProgramsTest, ProgramsThatDoNotTellTheirVersionAreAnError) {
  Install(15, "of some kind");
  EXPECT_EQ(DetailsOf(finder_.For(15).status()).reason, "CLIENT_PROGRAMS_BROKEN");
}

TEST_F(ClientProgramsTest, WhatIsWrongWithAServerOrItsProgramsIsNamed) {
  Install(15, "15.20");
  EXPECT_EQ(finder_.Complaint("15.20"), "");
  EXPECT_NE(finder_.Complaint("15.13").find("15.13"), std::string::npos);
  EXPECT_NE(finder_.Complaint("17.6").find("install postgresql-client-17"), std::string::npos);
  Install(15, "15.13");
  EXPECT_NE(finder_.Complaint("15.20").find("CVE-2025-8714"), std::string::npos);
}

TEST_F(ClientProgramsTest, ServerProgramsAreNamedWhenMissing) {
  Install(15, "15.20");
  EXPECT_EQ(DetailsOf(finder_.ServerPrograms(0).status()).reason, "SERVER_PROGRAMS_MISSING");
}

TEST(InstalledProgramsTest, ThisMachinesOwnAreFound) {
  const ClientProgramFinder finder;
  const auto installed = finder.Installed();
  ASSERT_TRUE(installed.ok()) << installed.status();
  ASSERT_FALSE(installed->empty());
  EXPECT_TRUE(finder.For(installed->front().major).ok());
  EXPECT_TRUE(finder.ServerPrograms(0).ok());
}

}  // namespace
}  // namespace croft::agent
