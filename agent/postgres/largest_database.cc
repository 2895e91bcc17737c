// Remembers how many tables the largest tenant has, for the lock settings of the next start.

#include "agent/postgres/largest_database.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/files.h"
#include "common/log.h"

namespace croft::agent {
namespace {

std::string FileBeside(const std::string& data_directory) {
  return absl::StrCat(data_directory.substr(0, data_directory.rfind('/')), "/largest-database");
}

}  // namespace

int64_t ReadLargestDatabase(const std::string& data_directory) {
  constexpr size_t kMostDigits = 20;
  const auto text = ReadSmallFile(FileBeside(data_directory), kMostDigits);
  int64_t tables = 0;
  return text.ok() && absl::SimpleAtoi(*text, &tables) ? tables : 0;
}

void NoteDatabase(const std::string& data_directory, int64_t tables) {
  if (tables <= ReadLargestDatabase(data_directory)) return;
  const absl::Status written =
      WriteFileDurably(FileBeside(data_directory), absl::StrCat(tables), 0600, IfFileExists::kReplace);
  if (!written.ok()) {
    log::Warning("the size of the largest database cannot be kept",
                 {{"error", std::string(written.message())}});
  }
}

}  // namespace croft::agent
