#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "tests/crash_consistency/recording_vfs.h"

namespace croft::power {

// Something that keeps its state in one SQLite file.
class Subject {
 public:
  virtual ~Subject() = default;

  // Commits to the new file `path` as its daemon would, telling the recorder of each commit, from 1 on.
  // Calls `committed` after each with its number, and with 0 when the file is open for the first time.
  virtual absl::Status Work(const std::string& path, RecordingVfs& recorder,
                            const std::function<absl::Status(int)>& committed) = 0;
  // Opens what a power cut left at `path` as its daemon would, calls `look` while it is open, and sees that
  // it goes on working.
  virtual absl::Status Reopen(const std::string& path, const std::function<absl::Status()>& look) = 0;
};

std::unique_ptr<Subject> MakeCatalogSubject();
std::unique_ptr<Subject> MakeJournalSubject();

}  // namespace croft::power
