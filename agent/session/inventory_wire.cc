// Converts an inventory into messages that fit a stream.

#include "agent/session/inventory_wire.h"

#include "agent/session/wire.h"

namespace croft::agent {
namespace {

// A stream takes 4 MiB.
constexpr size_t kBytesAPart = 512 << 10;

void Write(const InventoryDatabase& database, v1::Inventory& part) {
  v1::Inventory::Database& added = *part.add_databases();
  added.set_name(database.name);
  added.set_uid(database.uid);
  added.set_generation(database.generation);
  added.set_allows_connections(database.allows_connections);
  added.set_invalid(database.invalid);
  added.set_size_bytes(database.size_bytes);
  added.set_owner(database.owner);
  added.mutable_missing_grants()->Assign(database.missing_grants.begin(), database.missing_grants.end());
}

void Write(const InventoryRole& role, v1::Inventory& part) {
  v1::Inventory::RoleState& added = *part.add_roles();
  added.set_name(role.name);
  added.set_can_login(role.can_login);
  added.set_expired(role.expired);
  added.set_overprivileged(role.overprivileged);
  added.set_verifier_digest(role.verifier_digest);
  added.mutable_held_by()->Assign(role.held_by.begin(), role.held_by.end());
}

void Write(const InventoryManifest& manifest, v1::Inventory::Manifest& added) {
  added.set_generation(manifest.generation);
  added.set_database(manifest.database);
  added.set_owner_role(manifest.owner_role);
  added.set_reader_role(manifest.reader_role);
  const timespec time = absl::ToTimespec(manifest.create_time);
  added.mutable_create_time()->set_seconds(time.tv_sec);
  added.mutable_create_time()->set_nanos(static_cast<int32_t>(time.tv_nsec));
  added.set_server_version(manifest.server_version);
  added.set_locale(manifest.locale);
  added.set_sha256(manifest.sha256);
  added.set_wrapped_key(manifest.wrapped_key);
  added.set_table_count(manifest.table_count);
  added.set_row_count(manifest.row_count);
  added.mutable_extensions()->Assign(manifest.extensions.begin(), manifest.extensions.end());
}

void Write(const InventoryBackup& backup, v1::Inventory& part) {
  v1::Inventory::StoredBackup& added = *part.add_backups();
  added.set_store(backup.store);
  added.set_uid(backup.uid);
  added.set_backup(backup.backup);
  added.set_archive_found(backup.has_archive);
  added.set_manifest_found(backup.has_manifest);
  added.set_size_bytes(backup.size_bytes);
  if (backup.manifest) Write(*backup.manifest, *added.mutable_manifest());
}

void Write(const InventoryKey& key, v1::Inventory& part) {
  v1::Inventory::StoredKey& added = *part.add_keys();
  added.set_store(key.store);
  added.set_uid(key.uid);
  added.set_wrapped_data_key(key.wrapped_data_key);
}

void Write(const InventoryStore& store, v1::Inventory& part) {
  v1::Inventory::StoreLook& added = *part.add_stores();
  added.set_store(store.store);
  added.set_problem(store.problem);
}

void Write(const InventoryPosition& position, v1::Inventory& part) {
  v1::Inventory::Position& added = *part.add_positions();
  added.set_uid(position.uid);
  added.set_epoch(position.epoch);
  added.set_order(position.order);
}

void Write(const std::string& directory, v1::Inventory& part) { part.add_orphan_directories(directory); }

}  // namespace

std::vector<v1::Inventory> InventoryParts(const Fencing& fencing, const InventoryTaken& inventory) {
  std::vector<v1::Inventory> parts(1);
  size_t bytes = 0;
  const auto write = [&](const auto& list) {
    for (const auto& one : list) {
      if (bytes >= kBytesAPart) {
        parts.emplace_back();
        bytes = 0;
      }
      v1::Inventory alone;
      Write(one, alone);
      bytes += alone.ByteSizeLong();
      parts.back().MergeFrom(alone);
    }
  };
  write(inventory.databases);
  write(inventory.roles);
  write(inventory.backups);
  write(inventory.keys);
  write(inventory.stores);
  write(inventory.orphan_directories);
  write(inventory.positions);
  for (v1::Inventory& part : parts) *part.mutable_fencing() = ToProto(fencing);
  return parts;
}

}  // namespace croft::agent
