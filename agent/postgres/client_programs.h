#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

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
  // The folder with initdb, pg_ctl and postgres: `major`, or the newest when 0. NOT_FOUND
  // (SERVER_PROGRAMS_MISSING).
  absl::StatusOr<std::string> ServerPrograms(int major) const;

 private:
  std::string root_;
};

// Whether a dump program of this version runs code that a hostile server or archive put into the dump
// (CVE-2025-8714, -8715): fixed in 13.22, 14.19, 15.14, 16.10, 17.6 and in every later major version.
[[nodiscard]] bool BelowFloor(int major, int minor);

}  // namespace croft::agent
