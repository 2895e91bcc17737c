// Preloaded into one daemon: counts its calls that make something durable or tell somebody something, and on request those
// that change a file, and at the Nth does what it was told. It is told through a file, whose layout
// tests/faults/trigger.py knows too.
//
//   CROFT_FAULTS_FILE      the file
//   CROFT_FAULTS_PROGRAM   the program's short name; in any other, such as the daemon's children, it does nothing

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace {

enum Action : uint64_t { kKillMyself = 0, kKillOther = 1, kStopMyself = 2 };
enum Kind { kSync = 0, kRename = 1, kSend = 2, kWrite = 3, kKinds = 4 };

struct Trigger {
  uint64_t armed;
  uint64_t at;  // 0: only count
  uint64_t action;
  uint64_t other;   // process that kKillOther kills
  uint64_t writes;  // whether kWrite is counted too
  uint64_t count;
  uint64_t fired;  // the count at which it acted
  uint64_t of_kind[kKinds];
};

Trigger* trigger = nullptr;
pid_t self = 0;

__attribute__((constructor)) void Attach() {
  const char* path = getenv("CROFT_FAULTS_FILE");
  const char* program = getenv("CROFT_FAULTS_PROGRAM");
  // Children are left alone, and do not so much as load this.
  unsetenv("LD_PRELOAD");
  if (path == nullptr || program == nullptr || strcmp(program, program_invocation_short_name) != 0) return;
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void* memory = mmap(nullptr, sizeof(Trigger), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return;
  self = getpid();
  trigger = static_cast<Trigger*>(memory);
}

void Act() {
  switch (trigger->action) {
    case kKillMyself:
      kill(self, SIGKILL);
      while (true) pause();
    case kKillOther: kill(static_cast<pid_t>(trigger->other), SIGKILL); return;
    case kStopMyself: kill(self, SIGSTOP); return;
  }
}

// Before the call itself: what was done before is done, the call is not.
void Count(Kind kind) {
  if (trigger == nullptr || __atomic_load_n(&trigger->armed, __ATOMIC_ACQUIRE) == 0 || getpid() != self)
    return;
  __atomic_add_fetch(&trigger->of_kind[kind], 1, __ATOMIC_RELAXED);
  const uint64_t count = __atomic_add_fetch(&trigger->count, 1, __ATOMIC_ACQ_REL);
  if (count != trigger->at) return;
  __atomic_store_n(&trigger->fired, count, __ATOMIC_RELEASE);
  const int kept = errno;
  Act();
  errno = kept;
}

void CountChange() {
  if (trigger != nullptr && trigger->writes != 0) Count(kWrite);
}

// The log is no state.
void CountWrite(int file) {
  struct stat status;
  if (trigger == nullptr || trigger->armed == 0 || file == STDERR_FILENO || fstat(file, &status) != 0)
    return;
  if (S_ISSOCK(status.st_mode)) Count(kSend);
  if (S_ISREG(status.st_mode)) CountChange();
}

template <typename Function>
Function* Next(Function*, const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int fsync(int file) {
  static auto* next = Next(&fsync, "fsync");
  Count(kSync);
  return next(file);
}

int fdatasync(int file) {
  static auto* next = Next(&fdatasync, "fdatasync");
  Count(kSync);
  return next(file);
}

int rename(const char* from, const char* to) noexcept {
  static auto* next = Next(&rename, "rename");
  Count(kRename);
  return next(from, to);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  static auto* next = Next(&renameat, "renameat");
  Count(kRename);
  return next(from_folder, from, to_folder, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  static auto* next = Next(&renameat2, "renameat2");
  Count(kRename);
  return next(from_folder, from, to_folder, to, flags);
}

ssize_t send(int file, const void* bytes, size_t size, int flags) {
  static auto* next = Next(&send, "send");
  Count(kSend);
  return next(file, bytes, size, flags);
}

ssize_t sendto(int file, const void* bytes, size_t size, int flags, const sockaddr* to, socklen_t length) {
  static auto* next = Next(&sendto, "sendto");
  Count(kSend);
  return next(file, bytes, size, flags, to, length);
}

ssize_t sendmsg(int file, const msghdr* message, int flags) {
  static auto* next = Next(&sendmsg, "sendmsg");
  Count(kSend);
  return next(file, message, flags);
}

ssize_t write(int file, const void* bytes, size_t size) {
  static auto* next = Next(&write, "write");
  CountWrite(file);
  return next(file, bytes, size);
}

ssize_t writev(int file, const iovec* parts, int count) {
  static auto* next = Next(&writev, "writev");
  CountWrite(file);
  return next(file, parts, count);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  static auto* next = Next(&pwrite, "pwrite");
  CountChange();
  return next(file, bytes, size, offset);
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  static auto* next = Next(&pwrite64, "pwrite64");
  CountChange();
  return next(file, bytes, size, offset);
}

int unlink(const char* path) noexcept {
  static auto* next = Next(&unlink, "unlink");
  CountChange();
  return next(path);
}

int ftruncate(int file, off_t size) noexcept {
  static auto* next = Next(&ftruncate, "ftruncate");
  CountChange();
  return next(file, size);
}

int ftruncate64(int file, off64_t size) noexcept {
  static auto* next = Next(&ftruncate64, "ftruncate64");
  CountChange();
  return next(file, size);
}

}  // extern "C"
