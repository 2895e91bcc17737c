// Writes the configuration files of a managed server.

#include "agent/server/settings.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include "common/crypto/hash.h"

namespace croft::agent {
namespace {

// What sockaddr_un holds beside its closing NUL.
constexpr size_t kSocketPathBytes = 107;
constexpr absl::string_view kLongestSocketName = "/.s.PGSQL.65535";
constexpr size_t kHashLetters = 16;

std::string Quote(absl::string_view value) {
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}, {"\\", "\\\\"}}), "'");
}

// The same on every managed server.
constexpr absl::string_view kConstantSettings = R"(
password_encryption = 'scram-sha-256'
ssl = on
ssl_min_protocol_version = 'TLSv1.2'
unix_socket_permissions = 0700

# A prepared transaction outlives its session and would hold a fence up.
max_prepared_transactions = 0
max_connections = 300
superuser_reserved_connections = 10

# Work is per database: with hundreds of them the default of a minute keeps a core busy looking.
autovacuum_naptime = '3min'
autovacuum_max_workers = 3
wal_compression = on
max_wal_size = '2GB'

# After a crash every file is flushed before anything is replayed; hundreds of databases have tens of thousands.
recovery_init_sync_method = 'syncfs'

# What tenants send stays out of the log: it may hold their secrets.
log_statement = 'none'
log_min_error_statement = 'panic'
log_min_duration_statement = -1
log_parameter_max_length_on_error = 0
logging_collector = on
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = '1d'
log_rotation_size = 0
log_line_prefix = '%m [%p] %q%u@%d '
log_timezone = 'UTC'
timezone = 'UTC'
lc_messages = 'C'
cluster_name = 'croft'
)";

}  // namespace

std::string PostgresqlConf(const ServerSettings& settings) {
  return absl::StrCat(
      "# Written by croft-agent at each start. Your own settings go to local.conf beside this file.\n",
      "listen_addresses = ", Quote(absl::StrJoin(settings.listen_addresses, ",")), "\n",
      "port = ", settings.port, "\n", "unix_socket_directories = ", Quote(settings.socket_folder), "\n",
      "hba_file = ", Quote(settings.configuration_folder + "/pg_hba.conf"), "\n",
      "ident_file = ", Quote(settings.configuration_folder + "/pg_ident.conf"), "\n",
      "log_directory = ", Quote(settings.log_folder), "\n", "ssl_cert_file = ", Quote(settings.tls_file),
      "\n", "ssl_key_file = ", Quote(settings.tls_file), "\n", kConstantSettings,
      "max_locks_per_transaction = ", LocksPerTransaction(settings.largest_database),
      "\n\ninclude_if_exists = ", Quote(settings.configuration_folder + "/local.conf"), "\n");
}

std::string HbaConf() {
  return absl::StrCat("# Written by croft-agent at each start.\n", "local    all          ", kSuperuser,
                      "  peer map=croft\n", "local    all          all    scram-sha-256\n",
                      "local    replication  all    scram-sha-256\n", "hostssl  all          ", kSuperuser,
                      "  all  reject\n", "hostssl  all          all    all  scram-sha-256\n",
                      "hostssl  replication  all    all  scram-sha-256\n");
}

std::string IdentConf(absl::string_view agent_user) {
  return absl::StrCat("# Written by croft-agent at each start.\ncroft  \"", agent_user, "\"  ", kSuperuser,
                      "\n");
}

std::vector<std::string> UsualExtensions() {
  return {"btree_gin",       "btree_gist",      "citext",   "cube",     "dict_int",  "earthdistance",
          "fuzzystrmatch",   "hstore",          "intarray", "isn",      "lo",        "ltree",
          "pg_trgm",         "pgcrypto",        "plpgsql",  "seg",      "tablefunc", "tcn",
          "tsm_system_rows", "tsm_system_time", "unaccent", "uuid-ossp"};
}

std::vector<std::string> RestorableExtensions() {
  return {"address_standardizer",
          "amcheck",
          "bloom",
          "h3",
          "hll",
          "hypopg",
          "ip4r",
          "pg_buffercache",
          "pg_freespacemap",
          "pg_prewarm",
          "pg_stat_statements",
          "pgrowlocks",
          "pgstattuple",
          "pg_visibility",
          "postgis",
          "postgis_raster",
          "postgis_sfcgal",
          "postgis_topology",
          "postgis_tiger_geocoder",
          "pgrouting",
          "prefix",
          "rum",
          "semver",
          "unit",
          "vector"};
}

int64_t LocksPerTransaction(int64_t largest_database) {
  // Sessions and workers, each of which has as many places: max_connections, 8 background workers, 10 walsenders, and
  // autovacuum's.
  constexpr int64_t kSessions = 300 + 8 + 10 + 4;
  // 41,000 places: a tenant of 25,000 tables has room beside others before its first backup.
  constexpr int64_t kLeast = 128;
  return std::max(kLeast, (largest_database + largest_database / 2) / kSessions + 1);
}

std::string SocketFolder(absl::string_view directory, absl::string_view short_base) {
  const std::string near = absl::StrCat(directory, "/socket");
  if (near.size() + kLongestSocketName.size() <= kSocketPathBytes) return near;
  return absl::StrCat(short_base, "/croft-",
                      crypto::Hex(crypto::Sha256(directory)).substr(0, kHashLetters));
}

}  // namespace croft::agent
