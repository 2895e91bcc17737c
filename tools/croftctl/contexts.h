#pragma once

#include <map>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace croft::ctl {

// How to reach a control plane and as whom. Keys are `server`, `ca`, `cert`, `key`, `token_file`; values are
// addresses and paths, never secrets.
using Context = std::map<std::string, std::string>;

// The file of contexts: `current = "NAME"` and a table `[contexts.NAME]` each.
struct Contexts {
  std::string current;  // empty: none
  std::map<std::string, Context> by_name;
};

// No contexts when there is no such file. Refused when others may read or write it, for whoever can write it
// decides whom croftctl trusts.
[[nodiscard]] absl::StatusOr<Contexts> ReadContexts(const std::string& path);

[[nodiscard]] absl::Status WriteContexts(const std::string& path, const Contexts& contexts);

}  // namespace croft::ctl
