#include "tests/agent/dump_format/oracle/real_dump.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "agent/postgres/client_programs.h"
#include "common/subprocess.h"

namespace croft::agent {
namespace {

const TestFolder& Folder() {
  static const TestFolder folder;
  return folder;
}

// A file's path that no other call gets.
std::string NewPath() {
  static std::atomic<int> count{0};
  return absl::StrCat(Folder().path(), "/file", ++count);
}

std::string WriteFile(absl::string_view bytes) {
  const std::string path = NewPath();
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

std::string TakeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::filesystem::remove(path);
  return bytes;
}

CommandResult RunProgram(const std::string& program, const std::vector<std::string>& arguments) {
  static const ClientPrograms programs = *ClientProgramFinder().For(15);
  const Conninfo& agent = TestPostgres::Shared().access().agent;
  Command command{.arguments = {programs.Path(program)},
                  .environment = {{"PGHOST", agent.at("host")},
                                  {"PGPORT", agent.at("port")},
                                  {"PGUSER", agent.at("user")},
                                  {"LC_ALL", "C.UTF-8"},
                                  {"PGCLIENTENCODING", "UTF8"}}};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  absl::StatusOr<CommandResult> result = Run(command, absl::Now() + absl::Minutes(2));
  if (!result.ok()) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), result.status().ToString().c_str());
    std::abort();
  }
  return *std::move(result);
}

CommandResult MustRun(const std::string& program, const std::vector<std::string>& arguments) {
  CommandResult result = RunProgram(program, arguments);
  if (result.exit_code != 0) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), result.standard_error.c_str());
    std::abort();
  }
  return result;
}

}  // namespace

RealDatabase::RealDatabase(absl::string_view script) {
  static std::atomic<int> count{0};
  name_ = absl::StrCat("d", ++count);
  MustRun("psql",
          {"-Xqd", "postgres", "-c", absl::StrCat("CREATE DATABASE ", name_, " TEMPLATE template0")});
  if (!script.empty()) Run(script);
}

RealDatabase::~RealDatabase() {
  MustRun("psql", {"-Xqd", "postgres", "-c", absl::StrCat("DROP DATABASE ", name_, " WITH (FORCE)")});
}

void RealDatabase::Run(absl::string_view script) const {
  const std::string path = WriteFile(script);
  MustRun("psql", {"-Xq", "-v", "ON_ERROR_STOP=1", "-d", name_, "-o", "/dev/null", "-f", path});
  std::filesystem::remove(path);
}

std::string RealDatabase::Ask(absl::string_view query) const {
  return MustRun("psql", {"-XqAtd", name_, "-c", std::string(query)}).standard_out;
}

std::string RealDatabase::Dump() const {
  const std::string path = NewPath();
  MustRun("pg_dump", {"-Fc", "-Z0", "--quote-all-identifiers", "-d", name_, "-f", path});
  return TakeFile(path);
}

std::string RealDatabase::Restore(absl::string_view dump, const std::vector<std::string>& options) const {
  const std::string path = WriteFile(dump);
  std::vector<std::string> arguments = {"-d", name_, path};
  arguments.insert(arguments.end(), options.begin(), options.end());
  std::string said = RunProgram("pg_restore", arguments).standard_error;
  std::filesystem::remove(path);
  return said;
}

std::string PgRestore(absl::string_view dump, const std::vector<std::string>& options) {
  const std::string path = WriteFile(dump);
  const std::string output = NewPath();
  std::vector<std::string> arguments = {"-f", output, path};
  arguments.insert(arguments.end(), options.begin(), options.end());
  MustRun("pg_restore", arguments);
  std::filesystem::remove(path);
  return TakeFile(output);
}

}  // namespace croft::agent
