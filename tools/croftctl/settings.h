#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "tools/croftctl/environment.h"

// Which control plane to call, and as whom.
namespace croft::ctl {

// kCsv is for verbs that say so (Verb::PrintsCsv).
enum class Format { kTable, kJson, kYaml, kName, kCsv };

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
  // Why there is no connection, for verbs that need one; `connection` is empty then.
  absl::Status connection_problem;
  // Where server and identity come from, for people: "context prod, by --context", "the variables CROFT_SERVER, …".
  std::string origin;
  Format format = Format::kTable;
  bool wide = false;                      // -o wide: a table with more columns
  std::optional<absl::Duration> timeout;  // of the whole command
  enum class Color { kAuto, kAlways, kNever } color = Color::kAuto;
};

[[nodiscard]] const std::vector<std::string>& ConnectionSettings();
[[nodiscard]] bool IsConnectionSetting(absl::string_view name);

[[nodiscard]] absl::StatusOr<std::string> ContextsPath(const Environment& environment);

// How to reach the control plane and as whom comes as a whole from the first of these that is there: the context of
// --context; the variables CROFT_SERVER, CROFT_CA, CROFT_CERT, CROFT_KEY and CROFT_TOKEN_FILE; the context of
// CROFT_CONTEXT; the current context; the default. What one of them leaves out is not taken from the next, so that
// nobody's identity is shown to another's server. Flags replace single settings on top of it, but --server leaves a
// context for another server out altogether (beside --context it is refused), and --token-file or --cert and --key
// replace the whole of who the caller is.
//
// The other settings come each from its flag, else its variable, else the default.
//
// `connection_problem` says what contradicts itself, such as CROFT_CONTEXT beside CROFT_SERVER. A usage error for
// other settings that are malformed.
[[nodiscard]] absl::StatusOr<Settings> ResolveSettings(const Flags& flags, const Environment& environment);

// A port that is missing is 7443. A usage error for a connection problem, a malformed address or a certificate without its key.
[[nodiscard]] absl::StatusOr<Connection> ToConnection(const Settings& settings);

}  // namespace croft::ctl
