// The command rebuild-catalog of croftd.

#include "controlplane/server/rebuild_command.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/errors.h"
#include "common/log.h"
#include "common/names.h"
#include "common/random.h"
#include "controlplane/access/authority.h"
#include "controlplane/catalog/sqlite/catalog_copy.h"
#include "controlplane/catalog/sqlite/catalog_lock.h"
#include "controlplane/catalog/sqlite/meta.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/domain/rebuild.h"
#include "controlplane/fleet/fleet.h"
#include "controlplane/handlers/secret_maker.h"
#include "controlplane/handlers/service.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/keyring/keyring.h"
#include "controlplane/metrics/call_counts.h"
#include "controlplane/server/adapter.h"
#include "controlplane/server/awaited_requests.h"
#include "controlplane/server/counted.h"
#include "controlplane/server/host_reports.h"
#include "controlplane/server/listener.h"
#include "controlplane/server/named_agents.h"
#include "controlplane/server/open_streams.h"
#include "controlplane/server/state_directory.h"
#include "controlplane/server/status.h"
#include "controlplane/server/worker_pool.h"

namespace croft::server {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(500);
constexpr absl::Duration kLogInterval = absl::Seconds(30);  // between lines about who is missing
constexpr absl::Duration kTimeout = absl::Minutes(30);      // of an agent that reads all manifests
constexpr absl::Duration kGoodbye = absl::Milliseconds(100);
constexpr size_t kStreams = 10'000;
constexpr size_t kWorkers = 2;
// No clock was ever further ahead than this when it gave out an epoch.
constexpr absl::Duration kWrongestClock = absl::Hours(24 * 366);

bool Exists(const std::string& path) {
  struct stat unused;
  return lstat(path.c_str(), &unused) == 0;
}

absl::Status CatalogExists(const std::string& path) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(
          path,
          " is there: start croftd with it, or restore a copy of it (croftd restore-catalog). Only "
          "where neither can be done, move it away and rebuild"),
      {.reason = "CATALOG_EXISTS", .metadata = {{"file", path}}});
}

absl::Status KeyStoreMissing(const std::string& path) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(
          path,
          " is not there: bring it back from where you keep the state folder. Only where it is lost, "
          "rebuild with --without-key-store: data keys then come from beside the backups"),
      {.reason = "KEY_STORE_MISSING", .metadata = {{"file", path}}});
}

// A catalog that is lost has no copy either, as far as can be seen from here.
absl::Status CheckLost(const StateDirectory& state) {
  if (Exists(state.catalog)) return CatalogExists(state.catalog);
  std::error_code error;
  std::vector<std::string> copies;
  for (std::filesystem::directory_iterator entry(state.catalog_copies, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::filesystem::path& file = entry->path();
    if (file.extension() == ".db" && absl::StartsWith(file.filename().string(), "catalog-"))
      copies.push_back(file.string());
  }
  if (!copies.empty()) return CatalogExists(*std::max_element(copies.begin(), copies.end()));
  return absl::OkStatus();
}

absl::Status CheckHosts(const std::vector<std::string>& hosts) {
  if (hosts.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     "name every host that the catalog had, with --host: what is on one that is left out "
                     "will not be known",
                     {.reason = "HOSTS_MISSING"});
  }
  for (const std::string& host : hosts) CROFT_RETURN_IF_ERROR(CheckId(host, "host"));
  return absl::OkStatus();
}

std::string Summary(const domain::Rebuilt& rebuilt, const catalog::RestoredCatalog& written) {
  std::string summary =
      absl::StrCat("rebuilt the catalog: ", Counted(rebuilt.tenants.size(), "tenant"), " on ",
                   Counted(written.hosts, "host"), ", ", Counted(rebuilt.backups.size(), "backup"),
                   "; the epoch is ", written.epoch, " now\n");
  for (const std::string& note : rebuilt.notes) absl::StrAppend(&summary, note, "\n");
  return absl::StrCat(
      summary,
      "lost, since no agent knows it: tenants' display names, aliases, labels, settings, features, quotas "
      "and expiry; who was retired, and is SUSPENDED now; which backups were proven; hosts' labels, limits "
      "and cordons; operations; principals, tokens and bindings; the audit\n",
      "start croftd serve; when its hosts are up, `croftctl admin repair-fleet` gives tenants their new "
      "passwords, and lookups answer again one by one\n");
}

}  // namespace

// Declared in the order in which they are made; destroyed the other way round.
struct CatalogRebuild::Components {
  Components(const RebuildOptions& given, catalog::CatalogLock held, access::Authority made_authority,
             keyring::Keyring loaded_keyring)
      : options(given),
        state(given.state_directory),
        lock(std::move(held)),
        authority(std::move(made_authority)),
        keyring(std::move(loaded_keyring)),
        reports(given.hosts),
        gate(authority.certificate(), {given.hosts.begin(), given.hosts.end()}, clock) {}
  ~Components() { StopListening(); }

  absl::Status Listen();
  std::vector<domain::ReportedHost> Collect();
  void AskAll();
  void StopListening();

  absl::StatusOr<domain::Rebuilt> Rebuild(std::vector<domain::ReportedHost> reported);
  absl::Status ImportKeys(const std::vector<domain::ReportedHost>& reported,
                          std::vector<std::string>& notes);
  // That repair-fleet brings to the hosts.
  void GiveNewPasswords(domain::Tenant& tenant) const;
  absl::StatusOr<catalog::RestoredCatalog> Write(const domain::Rebuilt& rebuilt);
  static absl::Status WriteNew(const std::string& path, const domain::Rebuilt& rebuilt);

  const RebuildOptions options;
  const StateDirectory state;
  const catalog::CatalogLock lock;
  SystemClock clock;
  SystemRandom random;
  const access::Authority authority;
  const keyring::Keyring keyring;
  std::unique_ptr<keyring::KeyStore> keys;
  std::optional<handlers::SecretMaker> secrets;
  HostReports reports;
  NamedAgents gate;
  OpenStreams streams{kStreams};
  metrics::CallCounts calls;
  AwaitedRequests awaited_requests{absl::Seconds(30), kStreams,
                                   clock};  // of methods that the service has none of
  std::optional<CertificateKeeper> certificates;
  std::unique_ptr<fleet::Fleet> fleet;
  std::optional<WorkerPool> pool;
  std::optional<Adapter> adapter;
  std::unique_ptr<Listener> listener;
};

absl::StatusOr<std::unique_ptr<CatalogRebuild>> CatalogRebuild::Start(const RebuildOptions& options) {
  const StateDirectory state(options.state_directory);
  CROFT_RETURN_IF_ERROR(CheckStateDirectory(state));
  CROFT_RETURN_IF_ERROR(CheckHosts(options.hosts));
  CROFT_RETURN_IF_ERROR(CheckLost(state));
  CROFT_ASSIGN_OR_RETURN(access::Authority authority, access::Authority::Load(state.tls, absl::Now()));
  CROFT_ASSIGN_OR_RETURN(keyring::Keyring keyring, keyring::LoadKeyring(keyring::FindKeyring(
                                                       state.folder, options.credentials_directory)));
  if (!options.without_key_store && !Exists(state.key_store)) return KeyStoreMissing(state.key_store);
  CROFT_ASSIGN_OR_RETURN(catalog::CatalogLock lock, catalog::LockCatalog(state.catalog));
  CROFT_RETURN_IF_ERROR(CheckLost(state));  // nobody makes one from here on
  auto components =
      std::make_unique<Components>(options, std::move(lock), std::move(authority), std::move(keyring));
  CROFT_RETURN_IF_ERROR(components->Listen());
  return std::unique_ptr<CatalogRebuild>(new CatalogRebuild(std::move(components)));
}

CatalogRebuild::CatalogRebuild(std::unique_ptr<Components> components)
    : components_(std::move(components)) {}

CatalogRebuild::~CatalogRebuild() = default;

std::string CatalogRebuild::address() const {
  const std::string& listen = components_->options.listen;
  return absl::StrCat(listen.substr(0, listen.rfind(':')), ":", components_->listener->port());
}

absl::StatusOr<std::string> CatalogRebuild::Finish() {
  CROFT_ASSIGN_OR_RETURN(const domain::Rebuilt rebuilt, components_->Rebuild(components_->Collect()));
  CROFT_ASSIGN_OR_RETURN(const catalog::RestoredCatalog written, components_->Write(rebuilt));
  return Summary(rebuilt, written);
}

absl::Status CatalogRebuild::Components::Listen() {
  CROFT_ASSIGN_OR_RETURN(std::vector<std::string> names, ReadServerNames(state));
  certificates.emplace(authority, state.tls, std::move(names), options.own_certificate, clock);
  CROFT_RETURN_IF_ERROR(certificates->Maintain());
  CROFT_ASSIGN_OR_RETURN(keys, keyring::KeyStore::Open(state.key_store, keyring, random));
  secrets.emplace(keyring, *keys, random, clock);
  fleet = std::make_unique<fleet::Fleet>(reports, *keys, clock, ToGrpcStatus);
  fleet->FollowEpochs(absl::ToUnixSeconds(clock.Now() + kWrongestClock));
  fleet->Start(absl::ToUnixSeconds(clock.Now()));
  handlers::Service service("croft.v1.AgentService");
  service.Bidi<v1::ConnectRequest, v1::ConnectResponse>(
      "Connect", [this](const handlers::RequestContext& context, grpc::CallbackServerContext& call) {
        return fleet->Connect(context.principal.host, call);
      });
  pool.emplace(kWorkers, kStreams);
  adapter.emplace(std::move(service), AdapterParts{gate, *pool, streams, awaited_requests, calls});
  CROFT_ASSIGN_OR_RETURN(
      listener, Listener::Start({.address = options.listen,
                                 .identity_file = certificates->served_file(),
                                 .clients_file = access::TlsFiles(state.tls).authority_certificate},
                                {&*adapter}));
  return absl::OkStatus();
}

void CatalogRebuild::Components::StopListening() {
  if (listener) listener->StopServing();
  if (fleet) fleet->Stop();
  if (listener) listener->Shutdown(kGoodbye);
  listener.reset();
}

std::vector<domain::ReportedHost> CatalogRebuild::Components::Collect() {
  absl::Time last_logged = clock.Now();
  for (;;) {
    if (std::optional<std::vector<domain::ReportedHost>> all = reports.All()) {
      StopListening();
      return *std::move(all);
    }
    AskAll();
    reports.AwaitNews(kLook);
    if (clock.Now() - last_logged < kLogInterval) continue;
    last_logged = clock.Now();
    log::Info("still waiting for hosts", {{"hosts", absl::StrJoin(reports.Missing(), ",")}});
  }
}

void CatalogRebuild::Components::AskAll() {
  for (const HostReports::Question& question : reports.ToAsk()) {
    fleet->AskInventory(question.host,
                        {.stores = question.stores, .manifests = true, .deadline = clock.Now() + kTimeout},
                        [this, question](absl::StatusOr<domain::Inventory> inventory) {
                          reports.Answer(question, std::move(inventory));
                        });
  }
}

absl::StatusOr<domain::Rebuilt> CatalogRebuild::Components::Rebuild(
    std::vector<domain::ReportedHost> reported) {
  std::vector<std::string> notes;
  CROFT_RETURN_IF_ERROR(ImportKeys(reported, notes));
  CROFT_ASSIGN_OR_RETURN(const auto owners, keys->Owners());
  std::map<std::string, domain::RememberedTenant> remembered;
  for (const auto& [uid, owner] : owners) remembered[uid] = {owner.tenant, owner.destroyed};
  for (domain::ReportedHost& host : reported) {
    host.host.uid = secrets->NewUid();
    host.host.certificate_fingerprint = gate.FingerprintOf(host.host.id);
  }
  domain::Rebuilt rebuilt = domain::RebuildCatalog(reported, remembered, clock.Now());
  std::map<std::string, std::string> ids;
  for (domain::Tenant& tenant : rebuilt.tenants) {
    GiveNewPasswords(tenant);
    ids[tenant.uid] = tenant.id;
    if (remembered.count(tenant.uid) > 0) continue;
    CROFT_RETURN_IF_ERROR(keys->Create(tenant.uid, tenant.id));
    notes.push_back(absl::StrCat("the tenant ", tenant.id, " has a new data key, since no old one was ",
                                 "found: what backups it had cannot be opened"));
  }
  CROFT_RETURN_IF_ERROR(keys->Name(ids));
  rebuilt.notes.insert(rebuilt.notes.end(), notes.begin(), notes.end());
  return rebuilt;
}

// Those that the key store does not have. Only what the keyring sealed for that very uid opens.
absl::Status CatalogRebuild::Components::ImportKeys(const std::vector<domain::ReportedHost>& reported,
                                                    std::vector<std::string>& notes) {
  CROFT_ASSIGN_OR_RETURN(const auto owners, keys->Owners());
  std::set<std::string> tried;
  for (const domain::ReportedHost& host : reported) {
    for (const domain::FoundKey& key : host.inventory.keys) {
      if (key.wrapped_data_key.empty() || owners.count(key.uid) > 0 ||
          !tried.insert(absl::StrCat(key.uid, "/", key.wrapped_data_key)).second) {
        continue;
      }
      const absl::Status imported = keys->Import(key.uid, key.wrapped_data_key);
      if (!imported.ok())
        notes.push_back(absl::StrCat("the data key ", key.uid, " in the store ", key.store,
                                     " cannot be used: ", imported.message()));
    }
  }
  return absl::OkStatus();
}

void CatalogRebuild::Components::GiveNewPasswords(domain::Tenant& tenant) const {
  for (const domain::Credential& fresh : secrets->NewCredentials(tenant.uid)) {
    for (domain::Credential& credential : tenant.credentials) {
      if (credential.role != fresh.role) continue;
      credential.sealed_password = fresh.sealed_password;
      credential.verifier = fresh.verifier;
      credential.create_time = fresh.create_time;
    }
  }
}

absl::StatusOr<catalog::RestoredCatalog> CatalogRebuild::Components::Write(const domain::Rebuilt& rebuilt) {
  const std::string stem = absl::StrCat(state.folder, "/rebuilt-catalog");
  const std::string path = absl::StrCat(stem, ".db");
  const auto discard = [&] {
    for (const char* suffix : {".db", ".db-wal", ".db-shm", ".lock"})
      unlink(absl::StrCat(stem, suffix).c_str());
  };
  discard();
  absl::StatusOr<catalog::RestoredCatalog> written = [&]() -> absl::StatusOr<catalog::RestoredCatalog> {
    CROFT_RETURN_IF_ERROR(WriteNew(path, rebuilt));
    return catalog::RestoreCatalog(lock, state.catalog,
                                   {.copy = path,
                                    .machine_id = catalog::ReadMachineId(),
                                    .now = clock.Now(),
                                    .epoch = fleet->epoch(),
                                    .audited_as = "croftd/rebuild-catalog"});
  }();
  discard();
  return written;
}

absl::Status CatalogRebuild::Components::WriteNew(const std::string& path, const domain::Rebuilt& rebuilt) {
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<catalog::SqliteCatalog> catalog,
                         catalog::SqliteCatalog::Open(path, {}));
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<catalog::Transaction> transaction, catalog->Begin());
  for (const domain::Host& host : rebuilt.hosts) transaction->Apply(catalog::PutHost{host});
  for (const domain::Tenant& tenant : rebuilt.tenants) transaction->Apply(catalog::PutTenant{tenant});
  for (const domain::Backup& backup : rebuilt.backups) transaction->Apply(catalog::PutBackup{backup});
  return transaction->Commit().status();
}

}  // namespace croft::server
