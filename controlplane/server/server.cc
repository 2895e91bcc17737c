// Puts the control plane together from its parts and runs it.

#include "controlplane/server/server.h"

#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include "common/clock.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/random.h"
#include "controlplane/access/authenticator.h"
#include "controlplane/access/authority.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/fleet/fleet.h"
#include "controlplane/handlers/access.h"
#include "controlplane/handlers/admin.h"
#include "controlplane/handlers/agent.h"
#include "controlplane/handlers/audit.h"
#include "controlplane/handlers/backup_policies.h"
#include "controlplane/handlers/backups.h"
#include "controlplane/handlers/events.h"
#include "controlplane/handlers/hosts.h"
#include "controlplane/handlers/imports.h"
#include "controlplane/handlers/lookup.h"
#include "controlplane/handlers/operation_watcher.h"
#include "controlplane/handlers/operations.h"
#include "controlplane/handlers/presenter.h"
#include "controlplane/handlers/secret_maker.h"
#include "controlplane/handlers/tenants.h"
#include "controlplane/handlers/usage.h"
#include "controlplane/handlers/watch_hub.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/keyring/keyring.h"
#include "controlplane/lookup/placement_index.h"
#include "controlplane/metrics/attention.h"
#include "controlplane/server/access_gate.h"
#include "controlplane/server/adapter.h"
#include "controlplane/server/awaited_requests.h"
#include "controlplane/server/call_recorder.h"
#include "controlplane/server/catalog_copies.h"
#include "controlplane/server/catalog_facts.h"
#include "controlplane/server/commit_fanout.h"
#include "controlplane/server/confirmer.h"
#include "controlplane/server/effect_executor.h"
#include "controlplane/server/figure_reader.h"
#include "controlplane/server/fleet_watch.h"
#include "controlplane/server/host_directory.h"
#include "controlplane/server/listener.h"
#include "controlplane/server/measurements.h"
#include "controlplane/server/open_streams.h"
#include "controlplane/server/principal_directory.h"
#include "controlplane/server/scheduler.h"
#include "controlplane/server/state_directory.h"
#include "controlplane/server/status.h"
#include "controlplane/server/storage_watch.h"
#include "controlplane/server/worker_pool.h"
#include "controlplane/server/writer.h"
#include "controlplane/usage/usage_keeper.h"
#include "controlplane/wire/page_tokens.h"

namespace croft::server {
namespace {

// Most of what a worker does is to wait for the writer's next commit, and the more wait, the more share one.
constexpr size_t kWorkers = 64;
constexpr size_t kWaitingCalls = 4096;
constexpr size_t kOpenStreams = 20'000;
// The largest request there may be, 4 MiB, comes in by then over 1.1 Mbit/s; a usual one is one packet.
constexpr absl::Duration kRequestTimeout = absl::Seconds(30);
constexpr size_t kAwaitedRequests = 20'000;               // some kilobytes each, and what has come of it
constexpr absl::Duration kBookmarks = absl::Seconds(10);  // how often watchers hear that nothing happened
// Each watcher of events reads the catalog when it is woken.
constexpr absl::Duration kBetweenEvents = absl::Milliseconds(50);
constexpr absl::Duration kTimeout = absl::Milliseconds(100);
// A commit is a few milliseconds, on a slow disk seconds. One that takes longer than this is stuck.
constexpr absl::Duration kLongestCommit = absl::Minutes(1);
constexpr size_t kMaxPemBytes = 256 * 1024;

absl::Status Ending() {
  return MakeError(absl::StatusCode::kUnavailable, "the control plane is ending; ask again when it is back",
                   {.reason = "SHUTTING_DOWN", .retry_delay = absl::Seconds(1)});
}

[[noreturn]] void StopBroken(const absl::Status& status) {
  log::Error("the catalog could not be written; stopping, since nothing is known of its state",
             {{"error", log::Text(status)}});
  std::_Exit(1);
}

absl::string_view HostOf(absl::string_view address) { return address.substr(0, address.rfind(':')); }

}  // namespace

absl::StatusOr<std::string> AdvertisedAddress(const ServerOptions& options) {
  if (!options.advertise.empty()) return options.advertise;
  // Agents cannot dial an address that stands for every address of this machine.
  for (const absl::string_view wildcard : {"0.0.0.0:", "[::]:", ":", "*:"}) {
    if (!absl::StartsWith(options.listen, wildcard)) continue;
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        absl::StrCat("--listen ", options.listen,
                     " is no address that agents can dial; say one with --advertise host:port"),
        {.reason = "ADVERTISE_MISSING", .metadata = {{"listen", options.listen}}});
  }
  return options.listen;
}

// Declared in the order in which they are made; destroyed the other way round.
struct Server::Components {
  Components(const ServerOptions& given, access::Authority made_authority, keyring::Keyring loaded_keyring)
      : options(given),
        state(given.state_directory),
        authority(std::move(made_authority)),
        keyring(std::move(loaded_keyring)),
        index(keyring, authority.databases_trust(clock.Now())),
        limits(given.limits, clock) {}

  absl::Status Open();
  absl::Status Listen(const std::string& trusted_authority);
  absl::StatusOr<std::string> TrustedAuthority() const;
  absl::StatusOr<std::vector<std::string>> AwaitedHosts() const;
  absl::Status NameKeys();
  absl::StatusOr<std::optional<StorageWatch::Size>> SizeOf(const std::string& uid, const std::string& host);
  absl::Status Measure();

  const ServerOptions options;
  const StateDirectory state;
  SystemClock clock;
  SystemRandom random;
  const access::Authority authority;
  const keyring::Keyring keyring;
  std::unique_ptr<CertificateKeeper> certificates;
  std::unique_ptr<keyring::KeyStore> keys;
  std::unique_ptr<catalog::SqliteCatalog> catalog;

  lookup::PlacementIndex index;
  handlers::WatchHub watchers{kBookmarks};
  handlers::WatchHub event_watchers{kBookmarks, kBetweenEvents};
  HostDirectory hosts;
  PrincipalDirectory principals;
  OpenStreams streams{kOpenStreams};
  handlers::OperationWatcher operation_watcher;
  metrics::OperationCounts operation_counts{clock};
  std::unique_ptr<metrics::BackupCensus> census;
  std::optional<catalog::CommitBarrier> barrier;
  std::optional<CommitFanout> commits;
  std::unique_ptr<Writer> writer;
  std::optional<usage::UsageKeeper> usage;
  std::optional<StorageWatch> storage_watch;
  std::unique_ptr<fleet::Fleet> fleet;
  handlers::FleetFindings findings;
  std::optional<handlers::FleetChecker> checker;
  std::optional<FleetWatch> fleet_watch;
  std::unique_ptr<ServerEffectExecutor> effect_executor;

  std::unique_ptr<handlers::SecretMaker> secrets;
  std::unique_ptr<Scheduler> scheduler;
  std::optional<CallRecorder> recorder;
  std::unique_ptr<CatalogCopies> copies;
  std::unique_ptr<Confirmer> confirmer;
  metrics::CallCounts calls{!options.metrics_listen.empty()};
  std::optional<FigureReader> figures;
  std::optional<handlers::Presenter> presenter;
  std::optional<wire::PageTokens> tokens;
  std::optional<handlers::AgentHandlers> agents;
  std::optional<handlers::TenantHandlers> tenants;
  std::optional<handlers::BackupExporter> exporter;
  std::optional<handlers::BackupHandlers> backups;
  std::optional<handlers::BackupPolicyHandlers> backup_policies;
  std::optional<handlers::ImportHandlers> imports;
  std::optional<handlers::HostHandlers> host_handlers;
  std::optional<handlers::OperationHandlers> operations;
  std::optional<handlers::AdminHandlers> admin;
  std::optional<handlers::LookupHandlers> lookups;
  std::optional<handlers::AccessHandlers> access_handlers;
  std::optional<handlers::AuditHandlers> audit_handlers;
  std::optional<handlers::EventHandlers> event_handlers;
  std::optional<handlers::UsageHandlers> usage_handlers;

  CallLimits limits;
  std::optional<CatalogFacts> facts;
  std::optional<access::Authenticator> authenticator;
  std::optional<AccessGate> gate;
  AwaitedRequests awaited_requests{kRequestTimeout, kAwaitedRequests, clock};
  std::optional<WorkerPool> pool;
  std::deque<Adapter> adapters;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Measurements> measurements;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  const StateDirectory state(options.state_directory);
  CROFT_RETURN_IF_ERROR(CheckStateDirectory(state));
  CROFT_ASSIGN_OR_RETURN(access::Authority authority, access::Authority::Load(state.tls, absl::Now()));
  CROFT_ASSIGN_OR_RETURN(keyring::Keyring keyring, keyring::LoadKeyring(keyring::FindKeyring(
                                                       state.folder, options.credentials_directory)));
  auto components = std::make_unique<Components>(options, std::move(authority), std::move(keyring));
  CROFT_RETURN_IF_ERROR(components->Open());
  CROFT_ASSIGN_OR_RETURN(const std::string trusted_authority, components->TrustedAuthority());
  std::unique_ptr<Server> server(new Server(std::move(components)));
  CROFT_RETURN_IF_ERROR(server->components_->Listen(trusted_authority));
  return server;
}

// Opens what is stored and starts what works on it.
absl::Status Server::Components::Open() {
  // The catalog first, whose lock one process has: who is taken over may have stopped while it wrote to the key store,
  // and nobody renews certificates under one that runs.
  CROFT_ASSIGN_OR_RETURN(catalog, catalog::SqliteCatalog::Open(
                                      state.catalog, {.take_over = options.take_over, .now = clock.Now()}));
  CROFT_ASSIGN_OR_RETURN(std::vector<std::string> names, ReadServerNames(state));
  certificates = std::make_unique<CertificateKeeper>(authority, state.tls, std::move(names),
                                                     options.own_certificate, clock);
  CROFT_RETURN_IF_ERROR(certificates->Maintain());
  CROFT_ASSIGN_OR_RETURN(keys, keyring::KeyStore::Open(state.key_store, keyring, random));
  CROFT_RETURN_IF_ERROR(NameKeys());
  CROFT_RETURN_IF_ERROR(hosts.Load(*catalog));
  CROFT_RETURN_IF_ERROR(principals.Load(*catalog));
  CROFT_RETURN_IF_ERROR(index.Load(*catalog));
  CROFT_RETURN_IF_ERROR(operation_counts.Load(*catalog));
  census = std::make_unique<metrics::BackupCensus>(*catalog);
  GiveBackFreedMemory();
  // The index first: whoever is woken or answered finds the change there.
  barrier.emplace(*catalog);
  commits.emplace(
      *barrier, std::vector<CommitFanout::Listener>{
                    [this](const auto& changes, domain::Revision revision) {
                      if (index.Apply(changes, revision)) watchers.Signal();
                    },
                    [this](const auto& changes, domain::Revision) { hosts.Apply(changes); },
                    [this](const auto& changes, domain::Revision revision) {
                      for (const std::string& user : principals.Apply(changes, revision))
                        streams.JudgeAgain(user);
                    },
                    [this](const auto& changes, domain::Revision) { operation_watcher.Announce(changes); },
                    [this](const auto& changes, domain::Revision) {
                      if (handlers::HasEvents(changes)) event_watchers.Signal();
                    },
                    [this](const auto& changes, domain::Revision) {
                      operation_counts.Apply(changes);
                      census->Apply(changes);
                    }});

  writer = std::make_unique<Writer>(*catalog, clock, StopBroken, Writer::Limits(), options.schedules);
  fleet = std::make_unique<fleet::Fleet>(*writer, *keys, clock, ToGrpcStatus);
  usage.emplace(state.usage, clock);
  fleet->AskUsage(options.usage_interval, [this](const std::string& host, std::vector<usage::Report> told) {
    usage->Note(host, std::move(told));
  });
  storage_watch.emplace(
      *catalog, [this](const std::string& uid, const std::string& host) { return SizeOf(uid, host); },
      *writer, random, clock, options.usage_interval);
  checker.emplace(*catalog, *fleet, clock, findings);
  fleet_watch.emplace(*catalog, *checker, findings, clock);
  effect_executor = std::make_unique<ServerEffectExecutor>(
      *fleet, *keys, *writer, clock,
      [this](absl::string_view text) { return authority.SignStatement(text); },
      [this](const std::string& host) { fleet_watch->Compare(host); });
  secrets = std::make_unique<handlers::SecretMaker>(keyring, *keys, random, clock);
  scheduler = std::make_unique<Scheduler>(
      *catalog, *writer, *secrets, clock, options.schedules,
      [this](absl::string_view text) { return authority.SignStatement(text); },
      [this](absl::string_view text, absl::string_view signature) {
        return authority.HasSigned(text, signature);
      });
  recorder.emplace(*writer, clock);
  copies = std::make_unique<CatalogCopies>(
      *catalog, options.catalog_copies.empty() ? state.catalog_copies : options.catalog_copies, clock);
  confirmer = std::make_unique<Confirmer>(*catalog, *fleet, *writer, clock);
  const access::TlsFiles files(state.tls);
  figures.emplace(options.version,
                  MeasuredFiles{.catalog = state.catalog,
                                .certificates = {{"server", certificates->served_file()},
                                                 {"authority", files.authority_certificate},
                                                 {"databases_authority", files.databases},
                                                 {"administrator", files.admin_certificate}}},
                  MeasuredParts{.clock = clock,
                                .catalog = *catalog,
                                .index = index,
                                .calls = calls,
                                .operations = operation_counts,
                                .backups = *census,
                                .writer = *writer,
                                .fleet = *fleet,
                                .copies = *copies,
                                .watchers = watchers});

  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> awaited, AwaitedHosts());
  usage->Start();
  fleet->Start(catalog->revision().epoch, awaited);
  writer->Start(*effect_executor, *commits);
  scheduler->Start();
  recorder->Start();
  copies->Start();
  census->Start();
  confirmer->Start();
  if (options.usage_interval > absl::ZeroDuration()) storage_watch->Start();
  certificates->Start();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<StorageWatch::Size>> Server::Components::SizeOf(const std::string& uid,
                                                                             const std::string& host) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<usage::Usage> measured, usage->Find(uid, host));
  if (!measured || !measured->size_bytes) return std::nullopt;
  return StorageWatch::Size{.generation = measured->generation, .bytes = *measured->size_bytes};
}

// Keys that an earlier version made do not say whose they are.
absl::Status Server::Components::NameKeys() {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> uids, keys->Unnamed());
  std::map<std::string, std::string> ids;
  for (const std::string& uid : uids) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog->GetTenantByUid(uid));
    if (tenant) ids[uid] = tenant->id;
  }
  return ids.empty() ? absl::OkStatus() : keys->Name(ids);
}

// Those that were up when the control plane ended.
absl::StatusOr<std::vector<std::string>> Server::Components::AwaitedHosts() const {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Host> all, catalog->ListHosts());
  std::vector<std::string> awaited;
  for (const domain::Host& host : all) {
    if (host.up || host.awaited) awaited.push_back(host.id);
  }
  return awaited;
}

absl::StatusOr<std::string> Server::Components::TrustedAuthority() const {
  if (options.own_certificate.authority.empty()) return authority.certificate();
  return ReadSmallFile(options.own_certificate.authority, kMaxPemBytes);
}

absl::Status Server::Components::Listen(const std::string& trusted_authority) {
  presenter.emplace(*catalog, clock, findings,
                    [this](const std::string& host) { return fleet->LastHeard(host); });
  tokens.emplace(random.Bytes(32));
  agents.emplace(*writer, *catalog, authority, trusted_authority, *fleet, clock);
  tenants.emplace(*writer, *catalog, *secrets, *presenter, *tokens);
  exporter.emplace(*writer, *catalog, *presenter, *keys, *fleet, clock, options.version);
  backups.emplace(*writer, *catalog, *secrets, *presenter, *tokens, authority, clock, *exporter);
  backup_policies.emplace(*writer, *catalog);
  imports.emplace(*writer, *catalog, *secrets, *keys, *fleet, *presenter, clock);
  CROFT_ASSIGN_OR_RETURN(const std::string advertise, AdvertisedAddress(options));
  host_handlers.emplace(*writer, *catalog, *presenter, *tokens, random, clock,
                        handlers::JoinTerms{.servers = {advertise}, .authority = trusted_authority});
  operations.emplace(*writer, *catalog, *barrier, *secrets, *presenter, *tokens, operation_watcher, clock);
  admin.emplace(*writer, *catalog, *secrets, *checker, findings, *copies, options.version, clock.Now(),
                [this] { return metrics::WhatNeedsAttention(figures->Read()); });
  lookups.emplace(index, watchers, *recorder, clock);
  access_handlers.emplace(*writer, *catalog, authority, *tokens, random, clock);
  audit_handlers.emplace(*catalog, *tokens, [this](absl::string_view text, absl::string_view signature) {
    return authority.HasSigned(text, signature);
  });
  usage_handlers.emplace(*usage, *catalog, *fleet, *tokens, clock);

  event_handlers.emplace(*catalog, *barrier, *tokens, event_watchers, clock);

  authenticator.emplace(authority.certificate(), hosts, principals, clock);
  facts.emplace(index, *catalog);
  gate.emplace(
      *authenticator, *facts, limits, *recorder,
      [this](const std::string& user, const std::string& token) { recorder->NoteToken(user, token); });
  pool.emplace(kWorkers, kWaitingCalls);
  awaited_requests.Start();
  const AdapterParts components{*gate, *pool, streams, awaited_requests, calls, &*barrier};
  for (handlers::Service service :
       {agents->service(), tenants->service(), backups->service(), imports->service(),
        host_handlers->service(), operations->service(), admin->service(), lookups->service(),
        access_handlers->service(), audit_handlers->service(), event_handlers->service(),
        usage_handlers->service(), backup_policies->service()}) {
    adapters.emplace_back(std::move(service), components);
  }
  std::vector<Adapter*> services;
  for (Adapter& adapter : adapters) services.push_back(&adapter);
  CROFT_ASSIGN_OR_RETURN(listener,
                         Listener::Start({.address = options.listen,
                                          .identity_file = certificates->served_file(),
                                          .clients_file = access::TlsFiles(state.tls).authority_certificate,
                                          .unix_socket = state.socket},
                                         services));
  fleet_watch->Start();
  return Measure();
}

absl::Status Server::Components::Measure() {
  if (options.metrics_listen.empty()) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(measurements, Measurements::Start({.listen = options.metrics_listen,
                                                            .identity_file = certificates->served_file()},
                                                           {.clock = clock,
                                                            .figures = *figures,
                                                            .catalog = *catalog,
                                                            .usage = *usage,
                                                            .writer = *writer,
                                                            .authenticator = *authenticator,
                                                            .limits = limits}));
  log::Info("metrics are served", {{"address", measurements->address()}});
  return absl::OkStatus();
}

Server::Server(std::unique_ptr<Components> components) : components_(std::move(components)) {}

Server::~Server() { Stop(); }

std::string Server::address() const {
  return absl::StrCat(HostOf(components_->options.listen), ":", components_->listener->port());
}

void Server::Reload(const ServerOptions& options) {
  log::Info("reading the certificates again, as SIGHUP asks");
  components_->limits.Change(options.limits);
  components_->writer->SetPolicy(options.schedules);
  components_->scheduler->SetPolicy(options.schedules);
  components_->certificates->LookNow();
}

bool Server::IsWell() const { return components_->writer->BusyFor() < kLongestCommit; }

// Calls end before what answers them: a worker that waits for the writer gets its answer.
void Server::Stop() {
  components_->measurements.reset();
  components_->census->Stop();
  components_->scheduler->Stop();
  components_->confirmer->Stop();
  components_->storage_watch->Stop();
  components_->copies->Stop();
  components_->certificates->Stop();
  if (components_->listener) components_->listener->StopServing();
  components_->streams.EndAll(Ending());
  components_->fleet->Stop();
  if (components_->listener) components_->listener->Shutdown(kTimeout);
  components_->listener.reset();
  // No agent is there to answer any more, so that it waits for none.
  components_->fleet_watch->Stop();
  components_->pool.reset();
  components_->usage->Stop();
  components_->recorder->Stop();
  components_->writer->Stop();
}

}  // namespace croft::server
