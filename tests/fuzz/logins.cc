#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "agent/postgres/connection.h"
#include "common/files.h"
#include "common/utf8.h"
#include "controlplane/lookup/connection_text.h"
#include "croft/placement.h"
#include "tests/agent/support/postgres_fixture.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

using agent::Connection;
using agent::TestPostgres;

constexpr size_t kMostNameBytes = 63;

// Something PostgreSQL takes as a name or a value, as near to `text` as may be. Never one of its own names.
std::string Storable(std::string text, size_t most) {
  text = text.substr(0, text.find('\0')).substr(0, most - 2);
  while (!text.empty() && !IsUtf8(text)) text.pop_back();
  return absl::StrCat(text, ".x");
}

// One value among libpq's `options`, where spaces part words.
std::string Word(absl::string_view value) {
  std::string word;
  for (const char c : value) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c)) || c == '\\') word += '\\';
    word += c;
  }
  return word;
}

// A role and a database of a real server that go by any name, one after another.
class Guest {
 public:
  Guest() : admin_(TestPostgres::Shared().Admin()) {
    Must(admin_.Execute({"CREATE ROLE %I LOGIN", {user_}}));
    Must(admin_.Execute({"CREATE DATABASE %I", {database_}}));
  }

  void Become(const std::string& user, const std::string& database, const std::string& password) {
    admin_.SetTimeout(agent::TestTimeout());
    if (user != user_) Must(admin_.Execute({"ALTER ROLE %I RENAME TO %I", {user_, user}}));
    user_ = user;
    if (database != database_) {
      Must(admin_.Execute({"ALTER DATABASE %I RENAME TO %I", {database_, database}}));
    }
    database_ = database;
    Must(admin_.Execute({"ALTER ROLE %I PASSWORD %L", {user, password}}));
  }

  static void Must(const absl::Status& status) { Check(status.ok(), status.ToString()); }

 private:
  Connection admin_;
  std::string user_ = "guest";
  std::string database_ = "guest";
};

// Whoever logs in by `conninfo` is who was meant, where it was meant, under the settings that were meant.
void ExpectLogin(const agent::Conninfo& conninfo, const lookup::ConnectionParameters& meant,
                 const std::string& word) {
  auto connection = Connection::Open(conninfo, agent::Trust::kTenant, agent::TestTimeout());
  Guest::Must(connection.status());
  const auto row = connection->Row<std::string, std::string, std::string>(
      "SELECT current_user::text, current_database()::text, current_setting('croft.word')");
  Guest::Must(row.status());
  Check(std::get<0>(*row) == meant.user, "the user is the one meant");
  Check(std::get<1>(*row) == meant.database, "the database is the one meant");
  Check(std::get<2>(*row) == word, "the settings are the ones meant");
}

// A folder of this name, gone at the end.
class OddFolder {
 public:
  OddFolder(const std::string& parent, std::string name) {
    std::replace(name.begin(), name.end(), '/', '_');
    path_ = absl::StrCat(parent, "/", name);
    std::filesystem::create_directory(path_);
  }
  ~OddFolder() { std::filesystem::remove_all(path_); }
  OddFolder(const OddFolder&) = delete;
  OddFolder& operator=(const OddFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

void Logins(absl::string_view bytes) {
  static const agent::TestFolder folder;
  static Guest guest;
  Pieces pieces(bytes);
  const std::string user = Storable(pieces.Text(), kMostNameBytes);
  const std::string database = Storable(pieces.Text(), kMostNameBytes);
  const std::string password = Storable(pieces.Text(), 200);
  const std::string word = Storable(pieces.Text(), 200);
  const std::string options = absl::StrCat("-c croft.word=", Word(word));
  const OddFolder odd(folder.path(), Storable(pieces.Text(), 200));
  guest.Become(user, database, password);

  const agent::ServerAccess& access = TestPostgres::Shared().access();
  const std::string authority = TestPostgres::Shared().options().tls.authority;
  const lookup::ConnectionParameters meant{.host = access.tenants.at("host"),
                                           .port = TestPostgres::Shared().options().port,
                                           .database = database,
                                           .user = user,
                                           .password = password,
                                           .sslmode = "verify-full",
                                           .options = options};
  client::Placement placement;
  placement.conninfo = lookup::Conninfo(meant);
  placement.root_certificate = ReadSmallFile(authority, 1 << 20).value();
  const auto text = client::ConninfoWithRoot(placement, odd.path());
  Guest::Must(text.status());
  const auto by_keywords = agent::ParseConninfo(*text);
  Guest::Must(by_keywords.status());
  ExpectLogin(*by_keywords, meant, word);

  auto by_uri = agent::ParseConninfo(lookup::ConnectionUri(meant));
  Guest::Must(by_uri.status());
  (*by_uri)["sslrootcert"] = authority;
  ExpectLogin(*by_uri, meant, word);
}

}  // namespace croft::fuzz
