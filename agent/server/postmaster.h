#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

// Finds a PostgreSQL server that runs already.
namespace croft::agent {

// What a running server's postmaster.pid tells.
struct Postmaster {
  int pid = 0;
  int port = 0;
  std::string socket_folder;
  std::string listen_address;  // the first one it listens on
};

// The server that runs on `data_folder`; nothing when none does, whatever an old postmaster.pid says.
[[nodiscard]] std::optional<Postmaster> FindPostmaster(const std::string& data_folder);

// OK when every address can be bound now; FAILED_PRECONDITION (PORT_IN_USE), or INVALID_ARGUMENT for an
// address this machine does not have.
[[nodiscard]] absl::Status CheckPortFree(const std::vector<std::string>& addresses, int port);

}  // namespace croft::agent
