// Remembers uploads over the agent's end.

#include "agent/session/upload_notes.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/files.h"

namespace croft::agent {
namespace {

constexpr size_t kMostBytes = 1024;

}  // namespace

absl::Status UploadNotes::Write(const Note& note) {
  // Where it cannot be made, the writing says why.
  mkdir(folder_.c_str(), 0700);
  return WriteFileDurably(absl::StrCat(folder_, "/", note.uid), note.store, 0600, IfFileExists::kReplace);
}

void UploadNotes::Remove(absl::string_view uid) { unlink(absl::StrCat(folder_, "/", uid).c_str()); }

std::vector<UploadNotes::Note> UploadNotes::All() const {
  std::vector<Note> notes;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    // What a note that was being written left; no uid has a dot.
    if (absl::StrContains(name, '.')) {
      unlink(it->path().c_str());
      continue;
    }
    absl::StatusOr<std::string> store = ReadSmallFile(it->path().string(), kMostBytes);
    if (store.ok()) notes.push_back({.uid = name, .store = *std::move(store)});
  }
  return notes;
}

}  // namespace croft::agent
