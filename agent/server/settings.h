#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

// The settings of a managed server, as the texts of its configuration files.
namespace croft::agent {

// Name of a managed server's superuser.
inline constexpr absl::string_view kSuperuser = "croft";

struct ServerSettings {
  std::vector<std::string> listen_addresses;
  int port = 0;
  std::string socket_folder;
  std::string configuration_folder;  // holds pg_hba.conf, pg_ident.conf, local.conf
  std::string log_folder;
  int64_t largest_database = 0;  // tables of the largest tenant; 0 while none is known
  std::string tls_file;          // certificate chain and key in one file, so that they are replaced as one
};

[[nodiscard]] std::string PostgresqlConf(const ServerSettings& settings);
// Who may come in which way: the superuser by the socket as `agent_user`, nobody without a password and, over
// TCP, without TLS.
[[nodiscard]] std::string HbaConf();
[[nodiscard]] std::string IdentConf(absl::string_view agent_user);

// The extensions that tenants may install where nothing else is said: those of PostgreSQL's own that it trusts
// them with, but for languages. A loop in one of those cannot be ended by a fence.
[[nodiscard]] std::vector<std::string> UsualExtensions();

// The extensions that a restore may bring back although PostgreSQL does not trust tenants with them, where nothing else is
// said: none that holds a language, or reaches files or the network.
[[nodiscard]] std::vector<std::string> RestorableExtensions();

// max_locks_per_transaction of a server whose largest tenant has so many tables: pg_dump locks all of them at once, and
// half as many places again stay for others.
[[nodiscard]] int64_t LocksPerTransaction(int64_t largest_database);

// The folder of the server's Unix socket: `directory`/socket, or a short one made of a hash of `directory`
// under `short_base` when the socket's path would be over 107 bytes.
[[nodiscard]] std::string SocketFolder(absl::string_view directory, absl::string_view short_base);

}  // namespace croft::agent
