// Inventory: everything of Croft's on the server and in its stores, from one look. It changes nothing, so it takes no
// tenant's lock and has no order.

#include "agent/tasks/inventory.h"

#include <algorithm>
#include <map>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "agent/backup/manifest.h"
#include "agent/tasks/task_step.h"
#include "common/errors.h"
#include "croft/v1/agent.pb.h"

namespace croft::agent {
namespace {

constexpr size_t kMaxKeyBytes = 64 << 10;
// Of stores, in memory before they are handed over.
constexpr size_t kRowsInAPart = 1000;

void TakeListing(ClusterListing listing, InventoryTaken& inventory) {
  for (ListedDatabase& database : listing.databases) {
    inventory.databases.push_back({.name = std::move(database.name),
                                   .uid = database.tag ? database.tag->uid : "",
                                   .generation = database.tag ? database.tag->generation : 0,
                                   .allows_connections = database.allows_connections,
                                   .invalid = database.invalid,
                                   .size_bytes = database.size_bytes,
                                   .owner = std::move(database.owner),
                                   .missing_grants = std::move(database.missing_grants)});
  }
  for (ListedRole& role : listing.roles) {
    inventory.roles.push_back({.name = std::move(role.name),
                               .can_login = role.can_login,
                               .expired = role.expired,
                               .overprivileged = role.overprivileged,
                               .verifier_digest = std::move(role.verifier_digest),
                               .held_by = std::move(role.held_by)});
  }
  inventory.orphan_directories = std::move(listing.orphan_directories);
}

// Which backups and keys a store holds, by the names of its objects. Other objects are not Croft's.
class StoreReader {
 public:
  StoreReader(Store& store, const InventoryWork& work, TaskContext& context)
      : store_(store), work_(work), context_(context) {}

  // Hands over the rows in parts; the last rows, fewer than a part, are added to `inventory`.
  absl::Status Read(InventoryTaken& inventory) {
    return store_.VisitTenants([&](const std::vector<StoredObject>& objects) {
      CROFT_RETURN_IF_ERROR(AddTenant(objects, inventory));
      if (inventory.backups.size() + inventory.keys.size() >= kRowsInAPart) {
        context_.HandOver(
            {.backups = std::exchange(inventory.backups, {}), .keys = std::exchange(inventory.keys, {})});
      }
      return absl::OkStatus();
    });
  }

 private:
  absl::Status AddTenant(const std::vector<StoredObject>& objects, InventoryTaken& inventory) {
    backups_.clear();
    for (const StoredObject& object : objects) Sort(object, inventory);
    for (auto& [name, backup] : backups_) {
      CROFT_RETURN_IF_ERROR(context_.KeepGoing());
      if (work_.manifests && backup.has_manifest) ReadManifest(backup);
      inventory.backups.push_back(std::move(backup));
    }
    return context_.KeepGoing();
  }

  void Sort(const StoredObject& object, InventoryTaken& inventory) {
    const std::vector<std::string> parts = absl::StrSplit(object.name, '/');
    if (object.name == KeyObject(parts[0])) {
      inventory.keys.push_back({.store = store_.id(),
                                .uid = parts[0],
                                .wrapped_data_key = work_.manifests ? ReadKey(parts[0]) : ""});
    } else if (parts.size() == 3) {
      const bool archive = object.name == ArchiveObject(parts[0], parts[1]);
      const bool manifest = object.name == ManifestObject(parts[0], parts[1]);
      if (!archive && !manifest) return;
      InventoryBackup& backup = backups_[absl::StrCat(parts[0], "/", parts[1])];
      backup.store = store_.id();
      backup.uid = parts[0];
      backup.backup = parts[1];
      backup.has_archive |= archive;
      backup.has_manifest |= manifest;
      if (archive) backup.size_bytes = object.size_bytes;
    }
  }

  // One that cannot be read is told as one that is there.
  void ReadManifest(InventoryBackup& backup) {
    const auto text = ReadObject(store_, ManifestObject(backup.uid, backup.backup), kMaxManifestBytes);
    if (!text.ok()) return;
    const absl::StatusOr<Manifest> manifest = ReadUnprovenManifest(*text);
    if (!manifest.ok() || manifest->identity.uid != backup.uid ||
        manifest->identity.backup != backup.backup) {
      return;
    }
    InventoryManifest& told = backup.manifest.emplace();
    told = {.generation = manifest->identity.generation,
            .database = manifest->database,
            .owner_role = manifest->owner_role,
            .reader_role = manifest->reader_role,
            .create_time = manifest->create_time,
            .server_version = manifest->facts.server_version,
            .locale = manifest->facts.locale.collate,
            .sha256 = manifest->archive.sha256,
            .wrapped_key = manifest->wrapped_key,
            .table_count = manifest->table_count,
            .row_count = manifest->row_count};
    for (const ExtensionFact& extension : manifest->facts.extensions)
      told.extensions.push_back(extension.name);
  }

  std::string ReadKey(const std::string& uid) {
    return ReadObject(store_, KeyObject(uid), kMaxKeyBytes).value_or("");
  }

  Store& store_;
  const InventoryWork& work_;
  TaskContext& context_;
  std::map<std::string, InventoryBackup> backups_;  // of one tenant, by name
};

InventoryStore LookInto(const std::vector<std::unique_ptr<Store>>& stores, const std::string& id,
                        const InventoryWork& work, TaskContext& context, InventoryTaken& inventory) {
  const auto found =
      std::find_if(stores.begin(), stores.end(), [&](const auto& store) { return store->id() == id; });
  if (found == stores.end()) return {id, "this agent does not know the store"};
  const absl::Status read = StoreReader(**found, work, context).Read(inventory);
  return {id, std::string(read.message())};
}

}  // namespace

InventoryWork InventoryWork::FromProto(const v1::Task& task) {
  const v1::InventoryWork& work = task.inventory();
  return {.stores = {work.stores().begin(), work.stores().end()}, .manifests = work.manifests()};
}

void RegisterInventoryTask(TaskRunner& runner, Cluster& cluster,
                           const std::vector<std::unique_ptr<Store>>& stores) {
  runner.Register<InventoryWork>([&cluster, &stores](const Task& task, const InventoryWork& work,
                                                     TaskContext& context) -> absl::StatusOr<Outcome> {
    InventoryTaken inventory;
    CROFT_ASSIGN_OR_RETURN(ClusterListing listing, cluster.List(TimeoutOf(task, context)));
    TakeListing(std::move(listing), inventory);
    for (const std::string& store : work.stores) {
      inventory.stores.push_back(LookInto(stores, store, work, context, inventory));
    }
    CROFT_RETURN_IF_ERROR(context.KeepGoing());
    return inventory;
  });
}

}  // namespace croft::agent
