#include "tests/agent/support/postgres_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/postgres/libpq_cluster.h"
#include "common/crypto/scram.h"
#include "common/crypto/x509.h"
#include "common/random.h"

namespace croft::agent {
namespace {

constexpr int kPortAttempts = 20;

// Waits until its input ends, which a death of the test process does too, then ends the server and removes
// the folder.
constexpr char kReaper[] = R"sh(
cat >/dev/null
pid=$(head -n 1 "$1/pg/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$1/pg/data" ]; then
  kill -QUIT "$pid"
  while [ -d "/proc/$pid" ]; do sleep 0.02; done
fi
rm -rf "$1"
)sh";

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::abort();
}

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
    std::abort();
  }
  return *std::move(value);
}

void Write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) Fail(path.c_str());
}

}  // namespace

TestFolder::TestFolder(const std::string& base) {
  std::string pattern = base + "/croft-test.XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) Fail("mkdtemp");
  path_ = pattern;
  if (chmod(path_.c_str(), 0711) != 0) Fail("chmod");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) Fail("pipe2");
  const char* const arguments[] = {"/bin/sh", "-c", kReaper, "sh", path_.c_str(), nullptr};
  reaper_ = fork();
  if (reaper_ < 0) Fail("fork");
  if (reaper_ == 0) {
    setsid();
    dup2(ends[0], STDIN_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execv(arguments[0], const_cast<char* const*>(arguments));
    _exit(127);
  }
  close(ends[0]);
  reaper_input_ = ends[1];
}

TestFolder::~TestFolder() {
  close(reaper_input_);
  waitpid(reaper_, nullptr, 0);
}

TlsFiles MakeTlsFiles(const std::string& folder) {
  const absl::Time now = absl::Now();
  const crypto::KeyAndCertificate authority =
      Must(crypto::NewAuthority("test authority", now - absl::Hours(1), now + absl::Hours(24)));
  const std::string key = crypto::NewPrivateKey();
  const std::string request = Must(crypto::NewCertificateRequest(key, "server"));
  const std::string certificate = Must(crypto::SignRequest(authority, request,
                                                           {.common_name = "server",
                                                            .server_names = {"localhost", "127.0.0.1"},
                                                            .use = crypto::CertificateUse::kServer,
                                                            .not_before = now - absl::Hours(1),
                                                            .not_after = now + absl::Hours(24)}));
  TlsFiles files{folder + "/server.crt", folder + "/server.key", folder + "/authority.crt"};
  Write(files.certificate, certificate);
  Write(files.key, key);
  Write(files.authority, authority.certificate);
  return files;
}

int FreePort() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (probe < 0 || bind(probe, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Fail("no free port");
  }
  close(probe);
  return ntohs(address.sin_port);
}

ManagedServerOptions TestServerOptions(const TestFolder& folder, const std::string& settings) {
  ManagedServerOptions options;
  options.directory = folder.server_directory();
  options.port = FreePort();
  options.tls = MakeTlsFiles(folder.path());
  for (const std::string& made : {options.directory, options.directory + "/conf"}) {
    if (mkdir(made.c_str(), 0755) != 0) Fail(made.c_str());
  }
  Write(options.directory + "/conf/local.conf", "fsync = off\nfull_page_writes = off\n" + settings + "\n");
  return options;
}

TestPostgres::TestPostgres(const std::string& settings) : options_(TestServerOptions(folder_, settings)) {
  // A free port may be taken by somebody else before the server has it.
  absl::Status started;
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    server_ = Must(ManagedServer::New(options_));
    started = server_->EnsureRunning(TestTimeout());
    if (started.ok()) break;
    options_.port = FreePort();
  }
  if (!started.ok()) {
    std::fprintf(stderr, "%s\n", started.ToString().c_str());
    std::abort();
  }
  access_ = server_->access();
  cluster_ = NewLibpqCluster([access = access_] { return access; });
}

TestPostgres& TestPostgres::Shared() {
  static TestPostgres shared;
  return shared;
}

Connection TestPostgres::Admin(const std::string& database) {
  Conninfo conninfo = access_.agent;
  conninfo["dbname"] = database;
  return Must(Connection::Open(conninfo, Trust::kPrivileged, TestTimeout()));
}

Cluster& TestPostgres::restricted_cluster(const std::string& role, bool provider) {
  std::unique_ptr<Cluster>& cluster = restricted_clusters_[role];
  if (cluster == nullptr) {
    const std::string password = SetUp({.role = role, .provider = provider});
    ServerAccess access = access_;
    access.agent = access.tenants;
    access.agent["user"] = role;
    access.extensions.reset();  // only a superuser can narrow them
    access.own_server = false;
    access.agent["password"] = password;
    cluster = NewLibpqCluster([access] { return access; });
  }
  return *cluster;
}

std::string TestPostgres::SetUp(ExternalSetupOptions options) {
  SystemRandom random;
  const std::string password = crypto::NewPassword(random);
  options.postgres_major = Admin().server_version() / 10000;
  options.verifier = crypto::ScramVerifier(password, random.Bytes(16));
  const std::string file = absl::StrCat(folder_.path(), "/", options.role, ".sql");
  Write(file, Must(ExternalSetup(options)));
  const std::string command =
      absl::StrCat("psql -X -q -v ON_ERROR_STOP=1 -h ", access_.agent["host"], " -p ",
                   access_.agent["port"], " -U ", access_.agent["user"], " -d postgres -f ", file);
  if (std::system(command.c_str()) != 0) Fail(command.c_str());
  return password;
}

absl::StatusOr<Connection> TestPostgres::Login(const std::string& database, const std::string& user,
                                               const std::string& password) {
  return Connection::Open(TenantConninfo(access_, database, user, password), Trust::kTenant, TestTimeout());
}

Timeout TestTimeout() { return {.deadline = absl::Now() + absl::Seconds(60)}; }

}  // namespace croft::agent
