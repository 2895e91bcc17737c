// Puts the agent together from its parts and runs it until it is told to stop.

#include "agent/session/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "agent/journal/journal.h"
#include "agent/postgres/client_programs.h"
#include "agent/postgres/libpq_cluster.h"
#include "agent/postgres/statement_reader.h"
#include "agent/postgres/usage_reader.h"
#include "agent/server/external_server.h"
#include "agent/server/managed_server.h"
#include "agent/session/agent_figures.h"
#include "agent/session/dispatcher.h"
#include "agent/session/exporter.h"
#include "agent/session/host_watcher.h"
#include "agent/session/identity.h"
#include "agent/session/importer.h"
#include "agent/session/join.h"
#include "agent/session/process_signals.h"
#include "agent/session/session.h"
#include "agent/session/statement_teller.h"
#include "agent/session/usage_gatherer.h"
#include "agent/store/open_store.h"
#include "agent/tasks/backup_job.h"
#include "agent/tasks/backup_tasks.h"
#include "agent/tasks/inventory.h"
#include "agent/tasks/sql_tasks.h"
#include "agent/tasks/task_runner.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "common/names.h"
#include "common/service_manager.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTokenFile = 64 << 10;
constexpr size_t kMaxConninfoFile = 16 << 10;
constexpr absl::Duration kJoinTime = absl::Seconds(30);
constexpr absl::Duration kStopPostgresTime = absl::Minutes(1);
constexpr absl::Duration kReloadTime = absl::Seconds(10);
constexpr absl::Duration kWatchInterval = absl::Seconds(5);
constexpr absl::Duration kFirstLook = absl::Seconds(5);

absl::Status Unusable(const std::string& path, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat("cannot use ", path, ": ", what),
                   {.reason = "STATE_UNUSABLE", .metadata = {{"path", path}}});
}

// Holds the state directory for this process alone.
class StateLock {
 public:
  static absl::StatusOr<StateLock> Take(const std::string& directory) {
    const std::string path = absl::StrCat(directory, "/agent.lock");
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return Unusable(path, std::strerror(errno));
    StateLock lock(fd);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      return Unusable(directory, "another croft-agent runs with this state");
    }
    return lock;
  }
  StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  StateLock& operator=(StateLock&&) = delete;
  ~StateLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_;
};

// PostgreSQL's user has to pass through it to its own folder, and may not list it.
absl::Status MakeStateDirectory(const std::string& directory) {
  std::error_code error;
  const fs::path parent = fs::path(directory).parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) return Unusable(parent.string(), error.message());
  if (mkdir(directory.c_str(), 0711) == 0) {
    chmod(directory.c_str(), 0711);
    return absl::OkStatus();
  }
  const int reason = errno;
  if (reason == EEXIST && fs::is_directory(directory, error)) return absl::OkStatus();
  return Unusable(directory, reason == EEXIST ? "it is not a folder" : std::strerror(reason));
}

std::string Absolute(const std::string& path) {
  std::string absolute = fs::absolute(path).lexically_normal().string();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return absolute;
}

absl::Status JoinByToken(const AgentOptions& options, const IdentityFiles& files) {
  if (options.join_token_file.empty()) {
    return absl::FailedPreconditionError(
        "this agent has not joined a control plane yet: make a token with `croftctl host create-join-token "
        "HOST` and name its file with --join-token-file");
  }
  CROFT_ASSIGN_OR_RETURN(const std::string token, ReadSmallFile(options.join_token_file, kMaxTokenFile));
  return Join(files, token, options.servers, absl::Now() + kJoinTime);
}

absl::StatusOr<Identity> LoadOrJoin(const AgentOptions& options, const IdentityFiles& files) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<Identity> known, files.Load());
  if (known) return *known;
  CROFT_RETURN_IF_ERROR(JoinByToken(options, files));
  CROFT_ASSIGN_OR_RETURN(const std::optional<Identity> joined, files.Load());
  if (!joined) return absl::InternalError("the identity that was just saved is gone");
  log::Info("joined", {{"host", HostName(joined->host)}});
  return *joined;
}

struct OpenedStores {
  std::vector<std::unique_ptr<Store>> stores;
  std::map<std::string, std::string> names;  // by id
};

absl::StatusOr<OpenedStores> OpenStores(const AgentOptions& options, const Clock& clock, Random& random) {
  OpenedStores opened;
  for (const std::string& text : options.stores) {
    const NamedStore named = ParseNamedStore(text);
    CROFT_ASSIGN_OR_RETURN(auto store, OpenStore(named.url, clock, random));
    log::Info("backup store", {{"url", named.url}, {"id", store->id()}, {"name", named.name}});
    if (!named.name.empty()) opened.names[store->id()] = named.name;
    opened.stores.push_back(std::move(store));
  }
  return opened;
}

ManagedServerOptions ManagedOptions(const AgentOptions& options, const std::string& state) {
  ManagedServerOptions managed{.directory = absl::StrCat(state, "/pg"),
                               .listen_addresses = options.listen_addresses,
                               .port = options.port,
                               .advertise_endpoints = options.advertise,
                               .run_as = options.postgres_user,
                               .start_file = options.postgres_start_file};
  if (!options.extensions.empty()) managed.extensions = options.extensions;
  if (!options.restore_extensions.empty()) managed.restore_extensions = options.restore_extensions;
  return managed;
}

// The server, what is to be done when its certificate was renewed, and what at SIGHUP.
struct OwnServer {
  std::unique_ptr<Server> server;
  std::function<absl::Status()> reload_tls = [] { return absl::OkStatus(); };
  absl::string_view reread = "the certificates";
  std::function<absl::Status()> reload;
};

absl::StatusOr<ExternalServerOptions> ReadExternalOptions(const AgentOptions& options) {
  CROFT_ASSIGN_OR_RETURN(std::string conninfo, ReadPrivateFile(options.conninfo_file, kMaxConninfoFile));
  return ExternalServerOptions{.conninfo = std::move(conninfo),
                               .advertise_endpoints = options.advertise,
                               .authority = options.postgres_authority_file};
}

absl::StatusOr<OwnServer> MakeServer(const AgentOptions& options, const std::string& state,
                                     const ServerCertificatePaths& certificate) {
  OwnServer made;
  if (options.mode == ServerMode::kExternal) {
    CROFT_ASSIGN_OR_RETURN(ExternalServerOptions external, ReadExternalOptions(options));
    CROFT_ASSIGN_OR_RETURN(auto server, ExternalServer::New(std::move(external)));
    made.reread = "the conninfo and the authority";
    made.reload = [server = server.get(), options]() -> absl::Status {
      CROFT_ASSIGN_OR_RETURN(ExternalServerOptions changed, ReadExternalOptions(options));
      return server->Reload(std::move(changed));
    };
    made.server = std::move(server);
    return made;
  }
  ManagedServerOptions managed = ManagedOptions(options, state);
  managed.tls = {
      .certificate = certificate.certificate, .key = certificate.key, .authority = certificate.authority};
  CROFT_ASSIGN_OR_RETURN(auto server, ManagedServer::New(std::move(managed)));
  made.reload_tls = [server = server.get()] { return server->ReloadTls({absl::Now() + kReloadTime}); };
  made.reload = made.reload_tls;
  made.server = std::move(server);
  return made;
}

std::vector<std::string> IdsOf(const std::vector<std::unique_ptr<Store>>& stores) {
  std::vector<std::string> ids;
  for (const auto& store : stores) ids.push_back(store->id());
  return ids;
}

absl::Duration UsageInterval(const v1::Welcome& welcome) {
  const auto& interval = welcome.usage_interval();
  return absl::Seconds(interval.seconds()) + absl::Nanoseconds(interval.nanos());
}

std::unique_ptr<UsageGatherer> GatherUsage(UsageReader& reader, Session& session) {
  return std::make_unique<UsageGatherer>(
      UsageGatherer::Source{
          .read_all = [&reader](const Timeout& timeout) { return reader.ReadAll(timeout); },
          .read_sizes = [&reader](const std::vector<int64_t>& oids,
                                  const Timeout& timeout) { return reader.ReadSizes(oids, timeout); }},
      [&session](v1::UsageReport report) {
        v1::ConnectRequest message;
        *message.mutable_usage() = std::move(report);
        session.Send(std::move(message));
      });
}

std::unique_ptr<StatementTeller> TellStatements(const StatementReader& reader, Session& session) {
  return std::make_unique<StatementTeller>(
      [&reader](const std::string& database, int32_t limit, const Timeout& timeout) {
        return reader.ReadSlowest(database, limit, timeout);
      },
      [&session](v1::StatementsReport report) {
        v1::ConnectRequest message;
        *message.mutable_statements() = std::move(report);
        session.Send(std::move(message));
      });
}

std::unique_ptr<Exporter> ExportFrom(const BackupTools& tools, Session& session) {
  const auto find = [&tools](absl::string_view id) { return FindStore(tools, id); };
  return std::make_unique<Exporter>(ReadFrom(find), [&session](v1::ExportPart part) {
    v1::ConnectRequest message;
    *message.mutable_export_part() = std::move(part);
    session.Send(std::move(message));
  });
}

std::unique_ptr<Importer> ImportInto(const BackupTools& tools, const std::string& state, const Clock& clock,
                                     Session& session) {
  const auto find = [&tools](absl::string_view id) { return FindStore(tools, id); };
  return std::make_unique<Importer>(find, clock, UploadNotes(absl::StrCat(state, "/uploads")),
                                    [&session](v1::UploadState told) {
                                      v1::ConnectRequest message;
                                      *message.mutable_upload() = std::move(told);
                                      session.Send(std::move(message));
                                    });
}

// All the parts, in order of dependency.
class Agent {
 public:
  static absl::StatusOr<std::unique_ptr<Agent>> New(const AgentOptions& options, const std::string& state) {
    auto agent = std::make_unique<Agent>(options);
    CROFT_ASSIGN_OR_RETURN(agent->files_, IdentityFiles::Open(state, options.mode == ServerMode::kManaged));
    CROFT_ASSIGN_OR_RETURN(OpenedStores opened, OpenStores(options, agent->clock_, agent->random_));
    agent->stores_ = std::move(opened.stores);
    agent->store_names_ = std::move(opened.names);
    CROFT_ASSIGN_OR_RETURN(agent->journal_, OpenJournal(absl::StrCat(state, "/journal.db"), agent->clock_));
    CROFT_ASSIGN_OR_RETURN(agent->server_, MakeServer(options, state, agent->files_->server_certificate()));
    // Last of all that can fail for a wrong option: a join token is good for one use.
    CROFT_ASSIGN_OR_RETURN(agent->identity_, LoadOrJoin(options, *agent->files_));
    agent->RegisterTasks(state);
    return agent;
  }

  explicit Agent(const AgentOptions& options) : programs_(options.client_programs) {}

  absl::Status Run(const AgentOptions& options, ProcessSignals& signals,
                   const std::function<void()>& reload) {
    Server& server = *server_.server;
    std::unique_ptr<HostWatcher> watcher;
    std::unique_ptr<UsageGatherer> gatherer;
    std::unique_ptr<StatementTeller> teller;
    std::unique_ptr<Exporter> exporter;
    std::unique_ptr<Importer> importer;
    std::unique_ptr<Session> session;
    watcher = std::make_unique<HostWatcher>(
        server, StoresToTell{IdsOf(stores_), store_names_},
        [this](const std::string& version) { return programs_.Complaint(version); }, kWatchInterval,
        [this] {
          if (auto* live = session_.load()) live->BeatNow();
        });
    UsageReader usage([&server] { return server.access(); });
    const StatementReader statements([&server] { return server.access(); });
    session = std::make_unique<Session>(
        *files_, identity_, *journal_, clock_, random_,
        Session::Sources{
            .report = [&watcher] { return watcher->Latest(); },
            .renewed = [this] { ReloadTls(); },
            .welcomed = [&](const v1::Welcome& welcome) { gatherer->Ask(UsageInterval(welcome)); },
            .asked_statements = [&](const v1::StatementsQuery& query) { teller->Ask(query); },
            .asked_export = [&](const v1::ExportQuery& query) { exporter->Begin(query); },
            .export_control = [&](const v1::ExportControl& control) { exporter->Control(control); },
            .upload = [&](const v1::Upload& upload) { importer->Take(upload); },
            .disconnected =
                [&] {
                  exporter->Drop();
                  importer->Drop();
                }},
        SessionOptions{.agent_version = options.version, .servers = options.servers});
    gatherer = GatherUsage(usage, *session);
    teller = TellStatements(statements, *session);
    exporter = ExportFrom(*tools_, *session);
    importer = ImportInto(*tools_, Absolute(options.state_directory), clock_, *session);
    session_ = session.get();
    NotifyServiceManager("READY=1\nSTATUS=serving");
    std::unique_ptr<metrics::HttpServer> figures;
    if (options.metrics_listen != "off") {
      const auto read = [this, &options, &watcher, &session] {
        return AgentFigures{.version = options.version,
                            .connected = session->connected(),
                            .report = watcher->Latest(),
                            .tasks = counts_.Read()};
      };
      CROFT_ASSIGN_OR_RETURN(figures, ServeFigures(options.metrics_listen, read));
      log::Info("serving metrics", {{"address", figures->address()}});
    }
    const Watchdog watchdog([&watcher] { return watcher->IsWell(); });
    absl::Status fatal;
    Dispatcher dispatcher(
        [this](const Task& task, TaskContext& context) { return RunCounted(task, context); }, *journal_,
        clock_,
        {.send = [&](v1::ConnectRequest message) { session->Send(std::move(message)); },
         .send_part = [&](v1::ConnectRequest message) { session->SendPart(std::move(message)); },
         .fatal =
             [&](const absl::Status& status) {
               fatal = status;
               session->Stop();
             }});
    signals.Await([&] { session->Stop(); },
                  [this, &reload, &watcher] {
                    reload();
                    Reload();
                    watcher->LookNow();
                  });
    // What an agent says first replaces what is known of its host, so it should know.
    watcher->AwaitFirstLook(kFirstLook);
    const absl::Status ended = session->Run(dispatcher);
    dispatcher.Stop();
    gatherer->Stop();
    teller->Stop();
    exporter->Stop();
    importer->Stop();
    session_ = nullptr;
    figures.reset();
    watcher->Stop();
    return fatal.ok() ? ended : Annotate(fatal, "the journal cannot be written, so the agent must end");
  }

 private:
  absl::StatusOr<Outcome> RunCounted(const Task& task, TaskContext& context) {
    const TaskKind& kind = KindOf(task.work);
    const absl::Time begun = clock_.Now();
    counts_.Began(kind);
    absl::StatusOr<Outcome> outcome = runner_.Run(task, context);
    counts_.Ended(kind, outcome.status(), clock_.Now() - begun);
    return outcome;
  }

  void RegisterTasks(const std::string& state) {
    Server& server = *server_.server;
    cluster_ = NewLibpqCluster([&server] { return server.access(); });
    RegisterSqlTasks(runner_, *cluster_, random_);
    RegisterInventoryTask(runner_, *cluster_, stores_);
    tools_.emplace(BackupTools{.cluster = *cluster_,
                               .access = [&server] { return server.access(); },
                               .programs = programs_,
                               .stores = stores_,
                               .random = random_,
                               .clock = clock_,
                               .scratch_directory = absl::StrCat(state, "/scratch")});
    RegisterBackupTasks(runner_, *tools_);
  }

  // At SIGHUP. What cannot be read, or is wrong, leaves everything as it was.
  void Reload() {
    log::Info(absl::StrCat("reading ", server_.reread, " again, as SIGHUP asks"));
    const absl::Status status = server_.reload();
    if (status.ok()) {
      log::Info(absl::StrCat(server_.reread, " were read again"));
    } else {
      log::Error(absl::StrCat(server_.reread, " stay as they were"),
                 {{"error", std::string(status.message())}});
    }
  }

  void ReloadTls() {
    const absl::Status status = server_.reload_tls();
    if (!status.ok()) {
      log::Error("PostgreSQL did not take its new certificate", {{"error", std::string(status.message())}});
    }
  }

  SystemClock clock_;
  SystemRandom random_;
  const ClientProgramFinder programs_;
  std::optional<IdentityFiles> files_;
  Identity identity_;
  std::vector<std::unique_ptr<Store>> stores_;
  std::map<std::string, std::string> store_names_;  // by id
  std::unique_ptr<Journal> journal_;
  OwnServer server_;
  std::unique_ptr<Cluster> cluster_;
  std::optional<BackupTools> tools_;
  TaskRunner runner_;
  TaskCounts counts_;
  std::atomic<Session*> session_{nullptr};
};

}  // namespace

absl::Status RunAgent(const AgentOptions& options, std::function<void()> reload) {
  ProcessSignals signals;
  // Errors of writing say the same, and are handled where they come up.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  const std::string state = Absolute(options.state_directory);
  CROFT_RETURN_IF_ERROR(MakeStateDirectory(state));
  CROFT_ASSIGN_OR_RETURN(const StateLock lock, StateLock::Take(state));
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Agent> agent, Agent::New(options, state));
  return agent->Run(options, signals, reload);
}

absl::Status JoinOnly(const AgentOptions& options) {
  const std::string state = Absolute(options.state_directory);
  CROFT_RETURN_IF_ERROR(MakeStateDirectory(state));
  CROFT_ASSIGN_OR_RETURN(const StateLock lock, StateLock::Take(state));
  CROFT_ASSIGN_OR_RETURN(const IdentityFiles files,
                         IdentityFiles::Open(state, options.mode == ServerMode::kManaged));
  CROFT_ASSIGN_OR_RETURN(const std::optional<Identity> identity, files.Load());
  if (identity) {
    return absl::FailedPreconditionError(
        absl::StrCat("this agent has joined as ", HostName(identity->host), " already"));
  }
  CROFT_RETURN_IF_ERROR(JoinByToken(options, files));
  log::Info("joined; start croft-agent with this --state to serve");
  return absl::OkStatus();
}

absl::Status RunPostgres(const AgentOptions& options) {
  CROFT_ASSIGN_OR_RETURN(const auto server,
                         ManagedServer::New(ManagedOptions(options, Absolute(options.state_directory))));
  return server->BecomeServer();
}

absl::Status StopPostgres(const AgentOptions& options) {
  const std::string state = Absolute(options.state_directory);
  if (!fs::exists(absl::StrCat(state, "/pg"))) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const auto server, ManagedServer::New(ManagedOptions(options, state)));
  return server->Stop({absl::Now() + kStopPostgresTime});
}

}  // namespace croft::agent
