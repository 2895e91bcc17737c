#include <unistd.h>

#include <filesystem>
#include <string>

#include "agent/journal/journal.h"
#include "common/clock.h"
#include "common/files.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

// A folder of this process's own, gone at its end.
class Folder {
 public:
  Folder() : path_("/tmp/croft-fuzz-" + std::to_string(getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// What was accepted is answered the same after the journal is opened again, and nothing older is obeyed.
void Exercise(agent::Journal& journal, Pieces& pieces) {
  const agent::TaskKey key{.operation = pieces.Text(), .step = pieces.Byte(), .attempt = pieces.Byte()};
  // Both count from 0; what is below is refused, and not answered twice alike.
  const agent::Position position{.epoch = pieces.Number() & INT64_MAX,
                                 .order = pieces.Number() & INT64_MAX};
  const std::string uid = pieces.Text();
  const auto accepted = journal.Accept(key, position, uid);
  if (!accepted.ok() || *accepted) return;
  const std::string outcome = pieces.Rest();
  if (!journal.Finish(key, outcome).ok()) return;
  const auto again = journal.Accept(key, position, uid);
  Check(again.ok() && *again == outcome, "a repeat is answered with what was recorded");
  const auto older = journal.Accept({.operation = "other"}, {position.epoch, position.order - 1}, uid);
  Check(!older.ok(), "an older command is refused");
}

}  // namespace

// The first byte says whether the rest is a journal's file or what is done with a new one.
void Journals(absl::string_view bytes) {
  static const Folder folder;
  static const SystemClock clock;
  const std::string path = folder.path() + "/journal.db";
  for (const char* suffix : {"", "-wal", "-shm"}) unlink((path + suffix).c_str());
  Pieces pieces(bytes);
  if (pieces.Byte() % 2 == 0 && !WriteFileDurably(path, pieces.Rest(), 0600, IfFileExists::kReplace).ok()) {
    return;
  }
  const auto journal = agent::OpenJournal(path, clock);
  if (journal.ok()) Exercise(**journal, pieces);
}

}  // namespace croft::fuzz
