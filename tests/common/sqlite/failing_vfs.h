#pragma once

#include <atomic>
#include <map>
#include <memory>

#include <sqlite3.h>

#include "common/sync.h"

namespace croft {
namespace failing_vfs {

// The system's own methods but for one.
struct Methods {
  sqlite3_io_methods changed;
  const sqlite3_io_methods* real;
};

inline std::atomic<bool> fails = false;
inline sqlite3_vfs* real_vfs = nullptr;
inline sqlite3_vfs own_vfs;

inline int Sync(sqlite3_file* file, int flags) {
  if (fails) return SQLITE_IOERR_FSYNC;
  return reinterpret_cast<const Methods*>(file->pMethods)->real->xSync(file, flags);
}

inline const sqlite3_io_methods* Changed(const sqlite3_io_methods* real) {
  static Mutex mutex;
  static std::map<const sqlite3_io_methods*, std::unique_ptr<Methods>> known;
  const MutexLock lock(mutex);
  std::unique_ptr<Methods>& methods = known[real];
  if (!methods) {
    methods = std::make_unique<Methods>(Methods{*real, real});
    methods->changed.xSync = Sync;
  }
  return &methods->changed;
}

inline int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
  if (code == SQLITE_OK && file->pMethods != nullptr) file->pMethods = Changed(file->pMethods);
  return code;
}

}  // namespace failing_vfs

// A disk whose fsync fails when a test says so: SQLite's files are opened through it from its construction on, in all of
// this process, until it is destroyed.
class FailingVfs {
 public:
  FailingVfs() {
    failing_vfs::real_vfs = sqlite3_vfs_find(nullptr);
    failing_vfs::own_vfs = *failing_vfs::real_vfs;
    failing_vfs::own_vfs.zName = "croft-failing";
    failing_vfs::own_vfs.pNext = nullptr;
    failing_vfs::own_vfs.xOpen = failing_vfs::Open;
    sqlite3_vfs_register(&failing_vfs::own_vfs, 1);
  }
  ~FailingVfs() {
    FailSyncs(false);
    sqlite3_vfs_unregister(&failing_vfs::own_vfs);
    sqlite3_vfs_register(failing_vfs::real_vfs, 1);
  }
  FailingVfs(const FailingVfs&) = delete;
  FailingVfs& operator=(const FailingVfs&) = delete;

  // From now on.
  void FailSyncs(bool fail) { failing_vfs::fails = fail; }
};

}  // namespace croft
