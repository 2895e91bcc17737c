// Copies the catalog every hour and on request.

#include "controlplane/server/catalog_copies.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>
#include <absl/strings/strip.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"
#include "common/memory.h"
#include "controlplane/catalog/sqlite/catalog_copy.h"

namespace croft::server {
namespace {

constexpr absl::string_view kPrefix = "catalog-";
constexpr absl::string_view kSuffix = ".db";
constexpr absl::string_view kDigestSuffix = ".sha256";
constexpr absl::string_view kOutgoing = ".outgoing-";
constexpr char kTimeFormat[] = "%E4Y%m%dt%H%M%Sz";
constexpr absl::Duration kLook = absl::Minutes(1);
constexpr int kLowestPriority = 19;

absl::Status FileError(const std::string& path, absl::string_view what) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return MakeError(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal,
                   absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)),
                   {.reason = full ? "DISK_FULL" : "FILE_IO", .metadata = {{"path", path}}});
}

std::string NameAt(absl::Time time) {
  return absl::StrCat(kPrefix, absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone()), kSuffix);
}

// nullopt for a file that is no copy of ours.
std::optional<absl::Time> TimeOf(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, kPrefix) || !absl::ConsumeSuffix(&name, kSuffix)) return std::nullopt;
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(kTimeFormat, std::string(name), &time, &error)) return std::nullopt;
  return time;
}

absl::StatusOr<handlers::CatalogCopy::Facts> Describe(int file, const std::string& path) {
  handlers::CatalogCopy::Facts facts;
  crypto::Sha256Stream digest;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t got = pread(file, buffer.data(), buffer.size(), static_cast<off_t>(facts.size_bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(path, "read");
    if (got == 0) break;
    digest.Update({buffer.data(), static_cast<size_t>(got)});
    facts.size_bytes += got;
  }
  facts.sha256 = crypto::Hex(digest.Finish());
  return facts;
}

absl::Status TooManyOpen() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "several copies of the catalog are being read; ask again when one of them has ended",
                   {.reason = "OVERLOADED", .retry_delay = absl::Seconds(5)});
}

}  // namespace

CatalogCopies::CatalogCopies(catalog::SqliteCatalog& catalog, std::string folder, const Clock& clock)
    : catalog_(catalog), folder_(std::move(folder)), clock_(clock) {}

CatalogCopies::~CatalogCopies() { Stop(); }

void CatalogCopies::Start() {
  RemoveCut();
  thread_ = std::thread([this] { Run(); });
}

void CatalogCopies::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

// A copy can wait; who asks for a tenant cannot.
void CatalogCopies::Run() {
  setpriority(PRIO_PROCESS, 0, kLowestPriority);  // of this thread alone, on Linux
  for (;;) {
    if (const absl::Status status = Maintain(); !status.ok()) {
      log::Error("the catalog could not be copied; trying again",
                 {{"folder", folder_}, {"error", std::string(status.message())}});
    }
    const MutexLock lock(mutex_);
    if (!stopping_) changed_.WaitFor(mutex_, kLook);
    if (stopping_) return;
  }
}

std::string CatalogCopies::PathOf(absl::string_view name) const { return absl::StrCat(folder_, "/", name); }

// What a process that was killed in the middle of a copy has left.
void CatalogCopies::RemoveCut() const {
  std::vector<std::filesystem::path> cut;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (absl::StartsWith(name, kOutgoing) ||
        (absl::StartsWith(name, kPrefix) && absl::EndsWith(name, ".part")))
      cut.push_back(it->path());
  }
  for (const std::filesystem::path& path : cut) unlink(path.c_str());
}

absl::Status CatalogCopies::MakeFolder() const {
  if (mkdir(folder_.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return FileError(folder_, "make the folder");
}

absl::StatusOr<std::vector<std::string>> CatalogCopies::List() const {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename().string();
    if (TimeOf(name)) names.push_back(std::move(name));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    errno = error.value();
    return FileError(folder_, "list");
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<absl::Time> CatalogCopies::newest() const {
  const absl::StatusOr<std::vector<std::string>> names = List();
  return names.ok() && !names->empty() ? TimeOf(names->back()) : std::nullopt;
}

absl::Status CatalogCopies::Maintain() {
  CROFT_ASSIGN_OR_RETURN(std::vector<std::string> names, List());
  const absl::Time now = clock_.Now();
  if (names.empty() || now - *TimeOf(names.back()) >= kInterval) {
    CROFT_RETURN_IF_ERROR(MakeFolder());
    CROFT_RETURN_IF_ERROR(Keep(NameAt(now)));
    GiveBackFreedMemory();
    names.push_back(NameAt(now));
  }
  while (names.size() > kKept) {
    Remove(names.front());
    names.erase(names.begin());
  }
  return absl::OkStatus();
}

// The copy appears under its name, whole and checked, before its digest does: what has none was made all the same, and
// can be restored, but not compared.
absl::Status CatalogCopies::Keep(const std::string& name) {
  const std::string path = PathOf(name);
  CROFT_RETURN_IF_ERROR(catalog_.BackUpTo(path));
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return FileError(path, "open");
  const absl::StatusOr<handlers::CatalogCopy::Facts> facts = Describe(file, path);
  close(file);
  if (!facts.ok()) return facts.status();
  return WriteFileDurably(absl::StrCat(path, kDigestSuffix), absl::StrCat(facts->sha256, "  ", name, "\n"),
                          0600, IfFileExists::kReplace);
}

void CatalogCopies::Remove(const std::string& name) const {
  unlink(PathOf(name).c_str());
  unlink(PathOf(absl::StrCat(name, kDigestSuffix)).c_str());
}

absl::StatusOr<std::shared_ptr<const handlers::CatalogCopy>> CatalogCopies::Copy() {
  if (open_->fetch_add(1) >= kOpenAtOnce) {
    open_->fetch_sub(1);
    return TooManyOpen();
  }
  const std::shared_ptr<void> slot(nullptr, [open = open_](void*) { open->fetch_sub(1); });
  CROFT_RETURN_IF_ERROR(MakeFolder());
  const std::string path = PathOf(absl::StrCat(kOutgoing, getpid(), "-", outgoing_.fetch_add(1)));
  unlink(path.c_str());  // of an earlier process with this number
  CROFT_RETURN_IF_ERROR(catalog_.BackUpTo(path));
  const absl::Time now = clock_.Now();
  absl::StatusOr<domain::Revision> revision = catalog::RevisionOfCopy(path);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const absl::Status opened = file < 0 ? FileError(path, "open") : absl::OkStatus();
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) unlink(absl::StrCat(path, suffix).c_str());
  CROFT_RETURN_IF_ERROR(opened);
  absl::StatusOr<handlers::CatalogCopy::Facts> facts = Describe(file, path);
  if (!facts.ok() || !revision.ok()) {
    close(file);
    return facts.ok() ? revision.status() : facts.status();
  }
  facts->revision = *revision;
  facts->create_time = now;
  // The slot is given back with the copy.
  return std::shared_ptr<const handlers::CatalogCopy>(
      new handlers::CatalogCopy(file, *std::move(facts)),
      [slot](const handlers::CatalogCopy* copy) { delete copy; });
}

}  // namespace croft::server
