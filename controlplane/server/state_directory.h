#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Where `croftd` keeps what it must not lose. One folder of mode 0700:
//   keyring        the keys that seal everything else
//   tls/           authority, server and administrator (access::TlsFiles)
//   server-names   names and addresses that the server's certificate is made out to, one a line
//   catalog.db, catalog.lock, keys.db
//   usage.db       what tenants use; the one file here that may be lost
//   catalog-copies/  hourly copies of the catalog
//   croftd.sock    the local administrator's way in
namespace croft::server {

struct StateDirectory {
  explicit StateDirectory(absl::string_view folder);

  std::string folder;
  std::string tls;
  std::string server_names;
  std::string catalog;
  std::string catalog_copies;
  std::string key_store;
  std::string usage;
  std::string socket;
};

// What `croftd init` does: makes folder, keyring, authority and certificates. Nothing that is there is
// overwritten; what an init that was cut off left is completed. ALREADY_EXISTS, STATE_EXISTS, when it is
// complete. No `server_names` means this machine: localhost, 127.0.0.1, ::1 and its host name.
[[nodiscard]] absl::Status InitStateDirectory(const StateDirectory& state,
                                              std::vector<std::string> server_names);

// FAILED_PRECONDITION, STATE_MISSING, for a folder that init has not made, and STATE_NOT_PRIVATE for one that
// others may enter.
[[nodiscard]] absl::Status CheckStateDirectory(const StateDirectory& state);

[[nodiscard]] absl::StatusOr<std::vector<std::string>> ReadServerNames(const StateDirectory& state);

}  // namespace croft::server
