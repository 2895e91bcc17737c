#include "agent/server/managed_server.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/server/external_server.h"
#include "agent/server/files.h"
#include "agent/server/postmaster.h"
#include "agent/server/settings.h"
#include "common/crypto/scram.h"
#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/random.h"
#include "tests/agent/support/postgres_fixture.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr char kPassword[] = "correcthorse";

// One server for all cases; those that stop it start it again.
class ManagedServerTest : public ::testing::Test {
 protected:
  static TestPostgres& Server() { return TestPostgres::Shared(); }
  static std::string Directory() { return Server().directory(); }
  // The same options in another object, as a restarted agent has them.
  static std::unique_ptr<ManagedServer> Another() { return *ManagedServer::New(Server().options()); }
  static int Pid() {
    const auto running = FindPostmaster(Directory() + "/data");
    return running ? running->pid : 0;
  }
};

TEST_F(ManagedServerTest, RunsAsAnotherUserThanRootInItsOwnSession) {
  struct stat process {};
  ASSERT_EQ(stat(absl::StrCat("/proc/", Pid()).c_str(), &process), 0);
  EXPECT_NE(process.st_uid, 0u);
  EXPECT_EQ(getsid(Pid()), Pid());
}

TEST_F(ManagedServerTest, IsFoundAgainByTheNextAgent) {
  const int pid = Pid();
  ASSERT_GT(pid, 0);
  const auto next = Another();
  ASSERT_TRUE(next->EnsureRunning(TestTimeout()).ok());
  EXPECT_EQ(Pid(), pid);
  EXPECT_TRUE(next->Report(TestTimeout()).up);
}

TEST_F(ManagedServerTest, ReportsWhatItIs) {
  const ServerReport report = Server().server().Report(TestTimeout());
  EXPECT_TRUE(report.up);
  EXPECT_THAT(report.version, HasSubstr("."));
  EXPECT_FALSE(report.system_identifier.empty());
  EXPECT_EQ(report.timeline, 1);
  EXPECT_GT(report.free_bytes, 0);
  EXPECT_TRUE(report.tls);
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(report.endpoints,
            std::vector<std::string>{absl::StrCat("127.0.0.1:", Server().options().port)});
}

TEST_F(ManagedServerTest, ChecksumsScramAndNoPreparedTransactions) {
  Connection admin = Server().Admin();
  EXPECT_EQ(*admin.Value<std::string>("SHOW data_checksums"), "on");
  EXPECT_EQ(*admin.Value<std::string>("SHOW password_encryption"), "scram-sha-256");
  EXPECT_EQ(*admin.Value<std::string>("SHOW max_prepared_transactions"), "0");
  EXPECT_EQ(*admin.Value<std::string>("SHOW log_min_error_statement"), "panic");
}

TEST_F(ManagedServerTest, SuperuserComesBySocketAloneAndPasswordsByTlsAlone) {
  Connection admin = Server().Admin();
  SystemRandom random;
  const std::string verifier = crypto::ScramVerifier(kPassword, random.Bytes(16));
  ASSERT_TRUE(admin.Execute({"CREATE ROLE somebody LOGIN PASSWORD %L", {verifier}}).ok());
  ASSERT_TRUE(admin.Execute("GRANT CONNECT ON DATABASE postgres TO somebody").ok());
  ASSERT_TRUE(admin.Execute({"ALTER ROLE croft PASSWORD %L", {verifier}}).ok());
  auto somebody = Server().Login("postgres", "somebody", kPassword);
  ASSERT_TRUE(somebody.ok()) << somebody.status();
  EXPECT_TRUE(*somebody->Value<bool>("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"));
  EXPECT_EQ(DetailsOf(Server().Login("postgres", "croft", kPassword).status()).reason, "LOGIN_REFUSED");

  Conninfo plain = TenantConninfo(Server().access(), "postgres", "somebody", kPassword);
  plain["sslmode"] = "disable";
  EXPECT_EQ(DetailsOf(Connection::Open(plain, Trust::kTenant, TestTimeout()).status()).reason,
            "LOGIN_REFUSED");

  Conninfo socket = Server().access().agent;
  socket["dbname"] = "postgres";
  socket["user"] = "somebody";
  EXPECT_FALSE(Connection::Open(socket, Trust::kTenant, TestTimeout()).ok()) << "no password, no entry";
  somebody->Execute("SELECT 1").IgnoreError();
  ASSERT_TRUE(admin.Execute("REVOKE CONNECT ON DATABASE postgres FROM somebody").ok());
  ASSERT_TRUE(admin.Execute("DROP ROLE somebody").ok());
  ASSERT_TRUE(admin.Execute("ALTER ROLE croft PASSWORD NULL").ok());
}

// All that PostgreSQL has logged.
std::string PostgresLog(const std::string& directory) {
  std::string text;
  for (const auto& entry : fs::directory_iterator(directory + "/log")) {
    std::ifstream file(entry.path());
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  return text;
}

TEST_F(ManagedServerTest, WhatASuperuserDoesByHandIsInTheServersLogAndTheAgentsWorkIsNot) {
  Connection agent = Server().Admin();
  EXPECT_EQ(*agent.Value<std::string>("SELECT 'the ' || 'agent''s own'"), "the agent's own");
  Conninfo by_hand = Server().access().agent;
  by_hand.erase("options");
  by_hand["dbname"] = "postgres";
  auto person = Connection::Open(by_hand, Trust::kPrivileged, TestTimeout());
  ASSERT_TRUE(person.ok()) << person.status();
  EXPECT_EQ(*person->Value<std::string>("SELECT 'done ' || 'by hand'"), "done by hand");
  std::string log;
  for (int i = 0; i < 100 && !absl::StrContains(log, "by hand"); ++i) {
    absl::SleepFor(absl::Milliseconds(50));
    log = PostgresLog(Directory());
  }
  EXPECT_THAT(log, HasSubstr("croft@postgres LOG:"));
  EXPECT_THAT(log, HasSubstr("SELECT 'done ' || 'by hand'"));
  EXPECT_THAT(log, ::testing::Not(HasSubstr("agent''s own")));
}

TEST_F(ManagedServerTest, SomebodyElsesAuthorityIsRefusedByTheTenantsWay) {
  TestFolder folder;
  Conninfo conninfo = TenantConninfo(Server().access(), "postgres", "somebody", kPassword);
  conninfo["sslrootcert"] = MakeTlsFiles(folder.path()).authority;
  const absl::Status refused = Connection::Open(conninfo, Trust::kTenant, TestTimeout()).status();
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("certificate"));
}

TEST_F(ManagedServerTest, NewCertificateIsTakenWithoutARestartAndAMismatchIsNot) {
  const int pid = Pid();
  Connection session = Server().Admin();
  const TlsFiles& files = Server().options().tls;
  MakeTlsFiles(fs::path(files.key).parent_path());
  ASSERT_TRUE(Server().server().ReloadTls(TestTimeout()).ok());
  // The server reads it in its own time after the signal.
  absl::Status refused;
  do {
    refused = Server().Login("postgres", "nobody", "x").status();
  } while (!absl::IsUnauthenticated(refused) && absl::IsUnavailable(refused));
  EXPECT_EQ(DetailsOf(refused).reason, "LOGIN_REFUSED") << "the TLS handshake works: " << refused;
  EXPECT_EQ(Pid(), pid);
  EXPECT_TRUE(session.Execute("SELECT 1").ok());

  std::ofstream(files.key) << crypto::NewPrivateKey();
  EXPECT_EQ(DetailsOf(Server().server().ReloadTls(TestTimeout())).reason, "TLS_PAIR_MISMATCH");
  EXPECT_EQ(DetailsOf(Server().Login("postgres", "nobody", "x").status()).reason, "LOGIN_REFUSED");
  MakeTlsFiles(fs::path(files.key).parent_path());
  ASSERT_TRUE(Server().server().ReloadTls(TestTimeout()).ok());
}

TEST_F(ManagedServerTest, StopsReportsWhyItIsDownAndStartsAgain) {
  ASSERT_TRUE(Server().server().Stop(TestTimeout()).ok());
  EXPECT_EQ(Pid(), 0);
  EXPECT_TRUE(Server().server().Stop(TestTimeout()).ok());
  const ServerReport report = Server().server().Report(TestTimeout());
  EXPECT_FALSE(report.up);
  EXPECT_NE(report.problem, "");
  EXPECT_TRUE(Server().server().EnsureRunning(TestTimeout()).ok());
  EXPECT_TRUE(Server().server().Report(TestTimeout()).up);
}

TEST_F(ManagedServerTest, KilledServerIsStartedAgain) {
  Connection admin = Server().Admin();
  ASSERT_TRUE(admin.Execute("CREATE TABLE IF NOT EXISTS public.kept (one int)").ok());
  const int pid = Pid();
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  while (kill(pid, 0) == 0) absl::SleepFor(absl::Milliseconds(5));
  const absl::Status started = Server().server().EnsureRunning(TestTimeout());
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_NE(Pid(), pid);
  Connection again = Server().Admin();
  EXPECT_TRUE(again.Execute("DROP TABLE public.kept").ok());
}

TEST_F(ManagedServerTest, PortInUseIsNamed) {
  ASSERT_TRUE(Server().server().Stop(TestTimeout()).ok());
  const int taker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(taker, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(Server().options().port));
  ASSERT_EQ(bind(taker, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(taker, 1), 0);
  const absl::Status refused = Server().server().EnsureRunning(TestTimeout());
  close(taker);
  EXPECT_EQ(DetailsOf(refused).reason, "PORT_IN_USE") << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr(absl::StrCat(Server().options().port)));
  EXPECT_TRUE(Server().server().EnsureRunning(TestTimeout()).ok());
}

TEST_F(ManagedServerTest, AnotherPortIsTakenUpByARestart) {
  ManagedServerOptions moved = Server().options();
  moved.port = FreePort();
  const auto next = *ManagedServer::New(moved);
  const absl::Status started = next->EnsureRunning(TestTimeout());
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_EQ(FindPostmaster(Directory() + "/data")->port, moved.port);
  ASSERT_TRUE(Server().server().EnsureRunning(TestTimeout()).ok());
  EXPECT_EQ(FindPostmaster(Directory() + "/data")->port, Server().options().port);
}

TEST_F(ManagedServerTest, BadSettingsOfAnOperatorShowInTheError) {
  ASSERT_TRUE(Server().server().Stop(TestTimeout()).ok());
  const std::string local = Directory() + "/conf/local.conf";
  const std::string before = *ReadFile(local);
  std::ofstream(local) << "no_such_setting = 1\n";
  const absl::Status refused = Server().server().EnsureRunning(TestTimeout());
  std::ofstream(local) << before;
  EXPECT_EQ(DetailsOf(refused).reason, "POSTGRES_NOT_STARTED");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no_such_setting"));
  EXPECT_TRUE(Server().server().EnsureRunning(TestTimeout()).ok());
}

TEST(ManagedServerOptionsTest, WhatCannotWorkIsSaidBeforeAnythingIsMade) {
  TestFolder folder;
  ManagedServerOptions options = TestServerOptions(folder);
  const auto reason = [&](auto change) {
    ManagedServerOptions bad = options;
    change(bad);
    return DetailsOf(ManagedServer::New(bad).status()).reason;
  };
  EXPECT_EQ(reason([](auto& o) { o.programs_root = "/nowhere"; }), "SERVER_PROGRAMS_MISSING");
  EXPECT_EQ(reason([](auto& o) { o.major = 9; }), "SERVER_PROGRAMS_MISSING");
  EXPECT_EQ(reason([](auto& o) { o.directory = "relative"; }), "INVALID_FIELD");
  EXPECT_EQ(reason([](auto& o) { o.port = 70000; }), "INVALID_FIELD");
  EXPECT_EQ(reason([](auto& o) { o.listen_addresses.clear(); }), "INVALID_FIELD");
  EXPECT_EQ(reason([](auto& o) { o.extensions = {"a'b"}; }), "INVALID_FIELD");
  EXPECT_EQ(reason([](auto& o) { o.restore_extensions = {"a'b"}; }), "INVALID_FIELD");
  if (geteuid() == 0) {
    EXPECT_EQ(reason([](auto& o) { o.run_as = "no-such-user"; }), "NO_SUCH_USER");
    EXPECT_EQ(reason([](auto& o) { o.run_as = "root"; }), "INVALID_FIELD");
  }
}

TEST(ManagedServerOptionsTest, FolderThatTheServersUserCannotEnterIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "as root only: else the server's user is this one";
  TestFolder folder;
  const ManagedServerOptions options = TestServerOptions(folder);
  ASSERT_EQ(chmod(folder.path().c_str(), 0700), 0);
  const absl::Status refused = (*ManagedServer::New(options))->EnsureRunning(TestTimeout());
  EXPECT_EQ(DetailsOf(refused).reason, "STATE_NOT_ENTERABLE");
  EXPECT_EQ(DetailsOf(refused).metadata["folder"], folder.path());
}

TEST(ManagedServerOptionsTest, LongStateFolderStillGetsASocket) {
  TestFolder folder;
  ManagedServerOptions options = TestServerOptions(folder);
  // Long enough that a socket in it would not fit, and the server's data all the same.
  std::string longer = folder.path() + "/pg";
  ASSERT_EQ(rename(longer.c_str(), (folder.path() + "/aside").c_str()), 0);
  ASSERT_EQ(mkdir(longer.c_str(), 0755), 0);
  longer += "/" + std::string(100, 'x');
  ASSERT_EQ(rename((folder.path() + "/aside").c_str(), longer.c_str()), 0);
  options.directory = longer;
  const auto server = *ManagedServer::New(options);
  const absl::Status started = server->EnsureRunning(TestTimeout());
  ASSERT_TRUE(started.ok()) << started;
  const std::string socket_folder = server->access().agent["host"];
  EXPECT_LT(socket_folder.size(), 60u);
  EXPECT_TRUE(server->Stop(TestTimeout()).ok());
  fs::remove_all(socket_folder);
}

TEST(SettingsTest, SocketFolderIsNearWhereItFits) {
  EXPECT_EQ(SocketFolder("/var/lib/croft/pg", "/run"), "/var/lib/croft/pg/socket");
  const std::string deep = "/" + std::string(90, 'd');
  const std::string folder = SocketFolder(deep, "/run");
  EXPECT_THAT(folder, HasSubstr("/run/croft-"));
  EXPECT_EQ(folder, SocketFolder(deep, "/run"));
  EXPECT_NE(folder, SocketFolder(deep + "e", "/run"));
}

TEST(SettingsTest, OddPathsAreQuoted) {
  EXPECT_THAT(PostgresqlConf({}), HasSubstr("max_locks_per_transaction = 128\n"));
  EXPECT_THAT(PostgresqlConf({.largest_database = 100'000}),
              HasSubstr("max_locks_per_transaction = 466\n"));
  EXPECT_THAT(PostgresqlConf({.log_folder = "/a'b\\c"}), HasSubstr("log_directory = '/a''b\\\\c'"));
}

TEST(FilesTest, FolderOfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make one";
  TestFolder folder;
  const std::string taken = folder.path() + "/taken";
  ASSERT_EQ(mkdir(taken.c_str(), 0777), 0);
  ASSERT_EQ(chown(taken.c_str(), 12345, 12345), 0);
  EXPECT_EQ(DetailsOf(MakeFolder(taken, 0700, std::nullopt)).reason, "FOLDER_TAKEN");
  ASSERT_EQ(symlink("/tmp", (folder.path() + "/link").c_str()), 0);
  EXPECT_EQ(DetailsOf(MakeFolder(folder.path() + "/link", 0700, std::nullopt)).reason, "FOLDER_TAKEN");
}

TEST(FilesTest, FullDiskIsSaid) {
  EXPECT_EQ(DetailsOf(FileError("cannot write", "/x", ENOSPC)).reason, "DISK_FULL");
  EXPECT_TRUE(absl::IsResourceExhausted(FileError("cannot write", "/x", ENOSPC)));
}

TEST(ExternalConninfoTest, IsReachedByItsConninfo) {
  TestPostgres& postgres = TestPostgres::Shared();
  const Conninfo agent = postgres.access().agent;
  const std::string conninfo =
      absl::StrCat("host=", agent.at("host"), " port=", agent.at("port"), " user=", agent.at("user"));
  auto server = ExternalServer::New({.conninfo = conninfo,
                                     .advertise_endpoints = {absl::StrCat("localhost:", agent.at("port"))},
                                     .authority = postgres.options().tls.authority});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE((*server)->EnsureRunning(TestTimeout()).ok());
  const ServerReport report = (*server)->Report(TestTimeout());
  EXPECT_TRUE(report.up);
  EXPECT_TRUE(report.tls);
  EXPECT_THAT(report.root_certificate, HasSubstr("BEGIN CERTIFICATE"));
  const ServerAccess access = (*server)->access();
  EXPECT_EQ(access.maintenance_database, "postgres");
  EXPECT_EQ(access.tenants.at("host"), "localhost");
  EXPECT_EQ(access.tenants.at("sslmode"), "verify-full");
  EXPECT_EQ(access.tenants.count("user"), 0u);
}

TEST(ExternalConninfoTest, ConninfoThatTellsApplicationsNothingNeedsEndpoints) {
  EXPECT_TRUE(absl::IsInvalidArgument(ExternalServer::New({.conninfo = "host=/run/postgresql"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ExternalServer::New({.conninfo = "nonsense"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ExternalServer::New({.conninfo = "host=db", .advertise_endpoints = {"no-port"}}).status()));
  EXPECT_EQ((*ExternalServer::New({.conninfo = "host=db user=a"}))
                ->Report({.deadline = absl::InfinitePast()})
                .endpoints,
            std::vector<std::string>{"db:5432"});
}

}  // namespace
}  // namespace croft::agent
