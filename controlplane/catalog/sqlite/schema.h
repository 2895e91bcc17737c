#pragma once

#include <filesystem>
#include <string>

#include <absl/strings/string_view.h>

#include "common/sqlite/schema.h"
#include "controlplane/catalog/sqlite/migrations.h"

// The catalog's schema and the files beside it.
namespace croft::catalog {

inline constexpr sqlite::Schema kSchema = {
    .name = "catalog", .application_id = 0x43726f43 /* CroC */, .migrations = kMigrations};

// Of the catalog file `path`.
inline std::string LockPath(absl::string_view path) {
  return std::filesystem::path(std::string(path)).replace_extension(".lock").string();
}

// What a restore makes, before it takes the catalog's place.
inline std::string IncomingPath(absl::string_view path) { return std::string(path) + ".restoring"; }

// The copy that the last upgrade kept: the catalog as the version before left it.
inline std::string BeforeUpgradePath(absl::string_view path) {
  return std::string(path) + ".before-upgrade";
}

}  // namespace croft::catalog
