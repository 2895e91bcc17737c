#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "client/cpp/cache.h"

namespace croft::client {

// The last known placements in a file, mode 0600, encrypted under a key that is derived from the identity's own
// secret: whoever cannot ask the control plane cannot read it either.
class SnapshotFile {
 public:
  struct Entry {
    std::vector<std::string> aliases;
    Placement placement;
  };

  // `secret` is the text of the identity's key or token; `view` says what was asked for (role and purpose), since
  // answers to one question must not be taken for another's.
  SnapshotFile(std::string path, const std::string& secret, const std::string& view);

  // Replaces the file as a whole.
  absl::Status Write(const std::vector<Entry>& entries) const;
  // NOT_FOUND when there is none; DATA_LOSS when it is damaged or another identity's.
  absl::StatusOr<std::vector<Entry>> Read() const;

 private:
  const std::string path_;
  const std::string key_;
  const std::string context_;
};

}  // namespace croft::client
