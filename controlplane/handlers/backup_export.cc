// Gives the data of backups to callers, as it comes from an agent.

#include "controlplane/handlers/backup_export.h"

#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/domain/host_choice.h"
#include "controlplane/wire/backup.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/requests.h"

namespace croft::handlers {
namespace {

// Of the bundle. A change that older readers would misunderstand raises it.
constexpr int32_t kFormat = 1;

class ExportFeed final : public Feed<v1::ExportBackupResponse> {
 public:
  ExportFeed(v1::BackupExport description, std::unique_ptr<fleet::ExportStream> stream)
      : description_(std::move(description)), stream_(std::move(stream)) {}

  Pulled<v1::ExportBackupResponse> Next() override {
    fleet::ExportPull pulled = stream_->Next();
    if (auto* end = std::get_if<fleet::EndOfExport>(&pulled)) return EndOfStream{std::move(end->status)};
    if (std::holds_alternative<fleet::NoPartYet>(pulled)) return NothingYet();
    v1::ExportBackupResponse response;
    if (auto* facts = std::get_if<v1::ArchiveFacts>(&pulled)) {
      *description_.mutable_archive() = std::move(*facts);
      *response.mutable_description() = std::move(description_);
    } else {
      response.set_data(std::get<std::string>(std::move(pulled)));
    }
    return response;
  }

 private:
  v1::BackupExport description_;
  const std::unique_ptr<fleet::ExportStream> stream_;
};

struct Place {
  std::string host;
  std::string store;
};

// Where it can be read: by a host whose agent is there, the tenant's own first, since it may be nearest to the store; from the
// backup's own store before its copies. nullopt where no host reaches any.
std::optional<Place> PlaceFor(const std::vector<domain::Host>& hosts, const domain::Tenant& tenant,
                              const domain::Backup& backup) {
  std::optional<Place> away;
  for (const std::string& store : domain::ReadableStoresOf(backup)) {
    const auto reads = [&store](const domain::Host& host) {
      return domain::StateOf(host) == domain::HostState::kUp && domain::Reaches(host, store);
    };
    for (const domain::Host& host : hosts) {
      if (host.id == tenant.placement.host && reads(host)) return Place{host.id, store};
    }
    const auto other = std::find_if(hosts.begin(), hosts.end(), reads);
    if (other != hosts.end()) return Place{other->id, store};
    // What it answers then is which host is away.
    const std::string silent = domain::ChooseStoreHost(hosts, store);
    if (!away && !silent.empty()) away = Place{silent, store};
  }
  return away;
}

}  // namespace

absl::StatusOr<v1::BackupExport> BackupExporter::Describe(const RequestContext& context,
                                                          const domain::Tenant& tenant,
                                                          const domain::Backup& backup) const {
  v1::BackupExport description;
  description.set_format(kFormat);
  *description.mutable_export_time() = wire::ToProto(clock_.Now());
  description.set_caller(context.caller.name);
  description.set_croft_version(version_);
  CROFT_ASSIGN_OR_RETURN(*description.mutable_tenant(), presenter_.Show(tenant));
  *description.mutable_backup() = wire::ToProto(backup);
  return description;
}

absl::StatusOr<v1::BackupSource> BackupExporter::SourceOf(const domain::Backup& backup,
                                                          const std::string& store) const {
  v1::BackupSource source;
  CROFT_ASSIGN_OR_RETURN(*source.mutable_key(),
                         keys_.UnwrapBackupKey(backup.tenant_uid, backup.wrapped_key));
  source.set_backup(backup.id);
  source.set_store(store);
  source.set_uid(backup.tenant_uid);
  source.set_generation(backup.generation);
  source.set_sha256(backup.sha256);
  return source;
}

absl::StatusOr<std::unique_ptr<Feed<v1::ExportBackupResponse>>> BackupExporter::ExportBackup(
    const RequestContext& context, const v1::ExportBackupRequest& request, Wake wake) {
  CROFT_ASSIGN_OR_RETURN(engine::ExportBackup body, wire::Parse(request));
  const std::string name = BackupName(body.tenant, body.backup);
  CROFT_ASSIGN_OR_RETURN(const engine::Answer answer, event_queue_.Call(context.caller, std::move(body)));
  const auto* backup = std::get_if<domain::Backup>(&answer);
  if (backup == nullptr) return domain::BackupNotFound(name);
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Tenant> tenant, catalog_.GetTenant(backup->tenant));
  if (!tenant) return domain::TenantNotFound(backup->tenant);
  CROFT_ASSIGN_OR_RETURN(v1::BackupExport description, Describe(context, *tenant, *backup));
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Host> hosts, catalog_.ListHosts());
  const std::optional<Place> place = PlaceFor(hosts, *tenant, *backup);
  if (!place) return domain::StoreUnreachable(backup->store);
  CROFT_ASSIGN_OR_RETURN(const v1::BackupSource source, SourceOf(*backup, place->store));
  return std::make_unique<ExportFeed>(std::move(description),
                                      agents_.Export(place->host, source, std::move(wake)));
}

}  // namespace croft::handlers
