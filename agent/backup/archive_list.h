#pragma once

#include <string>

#include <absl/strings/string_view.h>

#include "agent/backup/manifest.h"

namespace croft::agent {

// `pg_restore --list`, parted into lists for `pg_restore --use-list`. What only a superuser could restore, and
// what could be restored nowhere, is in neither.
struct RestoreLists {
  std::string contents;  // all but grants
  std::string grants;
  int grant_count = 0;
};

[[nodiscard]] RestoreLists PartList(absl::string_view list, const Manifest& manifest);

}  // namespace croft::agent
