// Finds installed client programs and chooses those for a server's version.

#include "agent/postgres/client_programs.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include "common/errors.h"
#include "common/postgres_versions.h"
#include "common/subprocess.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kVersionTimeout = absl::Seconds(10);

bool IsProgram(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Folders of `root` that are called by a number, oldest first.
std::vector<int> Majors(const std::string& root) {
  std::vector<int> majors;
  std::error_code error;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
    int major = 0;
    if (absl::SimpleAtoi(entry->path().filename().string(), &major)) majors.push_back(major);
  }
  std::sort(majors.begin(), majors.end());
  return majors;
}

std::string BinFolder(const std::string& root, int major) { return absl::StrCat(root, "/", major, "/bin"); }

// Of "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"; a development version such as "18beta1" has the
// minor version 0.
absl::StatusOr<ClientPrograms> AskVersion(const std::string& directory) {
  ClientPrograms programs{.directory = directory};
  CROFT_ASSIGN_OR_RETURN(
      const CommandResult result,
      Run({.arguments = {programs.Path("pg_dump"), "--version"}}, absl::Now() + kVersionTimeout));
  const std::vector<absl::string_view> words = absl::StrSplit(result.standard_out, ' ', absl::SkipEmpty());
  if (result.exit_code == 0 && words.size() >= 3) {
    const std::vector<absl::string_view> numbers =
        absl::StrSplit(absl::StripAsciiWhitespace(words[2]), absl::MaxSplits('.', 1));
    const absl::string_view major = numbers[0].substr(0, numbers[0].find_first_not_of("0123456789"));
    if (absl::SimpleAtoi(major, &programs.major) &&
        (numbers.size() == 1 || absl::SimpleAtoi(numbers[1], &programs.minor))) {
      return programs;
    }
  }
  return MakeError(absl::StatusCode::kInternal,
                   absl::StrCat(programs.Path("pg_dump"),
                                " does not tell its version: ", result.standard_out, result.standard_error),
                   {.reason = "CLIENT_PROGRAMS_BROKEN", .metadata = {{"directory", directory}}});
}

}  // namespace

std::string ClientPrograms::Path(absl::string_view program) const {
  return absl::StrCat(directory, "/", program);
}

ClientProgramFinder::ClientProgramFinder(std::string root) : root_(std::move(root)) {}

absl::StatusOr<std::vector<ClientPrograms>> ClientProgramFinder::Installed() const {
  std::vector<ClientPrograms> installed;
  for (const int major : Majors(root_)) {
    const std::string directory = BinFolder(root_, major);
    if (!IsProgram(directory + "/pg_dump") || !IsProgram(directory + "/pg_restore")) continue;
    CROFT_ASSIGN_OR_RETURN(installed.emplace_back(), AskVersion(directory));
  }
  return installed;
}

absl::StatusOr<ClientPrograms> ClientProgramFinder::For(int server_major) const {
  CROFT_ASSIGN_OR_RETURN(const std::vector<ClientPrograms> installed, Installed());
  const auto chosen = std::find_if(installed.begin(), installed.end(), [&](const ClientPrograms& programs) {
    return programs.major >= server_major;
  });
  const ErrorMetadata server = {{"server_major", absl::StrCat(server_major)}};
  if (chosen == installed.end()) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("no pg_dump and pg_restore of version ", server_major, " or newer under ",
                                  root_, "; install postgresql-client-", server_major),
                     {.reason = "CLIENT_PROGRAMS_MISSING", .metadata = server});
  }
  if (BelowFloor(chosen->major, chosen->minor)) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat(chosen->directory, " holds version ", chosen->major, ".", chosen->minor,
                     ", whose dumps can carry foreign code (CVE-2025-8714, CVE-2025-8715); update "
                     "postgresql-client-",
                     chosen->major),
        {.reason = "CLIENT_PROGRAMS_VULNERABLE", .metadata = server});
  }
  return *chosen;
}

std::string ClientProgramFinder::Complaint(absl::string_view server_version) const {
  if (BelowFloor(server_version)) {
    return absl::StrCat("PostgreSQL ", server_version,
                        " has holes that later minor versions fix; update the server");
  }
  int major = 0;
  if (!absl::SimpleAtoi(server_version.substr(0, server_version.find('.')), &major)) return "";
  return std::string(For(major).status().message());
}

absl::StatusOr<std::string> ClientProgramFinder::ServerPrograms(int major) const {
  std::vector<int> majors = Majors(root_);
  std::reverse(majors.begin(), majors.end());
  for (const int installed : majors) {
    const std::string directory = BinFolder(root_, installed);
    if ((major == 0 || installed == major) && IsProgram(directory + "/initdb") &&
        IsProgram(directory + "/postgres")) {
      return directory;
    }
  }
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("no PostgreSQL server ", major == 0 ? "" : absl::StrCat(major, " "),
                                "under ", root_, " (initdb is not there); install the package postgresql"),
                   {.reason = "SERVER_PROGRAMS_MISSING", .metadata = {{"directory", root_}}});
}

}  // namespace croft::agent
