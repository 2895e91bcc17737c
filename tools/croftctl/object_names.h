#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

namespace croft::ctl {

// Whose a database or role is, read off its name. Names are stored, never derived; this is for people who met one
// in pg_stat_activity.
struct ObjectName {
  std::string uid;
  std::string what;  // such as "database, generation 2, sealed"; empty for a bare uid
};

// Takes `t_<slug>_<uid>` with or without what follows it, or a uid. A usage error for anything else.
[[nodiscard]] absl::StatusOr<ObjectName> ParseObjectName(absl::string_view name);

}  // namespace croft::ctl
