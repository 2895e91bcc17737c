#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Which installed pg_dump and psql fit a server.
namespace croft::agent {

// PostgreSQL's own programs of one installed version.
struct ClientPrograms {
  int major = 0;
  int minor = 0;
  std::string directory;  // holds pg_dump, pg_restore, psql

  std::string Path(absl::string_view program) const;
};

// Finds programs under `root`/N/bin, as Debian lays them out.
class ClientProgramFinder {
 public:
  explicit ClientProgramFinder(std::string root = "/usr/lib/postgresql");

  // Every version that has pg_dump and pg_restore, oldest first. Asks each program for its version.
  absl::StatusOr<std::vector<ClientPrograms>> Installed() const;
  // The same major version as the server's, else the next newer one: an older pg_dump refuses a newer
  // server. NOT_FOUND (CLIENT_PROGRAMS_MISSING) when there is none, FAILED_PRECONDITION
  // (CLIENT_PROGRAMS_VULNERABLE) when the one to use is below its floor.
  absl::StatusOr<ClientPrograms> For(int server_major) const;
  // What of the programs for a server of that version (such as "15.20"), and of the server itself, is known to be
  // unsafe or missing, as a sentence that says what helps; empty when nothing is.
  std::string Complaint(absl::string_view server_version) const;
  // The folder with initdb, pg_ctl and postgres: `major`, or the newest when 0. NOT_FOUND
  // (SERVER_PROGRAMS_MISSING).
  absl::StatusOr<std::string> ServerPrograms(int major) const;

 private:
  std::string root_;
};

}  // namespace croft::agent
