#include "agent/backup/dump.h"

#include <atomic>
#include <future>
#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>

#include "agent/postgres/connection.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr size_t kReadBytes = 256 << 10;

// Grants, default privileges and policies that name somebody else's role. Roles that every server has are not
// found here, since nothing records them.
constexpr char kForeignRoles[] =
    "SELECT DISTINCT r.rolname::text FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid "
    "JOIN pg_roles r ON r.oid = s.refobjid WHERE s.refclassid = 'pg_authid'::regclass "
    "AND s.deptype IN ('a', 'o', 'r') AND d.datname = current_database() "
    "AND r.rolname <> ALL (ARRAY[$1, $2]::name[]) AND s.classid <> 'pg_extension'::regclass "
    "AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = s.classid AND e.objid = "
    "s.objid) "
    "ORDER BY 1";

constexpr char kForeignPolicies[] =
    "SELECT n.nspname::text, c.relname::text, p.polname::text FROM pg_policy p "
    "JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE EXISTS (SELECT FROM pg_roles r WHERE r.oid = ANY (p.polroles) "
    "AND r.rolname <> ALL (ARRAY[$1, $2]::name[]) AND r.oid >= 16384) ORDER BY 1, 2, 3";

absl::StatusOr<std::vector<std::string>> Names(Connection& connection, const Statement& statement) {
  std::vector<std::string> names;
  auto rows = connection.Rows<std::string>(statement);
  CROFT_RETURN_IF_ERROR(rows.status());
  for (auto& [name] : *rows) names.push_back(std::move(name));
  return names;
}

absl::StatusOr<DumpFacts> SeeFacts(Connection& connection, const DumpSource& source) {
  DumpFacts facts;
  const auto server = connection.Row<std::string, int32_t, std::string>(
      "SELECT split_part(current_setting('server_version'), ' ', 1), "
      "current_setting('server_version_num')::int / 10000, "
      "(SELECT datcollate::text FROM pg_database WHERE datname = current_database())");
  CROFT_RETURN_IF_ERROR(server.status());
  int32_t major = 0;
  std::tie(facts.server_version, major, facts.locale) = *server;
  facts.server_major = major;
  CROFT_ASSIGN_OR_RETURN(
      facts.extensions,
      Names(connection, "SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"));
  CROFT_ASSIGN_OR_RETURN(
      facts.all_tables_publications,
      Names(connection, "SELECT pubname::text FROM pg_publication WHERE puballtables ORDER BY 1"));
  CROFT_ASSIGN_OR_RETURN(facts.foreign_roles,
                         Names(connection, Bind(kForeignRoles, {source.owner_role, source.reader_role})));
  auto policies = connection.Rows<std::string, std::string, std::string>(
      Bind(kForeignPolicies, {source.owner_role, source.reader_role}));
  CROFT_RETURN_IF_ERROR(policies.status());
  for (auto& [schema, table, policy] : *policies) {
    facts.foreign_policies.push_back({std::move(schema), std::move(table), std::move(policy)});
  }
  CROFT_ASSIGN_OR_RETURN(facts.content, Survey(connection));
  return facts;
}

// Moves all that the program writes into `sink`.
absl::Status Pump(PipedProcess& process, const std::function<absl::Status(absl::string_view)>& sink,
                  const Patience& patience) {
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    CROFT_ASSIGN_OR_RETURN(const size_t got,
                           ReadPatiently(process, buffer.data(), buffer.size(), patience));
    if (got == 0) break;
    CROFT_RETURN_IF_ERROR(StillPatient(patience));
    CROFT_RETURN_IF_ERROR(sink(absl::string_view(buffer.data(), got)));
  }
  CROFT_ASSIGN_OR_RETURN(const CommandResult result, FinishPatiently(process, patience));
  return CheckEnd("pg_dump", result, "DUMP_FAILED");
}

}  // namespace

absl::StatusOr<DumpFacts> Dump(const DumpSource& source, const ClientPrograms& programs,
                               const ProgramPlace& place, Random& random,
                               const std::function<absl::Status(absl::string_view)>& sink,
                               const Patience& patience) {
  CROFT_ASSIGN_OR_RETURN(Connection connection,
                         Connection::Open(source.conninfo, Trust::kPrivileged, patience));
  std::atomic<bool> abandoned{false};
  std::atomic<bool> gave_up{false};
  connection.SetPatience({patience.deadline, [&]() -> absl::Status {
                            if (abandoned) {
                              gave_up = true;
                              return absl::CancelledError("the dump has failed");
                            }
                            return patience.keep_going ? patience.keep_going() : absl::OkStatus();
                          }});
  CROFT_RETURN_IF_ERROR(connection.Execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
  CROFT_ASSIGN_OR_RETURN(const std::string snapshot,
                         connection.Value<std::string>("SELECT pg_export_snapshot()"));
  CROFT_ASSIGN_OR_RETURN(
      const ProgramCall call,
      PrepareProgram(programs.Path("pg_dump"),
                     {"--format=custom", "--compress=0", absl::StrCat("--snapshot=", snapshot),
                      "--lock-wait-timeout=10s", "--quote-all-identifiers"},
                     source.conninfo, place, random));
  CROFT_ASSIGN_OR_RETURN(PipedProcess process,
                         PipedProcess::Start(call.command, PipedProcess::Direction::kReadOutput));
  std::future<absl::StatusOr<DumpFacts>> facts =
      std::async(std::launch::async, [&] { return SeeFacts(connection, source); });
  const absl::Status dumped = Pump(process, sink, patience);
  if (!dumped.ok()) {
    abandoned = true;
    process.Kill();
  }
  absl::StatusOr<DumpFacts> seen = facts.get();
  // pg_dump fails too when the session that holds the snapshot ends: then that end is the cause to tell.
  if (!seen.ok() && !gave_up) return seen.status();
  CROFT_RETURN_IF_ERROR(dumped);
  return seen;
}

}  // namespace croft::agent
