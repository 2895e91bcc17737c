#include "tests/crash_consistency/recording_vfs.h"

#include <unistd.h>

#include <cstring>
#include <new>
#include <utility>

#include <sqlite3.h>

namespace croft::power {
namespace {

sqlite3_vfs* real = nullptr;
RecordingVfs* recorder = nullptr;

// As SQLite allocates it; the real file's structure follows it.
struct File {
  sqlite3_file base;
  const char* path;  // SQLite's, valid while the file is open

  sqlite3_file* Real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Of(file)->Real(); }

int Close(sqlite3_file* file) { return Real(file)->pMethods->xClose(Real(file)); }

int Read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  return Real(file)->pMethods->xRead(Real(file), into, size, offset);
}

int Write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const int code = Real(file)->pMethods->xWrite(Real(file), from, size, offset);
  if (code == SQLITE_OK) {
    recorder->Note(Of(file)->path, {.kind = Event::Kind::kWrite,
                                    .offset = offset,
                                    .bytes = std::string(static_cast<const char*>(from), size)});
  }
  return code;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int code = Real(file)->pMethods->xTruncate(Real(file), size);
  if (code == SQLITE_OK) recorder->Note(Of(file)->path, {.kind = Event::Kind::kTruncate, .offset = size});
  return code;
}

int Sync(sqlite3_file* file, int) {
  recorder->NoteSync(Of(file)->path);
  return SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Real(file)->pMethods->xFileSize(Real(file), size);
}

int Lock(sqlite3_file* file, int level) { return Real(file)->pMethods->xLock(Real(file), level); }
int Unlock(sqlite3_file* file, int level) { return Real(file)->pMethods->xUnlock(Real(file), level); }
int CheckReserved(sqlite3_file* file, int* answer) {
  return Real(file)->pMethods->xCheckReservedLock(Real(file), answer);
}

int Control(sqlite3_file* file, int operation, void* argument) {
  return Real(file)->pMethods->xFileControl(Real(file), operation, argument);
}

int SectorSize(sqlite3_file* file) { return Real(file)->pMethods->xSectorSize(Real(file)); }
int Characteristics(sqlite3_file* file) { return Real(file)->pMethods->xDeviceCharacteristics(Real(file)); }

int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** into) {
  return Real(file)->pMethods->xShmMap(Real(file), page, size, extend, into);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return Real(file)->pMethods->xShmLock(Real(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { Real(file)->pMethods->xShmBarrier(Real(file)); }
int ShmUnmap(sqlite3_file* file, int remove) { return Real(file)->pMethods->xShmUnmap(Real(file), remove); }

// Version 2: without memory-mapped reading, which no database of ours asks for.
const sqlite3_io_methods kMethods = {
    2,        Close,         Read,    Write,      Truncate,        Sync,   FileSize, Lock,
    Unlock,   CheckReserved, Control, SectorSize, Characteristics, ShmMap, ShmLock,  ShmBarrier,
    ShmUnmap, nullptr,       nullptr};

int Open(sqlite3_vfs*, const char* path, sqlite3_file* memory, int flags, int* out_flags) {
  const bool is_new = path != nullptr && access(path, F_OK) != 0;
  File* file = new (memory) File{.base = {.pMethods = nullptr}, .path = path};
  const int code = real->xOpen(real, path, file->Real(), flags, out_flags);
  if (file->Real()->pMethods != nullptr) file->base.pMethods = &kMethods;
  if (code == SQLITE_OK && is_new) recorder->Note(path, {.kind = Event::Kind::kCreate});
  return code;
}

int Delete(sqlite3_vfs*, const char* path, int sync_folder) {
  const int code = real->xDelete(real, path, 0);
  if (code == SQLITE_OK) {
    recorder->Note(path, {.kind = Event::Kind::kDelete});
    if (sync_folder != 0) recorder->Note(path, {.kind = Event::Kind::kSyncFolder});
  }
  return code;
}

}  // namespace

RecordingVfs& RecordingVfs::Install() {
  static RecordingVfs only;
  static sqlite3_vfs vfs;
  if (recorder != nullptr) return only;
  recorder = &only;
  real = sqlite3_vfs_find(nullptr);
  vfs = *real;
  vfs.zName = "recording";
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  vfs.xOpen = Open;
  vfs.xDelete = Delete;
  sqlite3_vfs_register(&vfs, 1);
  return only;
}

void RecordingVfs::Start(const std::string& database, Syncs syncs) {
  database_ = database;
  syncs_ = syncs;
  trace_.clear();
  recording_ = true;
}

Trace RecordingVfs::Stop() {
  recording_ = false;
  return std::exchange(trace_, {});
}

void RecordingVfs::Begin(int number) { trace_.push_back({.kind = Event::Kind::kBegin, .number = number}); }

void RecordingVfs::Acknowledge(int number) {
  trace_.push_back({.kind = Event::Kind::kAcknowledge, .number = number});
}

void RecordingVfs::Note(const char* path, Event event) {
  if (!recording_ || path == nullptr || std::strncmp(path, database_.c_str(), database_.size()) != 0)
    return;
  event.file = path + database_.size();
  if (event.file == "-wal" && event.kind == Event::Kind::kWrite) frame_written_ = event.offset != 0;
  trace_.push_back(std::move(event));
}

void RecordingVfs::NoteSync(const char* path) {
  if (!recording_ || path == nullptr || syncs_ == Syncs::kNone) return;
  // A commit syncs right after its frames; a restart of the log after the header, a checkpoint after nothing.
  const bool commits = path == database_ + "-wal" && std::exchange(frame_written_, false);
  if (!commits || syncs_ == Syncs::kAll) Note(path, {.kind = Event::Kind::kSync});
}

}  // namespace croft::power
