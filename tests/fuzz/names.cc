#include "common/names.h"

#include <string>

#include "agent/postgres/connection.h"
#include "agent/postgres/database_tag.h"
#include "controlplane/lookup/connection_text.h"
#include "controlplane/lookup/host_view.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

std::string ValueOf(const agent::Conninfo& conninfo, const char* keyword) {
  const auto found = conninfo.find(keyword);
  return found == conninfo.end() ? "" : found->second;
}

// What libpq reads is what was meant, and nothing besides.
void ExpectReadBack(const std::string& text, const lookup::ConnectionParameters& meant) {
  const auto read = agent::ParseConninfo(text);
  Check(read.ok(), "libpq reads what a lookup writes");
  Check(ValueOf(*read, "dbname") == meant.database, "the database is the one meant");
  Check(ValueOf(*read, "user") == meant.user, "the user is the one meant");
  Check(ValueOf(*read, "password") == meant.password, "the password is the one meant");
  Check(ValueOf(*read, "host") == meant.host, "the host is the one meant");
  Check(ValueOf(*read, "options") == meant.options, "the options are the ones meant");
}

}  // namespace

void Names(absl::string_view bytes) {
  if (const auto id = ParseTenantName(bytes, "name"); id.ok()) {
    Check(TenantName(*id) == bytes && CheckId(*id, "name").ok(), "a tenant's name comes back");
  }
  if (const auto id = ParseHostName(bytes, "name"); id.ok()) {
    Check(HostName(*id) == bytes, "a host's name comes back");
  }
  if (const auto id = ParseOperationName(bytes, "name"); id.ok()) {
    Check(OperationName(*id) == bytes, "an operation's name comes back");
  }
  if (const auto id = ParseBackupName(bytes, "name"); id.ok()) {
    Check(BackupName(id->tenant, id->backup) == bytes, "a backup's name comes back");
  }
  if (const auto tag = agent::ParseDatabaseTag(bytes)) {
    Check(agent::FormatDatabaseTag(*tag) == bytes, "a database's tag comes back");
  }
  lookup::ParseAddress(bytes);
  // The agent's own connection string: read, or refused without being quoted.
  const auto conninfo = agent::ParseConninfo(bytes.substr(0, bytes.find('\0')));
  Check(conninfo.ok() || conninfo.status().code() == absl::StatusCode::kInvalidArgument,
        "a connection string is read or refused");
}

void Connections(absl::string_view bytes) {
  Pieces pieces(bytes);
  std::string parts[5];
  for (std::string& part : parts) {
    part = pieces.Text();
    part = part.substr(0, part.find('\0'));  // no C program can be told of one
  }
  for (std::string* name : {&parts[1], &parts[2]}) {
    if (name->empty()) *name = "t_x";  // never empty in a placement
  }
  const lookup::ConnectionParameters meant{.host = parts[0],
                                           .port = 1 + static_cast<uint16_t>(pieces.Number()) % 65535,
                                           .database = parts[1],
                                           .user = parts[2],
                                           .password = parts[3],
                                           .sslmode = "verify-full",
                                           .options = parts[4]};
  ExpectReadBack(lookup::Conninfo(meant), meant);
  // A URI's host cannot hold every character, so it is given as a host would be.
  lookup::ConnectionParameters reachable = meant;
  reachable.host = "db1.example.com";
  ExpectReadBack(lookup::ConnectionUri(reachable), reachable);
}

}  // namespace croft::fuzz
