#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/dump_format/finding.h"
#include "agent/postgres/connection.h"

// What no dump shows of a database, asked of its catalogs, never of its rows.
namespace croft::agent {

struct ExtensionFact {
  std::string name;
  std::string version;
  std::string schema;
  // Kind and identity of each member, such as `table public.queue`; sorted. A dump leaves members out.
  std::vector<std::string> members;

  friend bool operator==(const ExtensionFact&, const ExtensionFact&) = default;
};

// One of what ALTER DATABASE … SET and ALTER ROLE … SET made, Croft's own left out.
struct SettingFact {
  std::string role;  // empty: every role
  bool read_only_login = false;
  bool in_database = true;  // else in every database
  std::string name;
  std::string value;

  friend bool operator==(const SettingFact&, const SettingFact&) = default;
};

struct LocaleFacts {
  std::string encoding;
  std::string provider;  // `c` libc, `i` ICU, `b` built in
  std::string collate;
  std::string ctype;
  std::string icu_locale;
  std::string collation_version;

  friend bool operator==(const LocaleFacts&, const LocaleFacts&) = default;
};

struct CatalogFacts {
  std::string server_version;  // "15.20"
  int64_t server_major = 0;
  LocaleFacts locale;
  int64_t database_bytes = 0;
  int64_t table_count = 0;  // those that pg_dump locks
  std::vector<ExtensionFact> extensions;
  std::vector<SettingFact> settings;

  friend bool operator==(const CatalogFacts&, const CatalogFacts&) = default;
};

struct TenantRoles {
  std::string owner;
  std::string reader;
};

[[nodiscard]] absl::StatusOr<CatalogFacts> ReadCatalogFacts(Connection& connection,
                                                            const TenantRoles& roles);

// What a dump cannot hold, since its owner is no role of the tenant's or the session may not read it: relations, as patterns
// for pg_dump's --exclude-table, and large objects, and what to say of each.
struct NotDumped {
  std::vector<std::string> patterns;
  // One that the tenant may not read keeps pg_dump from all of them.
  bool large_objects = false;
  std::vector<Finding> findings;
};
[[nodiscard]] absl::StatusOr<NotDumped> FindNotDumped(Connection& connection, const TenantRoles& roles);

// What is in the database and will not be as it is after a restore, or that an operator should know of: invalid
// indexes, generated columns and materialized views, which are computed anew, rows of extensions' tables, functions
// that rely on a search path, columns of type regrole.
[[nodiscard]] absl::StatusOr<std::vector<Finding>> FindNotes(Connection& connection);

// FAILED_PRECONDITION (TOO_MANY_TABLES) when pg_dump, which locks every table in one transaction, would leave other
// databases of the server no locks. Names the setting and the value it needs.
[[nodiscard]] absl::Status CheckLocks(Connection& connection, int64_t table_count);

}  // namespace croft::agent
