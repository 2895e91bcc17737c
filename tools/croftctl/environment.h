#pragma once

#include <map>
#include <string>

#include <absl/status/statusor.h>

namespace croft::ctl {

// The variables of this process as they were at its start.
class Environment {
 public:
  explicit Environment(std::map<std::string, std::string> variables) : variables_(std::move(variables)) {}
  static Environment OfThisProcess();

  // Empty when it is not set.
  std::string Get(const std::string& name) const;

  // croftctl's own folder under `$XDG_CONFIG_HOME` (or ~/.config), which need not exist.
  absl::StatusOr<std::string> ConfigFolder() const { return Folder("XDG_CONFIG_HOME", ".config"); }
  // The same under `$XDG_CACHE_HOME` (or ~/.cache).
  absl::StatusOr<std::string> CacheFolder() const { return Folder("XDG_CACHE_HOME", ".cache"); }

 private:
  absl::StatusOr<std::string> Folder(const std::string& variable, const std::string& below_home) const;

  std::map<std::string, std::string> variables_;
};

}  // namespace croft::ctl
