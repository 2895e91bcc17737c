#pragma once

#include <string>
#include <vector>

#include <absl/strings/string_view.h>

#include "tests/agent/support/postgres_fixture.h"

// Real databases on the shared server, and PostgreSQL's own programs on them. A failure ends the test binary.
namespace croft::agent {

// A database that is dropped with the object, by the superuser.
class RealDatabase {
 public:
  // Runs `script` in it, as psql does.
  explicit RealDatabase(absl::string_view script = "");
  ~RealDatabase();
  RealDatabase(const RealDatabase&) = delete;
  RealDatabase& operator=(const RealDatabase&) = delete;

  const std::string& name() const { return name_; }
  void Run(absl::string_view script) const;
  // What one query answers, unaligned, without a header.
  std::string Ask(absl::string_view query) const;
  // A dump in the custom format, as Croft takes it.
  std::string Dump() const;
  // Restores `dump` into it with pg_restore; what that said on standard error.
  std::string Restore(absl::string_view dump, const std::vector<std::string>& options = {}) const;

 private:
  std::string name_;
};

// Standard output of `pg_restore` with `options` on `dump`.
[[nodiscard]] std::string PgRestore(absl::string_view dump, const std::vector<std::string>& options);

// A database of many kinds of objects, with odd names and values.
extern const char kManyKinds[];

}  // namespace croft::agent
