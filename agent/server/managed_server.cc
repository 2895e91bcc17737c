// Runs the agent's own PostgreSQL server: makes its cluster, starts it, watches it and stops it.

#include "agent/server/managed_server.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "agent/postgres/client_programs.h"
#include "agent/postgres/connection.h"
#include "agent/postgres/largest_database.h"
#include "agent/postgres/libpq_cluster.h"
#include "agent/server/files.h"
#include "agent/server/postmaster.h"
#include "agent/server/settings.h"
#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

constexpr int kHighestPort = 65535;
constexpr size_t kLogTailBytes = 1024;
// When the caller sets no deadline: a server that was killed replays its log first.
constexpr absl::Duration kLongestStart = absl::Minutes(10);
constexpr absl::Duration kRequestAgain = absl::Seconds(2);
constexpr absl::Duration kAnswerPoll = absl::Milliseconds(50);

absl::Time DeadlineOf(const Timeout& timeout) {
  return std::min(timeout.deadline, absl::Now() + kLongestStart);
}

// For the command line that pg_ctl hands to a shell.
std::string ShellQuote(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// Where programs on this machine reach a server that listens on `address`.
std::string Reachable(const std::string& address) {
  if (address == "*" || address == "0.0.0.0") return "127.0.0.1";
  return address == "::" ? "::1" : address;
}

ServerAccess AccessTo(const ManagedServerOptions& options, const std::optional<User>& server_user,
                      const std::string& socket_folder) {
  const std::string port = absl::StrCat(options.port);
  ServerAccess access;
  // Statements of any other session of the superuser's are in PostgreSQL's log.
  access.agent = {{"host", socket_folder},
                  {"port", port},
                  {"user", std::string(kSuperuser)},
                  {"options", "-c log_statement=none"}};
  access.tenants = {{"host", Reachable(options.listen_addresses.front())},
                    {"port", port},
                    {"sslmode", "verify-ca"},
                    {"sslrootcert", options.directory + "/tls/authority.pem"},
                    {"gssencmode", "disable"}};
  access.extensions = options.extensions;
  access.restore_extensions = options.restore_extensions;
  access.data_directory = options.directory + "/data";
  access.own_server = true;
  if (server_user) {
    access.program_uid = server_user->uid;
    access.program_gid = server_user->gid;
  }
  return access;
}

std::string NewestLog(const std::string& folder) {
  std::string newest;
  fs::file_time_type newest_time = fs::file_time_type::min();
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const fs::file_time_type time = entry->last_write_time(ignored);
    if (entry->path().filename() == "start.log" || time <= newest_time) continue;
    newest = entry->path().string();
    newest_time = time;
  }
  return newest;
}

bool ArePlainNames(const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return absl::ascii_isalnum(c) || c == '_' || c == '-';
    });
  });
}

absl::Status CheckOptions(const ManagedServerOptions& options) {
  if (options.directory.empty() || options.directory.front() != '/' ||
      options.directory.find('\n') != std::string::npos) {
    return InvalidField("directory", "must be an absolute path");
  }
  if (options.port < 1 || options.port > kHighestPort) return InvalidField("port", "must be 1 to 65535");
  if (options.listen_addresses.empty())
    return InvalidField("listen_addresses", "must name at least one address");
  if (!ArePlainNames(options.extensions))
    return InvalidField("extensions", "must be names such as pg_trgm");
  if (!ArePlainNames(options.restore_extensions)) {
    return InvalidField("restore_extensions", "must be names such as pg_stat_statements");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ManagedServer>> ManagedServer::New(ManagedServerOptions options) {
  CROFT_RETURN_IF_ERROR(CheckOptions(options));
  CROFT_ASSIGN_OR_RETURN(User agent_user, CurrentUser());
  std::optional<User> server_user;
  if (agent_user.uid == 0) {
    CROFT_ASSIGN_OR_RETURN(server_user, FindUser(options.run_as));
    if (server_user->uid == 0)
      return InvalidField("run_as", "must not be root: PostgreSQL refuses to run as root");
  }
  const bool may_use_run = agent_user.uid == 0 && Exists("/run");
  std::string socket_folder = SocketFolder(options.directory, may_use_run ? "/run" : "/tmp");
  std::unique_ptr<ManagedServer> server(new ManagedServer(
      std::move(options), std::move(agent_user), std::move(server_user), std::move(socket_folder)));
  CROFT_RETURN_IF_ERROR(server->Programs().status());
  return server;
}

ManagedServer::ManagedServer(ManagedServerOptions options, User agent_user, std::optional<User> server_user,
                             std::string socket_folder)
    : options_(std::move(options)),
      agent_user_(std::move(agent_user)),
      server_user_(std::move(server_user)),
      socket_folder_(std::move(socket_folder)),
      access_(AccessTo(options_, server_user_, socket_folder_)),
      cluster_(NewLibpqCluster([access = access_] { return access; })) {}

ServerAccess ManagedServer::access() const { return access_; }

std::string ManagedServer::Path(absl::string_view name) const {
  return absl::StrCat(options_.directory, "/", name);
}

absl::StatusOr<std::string> ManagedServer::Programs() const {
  int major = options_.major;
  if (const auto version = ReadFile(Path("data/PG_VERSION")); version.ok()) {
    if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(*version), &major)) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition,
          absl::StrCat(Path("data"), " is no data folder of PostgreSQL: its PG_VERSION is damaged"),
          {.reason = "DATA_FOLDER_DAMAGED"});
    }
  }
  return ClientProgramFinder(options_.programs_root).ServerPrograms(major);
}

absl::StatusOr<CommandResult> ManagedServer::RunProgram(absl::string_view program,
                                                        std::vector<std::string> arguments,
                                                        absl::Time deadline) const {
  CROFT_ASSIGN_OR_RETURN(const std::string programs, Programs());
  Command command{.arguments = {absl::StrCat(programs, "/", program)}, .environment = {{"LC_ALL", "C"}}};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  if (server_user_) {
    command.uid = server_user_->uid;
    command.gid = server_user_->gid;
  }
  return Run(command, deadline);
}

absl::Status ManagedServer::EnsureRunning(const Timeout& timeout) {
  const MutexLock lock(mutex_);
  CROFT_RETURN_IF_ERROR(MakeFolders());
  CROFT_RETURN_IF_ERROR(InitializeData(timeout));
  CROFT_ASSIGN_OR_RETURN(const bool new_settings, WriteSettings());
  CROFT_ASSIGN_OR_RETURN(const bool new_tls, InstallTls());
  const std::optional<Postmaster> running = FindPostmaster(Path("data"));
  const bool as_configured =
      running && running->port == options_.port && running->socket_folder == socket_folder_;
  if (running && !as_configured && running->port != 0) {
    log::Warning("PostgreSQL runs with another address; restarting it",
                 {{"directory", options_.directory}});
    CROFT_RETURN_IF_ERROR(StopServer(timeout));
  }
  if (!FindPostmaster(Path("data"))) {
    CROFT_RETURN_IF_ERROR(StartServer(timeout));
  } else if (new_settings || new_tls) {
    CROFT_RETURN_IF_ERROR(Reload(timeout));
  }
  CROFT_RETURN_IF_ERROR(AwaitAnswer(timeout));
  return ShutOutStrangers(timeout);
}

absl::Status ManagedServer::ShutOutStrangers(const Timeout& timeout) {
  if (strangers_are_out_) return absl::OkStatus();
  Conninfo conninfo = access_.agent;
  conninfo["dbname"] = access_.maintenance_database;
  CROFT_ASSIGN_OR_RETURN(Connection connection, Connection::Open(conninfo, Trust::kPrivileged, timeout));
  auto open = connection.Rows<std::string>(
      "SELECT datname FROM pg_database WHERE datname IN ('postgres', 'template1') "
      "AND has_database_privilege('public', oid, 'CONNECT')");
  if (!open.ok()) return std::move(open).status();
  for (const auto& [database] : *open) {
    CROFT_RETURN_IF_ERROR(connection.Execute({"REVOKE ALL ON DATABASE %I FROM PUBLIC", {database}}));
  }
  CROFT_RETURN_IF_ERROR(
      connection.Execute({"ALTER ROLE %I SET log_statement = 'all'", {std::string(kSuperuser)}}));
  strangers_are_out_ = true;
  return absl::OkStatus();
}

absl::Status ManagedServer::MakeFolders() {
  // Folders that hold what this process writes stay its own, so that the server's user cannot lead it astray.
  CROFT_RETURN_IF_ERROR(MakeFolder(options_.directory, 0755, std::nullopt));
  if (server_user_) CROFT_RETURN_IF_ERROR(CheckEnterable(options_.directory, *server_user_));
  CROFT_RETURN_IF_ERROR(MakeFolder(Path("conf"), 0755, std::nullopt));
  CROFT_RETURN_IF_ERROR(MakeFolder(Path("tls"), 0755, std::nullopt));
  CROFT_RETURN_IF_ERROR(MakeFolder(Path("log"), 0700, server_user_));
  return MakeFolder(socket_folder_, 0700, server_user_);
}

absl::Status ManagedServer::InitializeData(const Timeout& timeout) {
  if (Exists(Path("data"))) return absl::OkStatus();
  // Under another name until it is complete: a cut initdb leaves half a data folder.
  const std::string making = Path("data.making");
  std::error_code error;
  fs::remove_all(making, error);
  CROFT_RETURN_IF_ERROR(MakeFolder(making, 0700, server_user_));
  log::Info("making a PostgreSQL data folder", {{"directory", Path("data")}});
  CROFT_ASSIGN_OR_RETURN(
      const CommandResult result,
      RunProgram("initdb",
                 {"-D", making, "-U", std::string(kSuperuser), "--auth-local=peer", "--auth-host=reject",
                  "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"},
                 DeadlineOf(timeout)));
  if (result.exit_code != 0) {
    fs::remove_all(making, error);
    return StartError(result.standard_error);
  }
  if (rename(making.c_str(), Path("data").c_str()) != 0) return FileError("cannot rename", making, errno);
  return absl::OkStatus();
}

absl::StatusOr<bool> ManagedServer::WriteSettings() {
  const std::string conf = Path("conf");
  const ServerSettings settings{.listen_addresses = options_.listen_addresses,
                                .port = options_.port,
                                .socket_folder = socket_folder_,
                                .configuration_folder = conf,
                                .log_folder = Path("log"),
                                .largest_database = ReadLargestDatabase(access_.data_directory),
                                .tls_file = Path("tls/server.pem")};
  bool changed = false;
  const std::pair<absl::string_view, std::string> files[] = {
      {"postgresql.conf", PostgresqlConf(settings)},
      {"pg_hba.conf", HbaConf()},
      {"pg_ident.conf", IdentConf(agent_user_.name)}};
  for (const auto& [name, text] : files) {
    CROFT_ASSIGN_OR_RETURN(const bool written,
                           WriteFile(absl::StrCat(conf, "/", name), text, 0644, std::nullopt));
    changed = changed || written;
  }
  return changed;
}

absl::StatusOr<bool> ManagedServer::InstallTls() {
  CROFT_ASSIGN_OR_RETURN(const std::string certificate, ReadFile(options_.tls.certificate));
  CROFT_ASSIGN_OR_RETURN(const std::string key, ReadFile(options_.tls.key));
  CROFT_ASSIGN_OR_RETURN(const std::string authority, ReadFile(options_.tls.authority));
  if (const absl::Status pair = crypto::CheckPair(key, certificate); !pair.ok()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat(options_.tls.key, " is not the key of ", options_.tls.certificate, ": ",
                                  pair.message()),
                     {.reason = "TLS_PAIR_MISMATCH"});
  }
  CROFT_ASSIGN_OR_RETURN(bool changed, WriteFile(Path("tls/server.pem"),
                                                 absl::StrCat(certificate, "\n", key), 0600, server_user_));
  CROFT_ASSIGN_OR_RETURN(const bool new_authority,
                         WriteFile(Path("tls/authority.pem"), authority, 0644, std::nullopt));
  return changed || new_authority;
}

absl::Status ManagedServer::StartServer(const Timeout& timeout) {
  CROFT_RETURN_IF_ERROR(CheckPortFree(options_.listen_addresses, options_.port));
  if (!options_.start_file.empty()) return RequestStart(timeout);
  const absl::Time deadline = DeadlineOf(timeout);
  const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(deadline - absl::Now()));
  unlink(Path("log/start.log").c_str());
  log::Info("starting PostgreSQL",
            {{"directory", options_.directory}, {"port", absl::StrCat(options_.port)}});
  CROFT_ASSIGN_OR_RETURN(
      const CommandResult result,
      RunProgram("pg_ctl",
                 {"start", "-D", Path("data"), "-w", "-s", "-t", absl::StrCat(seconds), "-l",
                  Path("log/start.log"), "-o",
                  absl::StrCat("-c config_file=", ShellQuote(Path("conf/postgresql.conf")))},
                 deadline + absl::Seconds(1)));
  if (result.exit_code == 0) return absl::OkStatus();
  return StartError(absl::StrCat(result.standard_error, EndOfLogs()));
}

// The service manager hears of a change of the file while no server runs. One that comes while the last server still ends
// is lost, so the request is repeated until there is a server.
absl::Status ManagedServer::RequestStart(const Timeout& timeout) {
  const absl::Time deadline = DeadlineOf(timeout);
  log::Info("asking the service manager to start PostgreSQL",
            {{"directory", options_.directory}, {"file", options_.start_file}});
  while (absl::Now() < deadline) {
    CROFT_RETURN_IF_ERROR(WriteFileDurably(options_.start_file,
                                           absl::StrCat(absl::FormatTime(absl::Now()), "\n"), 0600,
                                           IfFileExists::kReplace));
    const absl::Time again = std::min(deadline, absl::Now() + kRequestAgain);
    while (absl::Now() < again) {
      if (FindPostmaster(Path("data"))) return absl::OkStatus();
      if (timeout.keep_going) CROFT_RETURN_IF_ERROR(timeout.keep_going());
      absl::SleepFor(kAnswerPoll);
    }
  }
  return StartError(absl::StrCat(
      "the service manager did not start it; `systemctl status croft-postgres` says why. ", EndOfLogs()));
}

absl::Status ManagedServer::BecomeServer() {
  const std::string configuration = Path("conf/postgresql.conf");
  if (!Exists(Path("data/PG_VERSION")) || !Exists(configuration)) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("there is no PostgreSQL server in ", options_.directory,
                                  " yet; its croft-agent makes one when it has joined"),
                     {.reason = "NO_SERVER_MADE"});
  }
  CROFT_ASSIGN_OR_RETURN(const std::string programs, Programs());
  const std::string program = absl::StrCat(programs, "/postgres");
  const std::string data = Path("data");
  const std::string setting = absl::StrCat("config_file=", configuration);
  execl(program.c_str(), program.c_str(), "-D", data.c_str(), "-c", setting.c_str(),
        static_cast<char*>(nullptr));
  return FileError("cannot run", program, errno);
}

std::string ManagedServer::EndOfLogs() const {
  return absl::StrCat(Tail(Path("log/start.log"), kLogTailBytes),
                      Tail(NewestLog(Path("log")), kLogTailBytes));
}

absl::Status ManagedServer::StartError(absl::string_view output) const {
  const std::string shown(absl::StripAsciiWhitespace(output));
  if (absl::StrContains(output, "No space left on device") ||
      absl::StrContains(output, "Disk quota exceeded")) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     absl::StrCat("no room on the disk of ", options_.directory, "; make some. ", shown),
                     {.reason = "DISK_FULL", .metadata = {{"directory", options_.directory}}});
  }
  return MakeError(absl::StatusCode::kUnavailable, absl::StrCat("PostgreSQL does not start: ", shown),
                   {.reason = "POSTGRES_NOT_STARTED",
                    .metadata = {{"directory", options_.directory}},
                    .retry_delay = absl::Seconds(5)});
}

absl::Status ManagedServer::Stop(const Timeout& timeout) {
  const MutexLock lock(mutex_);
  return StopServer(timeout);
}

absl::Status ManagedServer::StopServer(const Timeout& timeout) {
  if (!FindPostmaster(Path("data"))) return absl::OkStatus();
  const absl::Time deadline = DeadlineOf(timeout);
  const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(deadline - absl::Now()));
  CROFT_ASSIGN_OR_RETURN(const CommandResult result, RunProgram("pg_ctl",
                                                                {"stop", "-D", Path("data"), "-m", "fast",
                                                                 "-w", "-s", "-t", absl::StrCat(seconds)},
                                                                deadline + absl::Seconds(1)));
  if (result.exit_code == 0 || !FindPostmaster(Path("data"))) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kDeadlineExceeded,
      absl::StrCat("PostgreSQL did not stop: ", absl::StripAsciiWhitespace(result.standard_error)),
      {.reason = "POSTGRES_NOT_STOPPED"});
}

absl::Status ManagedServer::Reload(const Timeout& timeout) {
  CROFT_ASSIGN_OR_RETURN(const CommandResult result,
                         RunProgram("pg_ctl", {"reload", "-D", Path("data"), "-s"}, DeadlineOf(timeout)));
  if (result.exit_code == 0) return absl::OkStatus();
  return StartError(result.standard_error);
}

absl::Status ManagedServer::ReloadTls(const Timeout& timeout) {
  const MutexLock lock(mutex_);
  CROFT_ASSIGN_OR_RETURN(const bool changed, InstallTls());
  if (!changed || !FindPostmaster(Path("data"))) return absl::OkStatus();
  return Reload(timeout);
}

absl::Status ManagedServer::AwaitAnswer(const Timeout& timeout) {
  const absl::Time deadline = DeadlineOf(timeout);
  while (true) {
    const absl::Status status =
        cluster_->Identify({.deadline = deadline, .keep_going = timeout.keep_going}).status();
    if (!absl::IsUnavailable(status) || !FindPostmaster(Path("data"))) return status;
    if (absl::Now() + kAnswerPoll >= deadline) return status;
    if (timeout.keep_going) CROFT_RETURN_IF_ERROR(timeout.keep_going());
    absl::SleepFor(kAnswerPoll);
  }
}

ServerReport ManagedServer::Report(const Timeout& timeout) {
  ServerReport report{.endpoints = options_.advertise_endpoints, .managed = true, .tls = true};
  if (report.endpoints.empty()) {
    for (const std::string& address : options_.listen_addresses) {
      const std::string host = Reachable(address);
      report.endpoints.push_back(absl::StrContains(host, ':') ? absl::StrCat("[", host, "]:", options_.port)
                                                              : absl::StrCat(host, ":", options_.port));
    }
  }
  struct statvfs disk {};
  if (statvfs(options_.directory.c_str(), &disk) == 0) {
    report.free_bytes = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  }
  const absl::StatusOr<ServerFacts> facts = cluster_->Identify(timeout);
  if (!facts.ok()) {
    report.problem = std::string(facts.status().message());
    return report;
  }
  report.up = true;
  report.version = facts->version_text;
  report.system_identifier = facts->system_identifier;
  report.timeline = facts->timeline;
  return report;
}

}  // namespace croft::agent
