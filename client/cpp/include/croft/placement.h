#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <absl/status/statusor.h>

// Where a tenant's database is, and how to connect to it.
namespace croft::client {

// Where a tenant lives and how to get in. Immutable once made.
struct Placement {
  std::string tenant;  // id
  std::string uid;     // never changes for a tenant, never used again
  // Rises with every change of the placement. A pool opened for a lower one is to be replaced.
  int64_t generation = 0;

  std::string host;
  int port = 0;
  std::string database;
  std::string user;
  std::string password;  // empty when the caller may not read it
  std::string sslmode;
  std::string root_certificate;  // PEM; libpq wants it in a file named by `sslrootcert`
  std::string conninfo;          // for libpq, without sslrootcert
  std::string uri;

  std::string settings;  // a JSON object, or empty
  std::string features;  // a JSON object, or empty

  // The tenant is at its storage quota: PostgreSQL refuses new rows with insufficient_privilege (42501) until it has
  // shrunk; reads, updates and deletes go on.
  bool closed_for_growth = false;

  // The catalog's history this was true at.
  int64_t epoch = 0;
  int64_t revision = 0;

  friend bool operator==(const Placement&, const Placement&) = default;
};

// An answer: never null where a status is OK.
struct Located {
  std::shared_ptr<const Placement> placement;
  // The control plane could not confirm it within its time to live; it was true once and probably still is.
  bool stale = false;

  const Placement* operator->() const { return placement.get(); }
  const Placement& operator*() const { return *placement; }
};

// `placement.conninfo` with `sslrootcert`: libpq wants the authority as a file, which is written into `folder`, once
// for each content. `folder` must be there and nobody else's to write. The same text when there is no authority.
absl::StatusOr<std::string> ConninfoWithRoot(const Placement& placement, const std::string& folder);

}  // namespace croft::client
