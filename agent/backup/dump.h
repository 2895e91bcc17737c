#pragma once

#include <functional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "agent/backup/content.h"
#include "agent/backup/manifest.h"
#include "agent/backup/program.h"
#include "agent/postgres/access.h"
#include "agent/postgres/client_programs.h"
#include "agent/postgres/patience.h"
#include "common/random.h"

namespace croft::agent {

struct DumpSource {
  // With dbname, user and password of a role that has the tenant's rights, inherits them and sees every row.
  Conninfo conninfo;
  // The tenant's own; every other role that its grants and policies name is foreign.
  std::string owner_role;
  std::string reader_role;
};

// What was seen beside the dump, in the same snapshot.
struct DumpFacts {
  Content content;
  std::string server_version;  // "15.20"
  int server_major = 0;
  std::string locale;
  std::vector<std::string> extensions;
  std::vector<std::string> all_tables_publications;
  std::vector<std::string> foreign_roles;
  std::vector<PolicyName> foreign_policies;
};

// Dumps the whole database of one moment with pg_dump in its custom format, uncompressed, into `sink`, and
// surveys the same moment meanwhile. An error of `sink` ends the dump and is the answer.
[[nodiscard]] absl::StatusOr<DumpFacts> Dump(const DumpSource& source, const ClientPrograms& programs,
                                             const ProgramPlace& place, Random& random,
                                             const std::function<absl::Status(absl::string_view)>& sink,
                                             const Patience& patience);

}  // namespace croft::agent
