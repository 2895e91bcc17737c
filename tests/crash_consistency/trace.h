#pragma once

#include <cstdint>
#include <string>
#include <vector>

// What a program asked of the disk under one SQLite database, in order, and what it promised meanwhile.
namespace croft::power {

struct Event {
  enum class Kind {
    kCreate,    // the file's name appears
    kWrite,     // `bytes` at `offset`
    kTruncate,  // to `offset` bytes
    kSync,      // all of the file written before is on disk; the first sync of a new file syncs its folder
    kDelete,    // the file's name goes
    kSyncFolder,   // all names are on disk
    kBegin,        // commit `number` was begun: from here on it may be on disk
    kAcknowledge,  // and from here on it must be
  };
  Kind kind = Kind::kWrite;
  std::string file;  // what follows the database's own name: "", "-wal", "-journal"
  int64_t offset = 0;
  std::string bytes;
  int number = 0;
};

using Trace = std::vector<Event>;

}  // namespace croft::power
