#pragma once

#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

namespace croft::agent {

// What is stored here and why: a file for each upload that is being stored, so that what an agent was killed over is found and
// removed when it starts again. One thread at a time.
class UploadNotes {
 public:
  struct Note {
    std::string uid;
    std::string store;  // id
  };

  // `folder` is made when it is needed.
  explicit UploadNotes(std::string folder) : folder_(std::move(folder)) {}

  // On disk when it answers OK.
  absl::Status Write(const Note& note);
  void Remove(absl::string_view uid);
  [[nodiscard]] std::vector<Note> All() const;

 private:
  const std::string folder_;
};

}  // namespace croft::agent
