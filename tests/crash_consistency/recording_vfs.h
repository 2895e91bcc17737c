#pragma once

#include <string>

#include "tests/crash_consistency/trace.h"

namespace croft::power {

// Which syncs reach the disk.
enum class Syncs {
  kAll,
  kAsNormal,  // those that SQLite makes with synchronous=NORMAL: none for a commit to the write-ahead log
  kNone,      // as with synchronous=OFF
};

// Becomes SQLite's way to files for the whole process, for good. Everything goes on to the real files; while a
// recording is on, what is asked of one database and its companions is noted. Syncs are noted, not made: the
// machine that runs this is not the one whose power is cut. One thread.
class RecordingVfs {
 public:
  static RecordingVfs& Install();

  void Start(const std::string& database, Syncs syncs);
  Trace Stop();
  // To be called around each commit.
  void Begin(int number);
  void Acknowledge(int number);

  // For the files alone.
  void Note(const char* path, Event event);
  void NoteSync(const char* path);

 private:
  RecordingVfs() = default;

  bool recording_ = false;
  Syncs syncs_ = Syncs::kAll;
  std::string database_;
  Trace trace_;
  bool frame_written_ = false;  // to the write-ahead log since it was last synced
};

}  // namespace croft::power
