// Finds a running PostgreSQL server by its postmaster.pid, and checks that a port is free.

#include "agent/server/postmaster.h"

#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <sys/socket.h>

#include "agent/server/files.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

// Lines of postmaster.pid, from 0.
constexpr size_t kPidLine = 0;
constexpr size_t kPortLine = 3;
constexpr size_t kSocketLine = 4;
constexpr size_t kAddressLine = 5;

// A postmaster works in its data folder; another process that was given an old one's number does not.
bool WorksIn(int pid, const std::string& folder) {
  std::error_code error;
  const fs::path working = fs::read_symlink(absl::StrCat("/proc/", pid, "/cwd"), error);
  if (error) return false;
  const fs::path wanted = fs::canonical(folder, error);
  return !error && working == wanted;
}

absl::Status TryBind(const addrinfo& address, const std::string& name, int port) {
  const int probe = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return absl::OkStatus();  // a family this machine does not have; PostgreSQL passes it over
  const int on = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const int bound = bind(probe, address.ai_addr, address.ai_addrlen);
  const int error = errno;
  close(probe);
  if (bound == 0) return absl::OkStatus();
  const ErrorMetadata metadata = {{"address", name}, {"port", absl::StrCat(port)}};
  if (error == EADDRINUSE) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("port ", port, " on ", name, " is in use by another program; choose another port"),
        {.reason = "PORT_IN_USE", .metadata = metadata});
  }
  return MakeError(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("PostgreSQL cannot listen on ", name, ":", port, ": ", std::strerror(error)),
      {.reason = "ADDRESS_NOT_USABLE", .metadata = metadata});
}

}  // namespace

std::optional<Postmaster> FindPostmaster(const std::string& data_folder) {
  const auto text = ReadFile(data_folder + "/postmaster.pid");
  if (!text.ok()) return std::nullopt;
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  Postmaster found;
  if (lines.size() <= kAddressLine || !absl::SimpleAtoi(lines[kPidLine], &found.pid) ||
      !absl::SimpleAtoi(lines[kPortLine], &found.port)) {
    // A server writes its number first and the rest while it starts.
    if (lines.empty() || !absl::SimpleAtoi(lines[kPidLine], &found.pid)) return std::nullopt;
  } else {
    found.socket_folder = lines[kSocketLine];
    found.listen_address = std::string(absl::StripAsciiWhitespace(lines[kAddressLine]));
  }
  if (found.pid <= 0 || !WorksIn(found.pid, data_folder)) return std::nullopt;
  return found;
}

absl::Status CheckPortFree(const std::vector<std::string>& addresses, int port) {
  for (const std::string& name : addresses) {
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error =
        getaddrinfo(name == "*" ? nullptr : name.c_str(), absl::StrCat(port).c_str(), &hints, &found);
    if (error != 0) {
      return MakeError(absl::StatusCode::kInvalidArgument,
                       absl::StrCat("\"", name, "\" is no address to listen on: ", gai_strerror(error)),
                       {.reason = "ADDRESS_NOT_USABLE", .metadata = {{"address", name}}});
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
    // The first of each kind only: `*` gives one for IPv4 and one for IPv6 that would collide with each other.
    CROFT_RETURN_IF_ERROR(TryBind(*found, name, port));
  }
  return absl::OkStatus();
}

}  // namespace croft::agent
