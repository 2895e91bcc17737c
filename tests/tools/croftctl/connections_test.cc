#include <fstream>
#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/tools/croftctl/control_plane.h"
#include "tools/croftctl/files.h"

// dsn, env and psql, as shells and psql take them.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kPassword[] = "s3cret:\\'$";

class Connections : public ::testing::Test, protected Pair {
 protected:
  Connections() {
    server.lookup.Answers([](const v1::LookupRequest& request, v1::LookupResponse& placement) {
      placement.set_tenant("tenants/acme");
      v1::Endpoint* endpoint = placement.add_endpoints();
      endpoint->set_host("127.0.0.1");
      endpoint->set_port(7500);
      endpoint->set_database("t_o'brien_abcdefgh234567ab_g1");
      endpoint->set_user(request.role() == v1::ROLE_READ_ONLY ? "t_acme_abcdefgh234567ab_ra"
                                                              : "t_acme_abcdefgh234567ab_a");
      placement.set_sslmode("verify-full");
      placement.set_root_certificate("PEM of the authority\n");
      if (!request.omit_password()) placement.set_password(kPassword);
      placement.set_uri(request.omit_password()
                            ? "postgresql://u@127.0.0.1:7500/d?sslmode=verify-full"
                            : "postgresql://u:enc@127.0.0.1:7500/d?sslmode=verify-full");
      return grpc::Status::OK;
    });
    // Blanks and quotes in every path, which eval must survive.
    desk.environment["XDG_CACHE_HOME"] = desk.folder().File("it's a cache");
  }

  // What a real bash prints after `script`, with croftctl in PATH.
  Ran Bash(const std::string& script) const {
    Command command = desk.CommandFor({});
    const std::string program = command.arguments[0];
    command.environment["CROFTCTL"] = program;
    command.arguments = {"/bin/bash", "-c", script};
    const auto result = croft::Run(command, absl::Now() + absl::Seconds(60));
    if (!result.ok()) return {-1, "", std::string(result.status().message())};
    return {result->exit_code, result->standard_out, result->standard_error};
  }

  // A psql in PATH that runs `script` instead of PostgreSQL's.
  void PutPsqlInPath(const std::string& script) {
    const std::string path = desk.folder().File("psql");
    std::ofstream(path) << "#!/bin/bash\n" << script << "\n";
    chmod(path.c_str(), 0700);
    desk.environment["PATH"] = absl::StrCat(desk.folder().path(), ":/usr/bin:/bin");
  }
};

TEST_F(Connections, EnvSurvivesEvalInARealShell) {
  const Ran ran = Bash(
      "eval \"$(\"$CROFTCTL\" tenant env acme)\"; "
      "printf '%s\\n' \"$PGHOST\" \"$PGPORT\" \"$PGDATABASE\" \"$PGUSER\" \"$PGSSLMODE\" "
      "\"${PGPASSWORD-unset}\"; "
      "cat \"$PGSSLROOTCERT\" \"$PGPASSFILE\"; stat -c %a \"$PGPASSFILE\"; "
      "bash -c 'echo exported $PGUSER'");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(
      ran.out,
      "127.0.0.1\n7500\nt_o'brien_abcdefgh234567ab_g1\nt_acme_abcdefgh234567ab_a\nverify-full\nunset\n"
      "PEM of the authority\n"
      "127.0.0.1:7500:t_o'brien_abcdefgh234567ab_g1:t_acme_abcdefgh234567ab_a:s3cret\\:\\\\'$\n"
      "600\n"
      "exported t_acme_abcdefgh234567ab_a\n");
}

TEST_F(Connections, EnvPrintsNothingButExports) {
  const Ran ran = desk.Run({"tenant", "env", "acme", "--role", "read-only"});
  for (size_t begin = 0; begin < ran.out.size(); begin = ran.out.find('\n', begin) + 1) {
    EXPECT_THAT(ran.out.substr(begin), StartsWith("export PG"));
  }
  EXPECT_THAT(ran.out, AllOf(HasSubstr("t_acme_abcdefgh234567ab_ra"), Not(HasSubstr("s3cret"))));
}

TEST_F(Connections, AVariableThatWouldWinIsNamed) {
  desk.environment["PGPASSWORD"] = "other";
  EXPECT_THAT(desk.Run({"tenant", "env", "acme"}).err, HasSubstr("PGPASSWORD is set here and wins"));
}

TEST_F(Connections, DsnIsOneUriAndNothingElse) {
  const Ran ran = desk.Run({"tenant", "dsn", "acme"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out,
              AllOf(StartsWith("postgresql://u@127.0.0.1:7500/d?sslmode=verify-full&sslrootcert=/"),
                    EndsWith(".pem\n"), HasSubstr("it%27s%20a%20cache")));
  EXPECT_TRUE(server.lookup.asked().at(0).omit_password());
  EXPECT_THAT(desk.Run({"tenant", "dsn", "acme", "--with-password"}).out, HasSubstr("u:enc@"));
}

TEST_F(Connections, LookupAsksForThePasswordOnlyWhenTold) {
  EXPECT_THAT(desk.Run({"tenant", "lookup", "shop.acme.com", "-o", "json"}).out, Not(HasSubstr("s3cret")));
  EXPECT_THAT(desk.Run({"tenant", "lookup", "acme", "--with-password", "-o", "json"}).out,
              HasSubstr("s3cret"));
  EXPECT_EQ(server.lookup.asked().at(0).tenant(), "shop.acme.com");
}

TEST_F(Connections, PsqlReadsUnlessToldToWrite) {
  PutPsqlInPath("echo \"user=$PGUSER password=${PGPASSWORD-none}\"; printf '<%s>' \"$@\"");
  desk.environment["PGPASSWORD"] = "other";
  const Ran reading = desk.Run({"tenant", "psql", "acme", "--", "-c", "SELECT 1", "--help"});
  EXPECT_EQ(reading.out, "user=t_acme_abcdefgh234567ab_ra password=none\n<-c><SELECT 1><--help>")
      << reading.err;
  const Ran writing = desk.Run({"tenant", "psql", "acme", "--write"});
  EXPECT_THAT(writing.out, StartsWith("user=t_acme_abcdefgh234567ab_a"));
}

TEST_F(Connections, PsqlGetsInterruptsAsUsual) {
  PutPsqlInPath("exec grep SigBlk /proc/self/status");
  EXPECT_EQ(desk.Run({"tenant", "psql", "acme"}).out, "SigBlk:\t0000000000000000\n");
}

TEST_F(Connections, AMissingPsqlIsSaid) {
  desk.environment["PATH"] = "/nonexistent";
  const Ran ran = desk.Run({"tenant", "psql", "acme"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, HasSubstr("install PostgreSQL's client programs"));
}

}  // namespace
}  // namespace croft::ctl
