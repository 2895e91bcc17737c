#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/backup/program.h"
#include "agent/dump_format/reader.h"
#include "agent/postgres/access.h"
#include "agent/postgres/client_programs.h"
#include "agent/postgres/timeout.h"
#include "common/random.h"

// Runs pg_dump on a tenant's database.
namespace croft::agent {

struct DumpSource {
  // With dbname, user and password of a role that has the tenant's rights, inherits them, sees every row, and is set
  // up to write values in one form (see PinnedSettings).
  Conninfo conninfo;
  // What the dump leaves out, as patterns for pg_dump.
  std::vector<std::string> excluded_tables;
  bool without_large_objects = false;
  // Tables whose rows it leaves out, as patterns for pg_dump.
  std::vector<std::string> tables_without_rows;
  // Longest age of its snapshot, which holds back vacuum on the whole server.
  absl::Duration max_duration = absl::Hours(6);
};

// Dumps the whole database of one moment with pg_dump in its custom format, uncompressed. `sink` gets the bytes and
// `visitor` what is in them, in this thread. An error of either ends the dump and is the answer. Else DUMP_FAILED with
// what pg_dump said and the entry that it was at, MAX_DURATION_REACHED, or what `timeout` says.
[[nodiscard]] absl::Status Dump(const DumpSource& source, const ClientPrograms& programs,
                                const ProgramPlace& place, Random& random,
                                const std::function<absl::Status(absl::string_view)>& sink,
                                DumpVisitor& visitor, const Timeout& timeout);

// What a role that dumps is set to, so that neither the database's nor the tenant's settings change how values are
// written. `server_version` such as 150020.
[[nodiscard]] std::map<std::string, std::string> PinnedSettings(int server_version);

}  // namespace croft::agent
