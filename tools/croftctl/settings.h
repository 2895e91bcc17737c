#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "tools/croftctl/environment.h"

namespace croft::ctl {

enum class Format { kTable, kJson, kYaml, kName };

// The global flags as given; an empty text was not given.
struct Flags {
  std::map<std::string, std::string> connection;  // by setting: server, ca, cert, key, token_file
  std::string context;
  std::string output;
  std::string timeout;
  std::string color;
  std::string request_id;
  bool wait = true;
  bool watch = false;
  bool dry_run = false;
  bool yes = false;
  bool quiet = false;
  bool verbose = false;
};

// How to reach the control plane and as whom. Paths, not contents.
struct Connection {
  std::vector<std::string> servers;  // host:port each, at least one
  std::string ca;                    // PEM of authorities; empty: the system's
  std::string cert;                  // with `key`, or both empty
  std::string key;
  std::string token_file;
};

// Where a value came from, for people: "--server", "CROFT_SERVER", "context prod", "default".
struct Setting {
  std::string value;
  std::string source;
};

struct Settings {
  std::map<std::string, Setting> connection;  // every connection setting, also empty ones
  Format format = Format::kTable;
  std::optional<absl::Duration> timeout;  // of the whole command
  enum class Color { kAuto, kAlways, kNever } color = Color::kAuto;
};

[[nodiscard]] const std::vector<std::string>& ConnectionSettings();
[[nodiscard]] bool IsConnectionSetting(absl::string_view name);

[[nodiscard]] absl::StatusOr<std::string> ContextsPath(const Environment& environment);

// Each value from its flag, else its variable CROFT_…, else the context, else the default.
[[nodiscard]] absl::StatusOr<Settings> ResolveSettings(const Flags& flags, const Environment& environment);

// A port that is missing is 7443. A usage error for a malformed address or a certificate without its key.
[[nodiscard]] absl::StatusOr<Connection> ToConnection(const Settings& settings);

}  // namespace croft::ctl
