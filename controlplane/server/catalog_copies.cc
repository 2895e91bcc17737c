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
#include <sys/stat.h>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"

namespace croft::server {
namespace {

constexpr absl::string_view kPrefix = "catalog-";
constexpr absl::string_view kSuffix = ".db";
constexpr absl::string_view kDigestSuffix = ".sha256";
constexpr char kTimeFormat[] = "%E4Y%m%dt%H%M%Sz";
constexpr absl::Duration kLook = absl::Minutes(1);

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

// SHA-256 of the whole file, hexadecimal.
absl::StatusOr<std::string> DigestOf(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return FileError(path, "open");
  crypto::Sha256Stream digest;
  std::array<char, 1 << 16> buffer;
  ssize_t got = 0;
  while ((got = read(file, buffer.data(), buffer.size())) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    digest.Update({buffer.data(), static_cast<size_t>(got)});
  }
  const absl::Status failed = got < 0 ? FileError(path, "read") : absl::OkStatus();
  close(file);
  if (!failed.ok()) return failed;
  return crypto::Hex(digest.Finish());
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

void CatalogCopies::Run() {
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
    if (absl::StartsWith(name, kPrefix) && absl::EndsWith(name, ".part")) cut.push_back(it->path());
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

absl::Status CatalogCopies::Maintain() {
  CROFT_ASSIGN_OR_RETURN(std::vector<std::string> names, List());
  const absl::Time now = clock_.Now();
  if (names.empty() || now - *TimeOf(names.back()) >= kInterval) {
    CROFT_RETURN_IF_ERROR(MakeFolder());
    CROFT_RETURN_IF_ERROR(Keep(NameAt(now)));
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
  CROFT_ASSIGN_OR_RETURN(const std::string digest, DigestOf(path));
  return WriteFileDurably(absl::StrCat(path, kDigestSuffix), absl::StrCat(digest, "  ", name, "\n"), 0600,
                          IfFileExists::kReplace);
}

void CatalogCopies::Remove(const std::string& name) const {
  unlink(PathOf(name).c_str());
  unlink(PathOf(absl::StrCat(name, kDigestSuffix)).c_str());
}

}  // namespace croft::server
