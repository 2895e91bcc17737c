// Keeps backups in a folder, which may be mounted from elsewhere.

#include "agent/store/file_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/errors.h"
#include "common/ids.h"

namespace croft::agent {
namespace {

namespace fs = std::filesystem;

// Objects on their way in; a name that no object can have.
constexpr absl::string_view kTemporaryPrefix = ".incoming-";
// Never filled, so that manifests and journals beside a large archive still find room.
constexpr int64_t kReserveBytes = 1 << 20;
constexpr size_t kMarkerLimit = 256;

class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  bool Close() { return close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_ = -1;
};

absl::Status FileError(const std::string& path) {
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) return DiskFull(path);
  return StoreUnreachable(absl::StrCat(path, ": ", std::strerror(errno)));
}

absl::Status WriteAll(int fd, absl::string_view data, const std::string& path) {
  while (!data.empty()) {
    const ssize_t written = write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(path);
    data.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  const File directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || fsync(directory.get()) != 0) return FileError(path);
  return absl::OkStatus();
}

// Makes `root`/a/b for `relative` "a/b", each entry durable in its parent.
absl::Status MakeDirectories(const std::string& root, absl::string_view relative) {
  std::string parent = root;
  for (const absl::string_view part : absl::StrSplit(relative, '/')) {
    const std::string path = absl::StrCat(parent, "/", part);
    if (mkdir(path.c_str(), 0700) == 0) {
      CROFT_RETURN_IF_ERROR(SyncDirectory(parent));
    } else if (errno != EEXIST) {
      return FileError(path);
    }
    parent = path;
  }
  return absl::OkStatus();
}

absl::string_view DirectoryOf(absl::string_view name) { return name.substr(0, name.rfind('/')); }

absl::string_view LeafOf(absl::string_view name) { return name.substr(name.rfind('/') + 1); }

std::string TemporaryName(absl::string_view leaf) {
  static std::atomic<uint64_t> counter{0};
  return absl::StrCat(kTemporaryPrefix, leaf, ":", getpid(), "-", counter.fetch_add(1));
}

// What writers of `leaf` that were killed have left in `directory`.
void RemoveAbandoned(const std::string& directory, absl::string_view leaf) {
  const std::string prefix = absl::StrCat(kTemporaryPrefix, leaf, ":");
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (absl::StartsWith(it->path().filename().string(), prefix)) unlink(it->path().c_str());
  }
}

class FileWriter final : public ObjectWriter {
 public:
  FileWriter(std::string directory, std::string temporary, std::string path, int fd)
      : directory_(std::move(directory)),
        temporary_(std::move(temporary)),
        path_(std::move(path)),
        file_(fd) {}
  ~FileWriter() override {
    if (!committed_) unlink(temporary_.c_str());
  }

  absl::Status Append(absl::string_view data) override { return WriteAll(file_.get(), data, path_); }

  absl::Status Commit() override {
    if (fsync(file_.get()) != 0 || !file_.Close()) return FileError(path_);
    if (rename(temporary_.c_str(), path_.c_str()) != 0) return FileError(path_);
    committed_ = true;
    return SyncDirectory(directory_);
  }

 private:
  std::string directory_;
  std::string temporary_;
  std::string path_;
  File file_;
  bool committed_ = false;
};

class FileReader final : public ObjectReader {
 public:
  FileReader(std::string path, int fd, int64_t size) : path_(std::move(path)), file_(fd), size_(size) {}

  int64_t size_bytes() const override { return size_; }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    for (;;) {
      const ssize_t got = read(file_.get(), buffer, size);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return FileError(path_);
    }
  }

 private:
  std::string path_;
  File file_;
  int64_t size_;
};

class FileStore final : public Store {
 public:
  FileStore(std::string root, std::string id) : root_(std::move(root)), id_(std::move(id)) {}

  const std::string& id() const override { return id_; }

  absl::StatusOr<std::unique_ptr<ObjectWriter>> Put(absl::string_view name, int64_t size_hint) override {
    CROFT_RETURN_IF_ERROR(CheckObjectName(name));
    CROFT_ASSIGN_OR_RETURN(const int64_t free, FreeBytes());
    if (free < kReserveBytes || free - kReserveBytes < size_hint) return DiskFull(root_);
    const std::string directory = absl::StrCat(root_, "/", DirectoryOf(name));
    for (;;) {
      CROFT_RETURN_IF_ERROR(MakeDirectories(root_, DirectoryOf(name)));
      RemoveAbandoned(directory, LeafOf(name));
      std::string temporary = absl::StrCat(directory, "/", TemporaryName(LeafOf(name)));
      const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
      // Another agent's deletion may have taken the folder in between.
      if (fd < 0 && (errno == EEXIST || errno == ENOENT)) continue;
      if (fd < 0) return FileError(temporary);
      return std::make_unique<FileWriter>(directory, std::move(temporary), Path(name), fd);
    }
  }

  absl::StatusOr<std::unique_ptr<ObjectReader>> Get(absl::string_view name) override {
    CROFT_RETURN_IF_ERROR(CheckObjectName(name));
    const std::string path = Path(name);
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return ObjectNotFound(name);
    if (fd < 0) return FileError(path);
    struct stat facts {};
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
      return std::make_unique<FileReader>(path, fd, facts.st_size);
    }
    close(fd);
    return ObjectNotFound(name);
  }

  absl::StatusOr<std::vector<StoredObject>> List(absl::string_view uid) override {
    std::string start = root_;
    if (!uid.empty()) {
      CROFT_RETURN_IF_ERROR(CheckObjectOwner(uid));
      absl::StrAppend(&start, "/", uid);
    }
    std::vector<StoredObject> objects;
    std::error_code error;
    for (fs::recursive_directory_iterator it(start, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().lexically_relative(root_).string();
      struct stat facts {};
      if (!CheckObjectName(name).ok() || lstat(it->path().c_str(), &facts) != 0 ||
          !S_ISREG(facts.st_mode)) {
        continue;
      }
      objects.push_back({name, facts.st_size, absl::TimeFromTimespec(facts.st_mtim)});
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return StoreUnreachable(absl::StrCat(start, ": ", error.message()));
    }
    std::sort(objects.begin(), objects.end(),
              [](const StoredObject& a, const StoredObject& b) { return a.name < b.name; });
    return objects;
  }

  absl::Status VisitTenants(
      const std::function<absl::Status(const std::vector<StoredObject>&)>& visit) override {
    std::vector<std::string> uids;
    std::error_code error;
    for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
      std::string name = it->path().filename().string();
      std::error_code ignored;
      if (it->is_directory(ignored) && CheckObjectOwner(name).ok()) uids.push_back(std::move(name));
    }
    if (error) return StoreUnreachable(absl::StrCat(root_, ": ", error.message()));
    for (const std::string& uid : uids) {
      CROFT_ASSIGN_OR_RETURN(const std::vector<StoredObject> objects, List(uid));
      if (!objects.empty()) CROFT_RETURN_IF_ERROR(visit(objects));
    }
    return absl::OkStatus();
  }

  absl::Status Delete(absl::string_view name) override {
    CROFT_RETURN_IF_ERROR(CheckObjectName(name));
    const std::string path = Path(name);
    if (unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) return FileError(path);
    RemoveAbandoned(absl::StrCat(root_, "/", DirectoryOf(name)), LeafOf(name));
    return Tidy(DirectoryOf(name));
  }

  absl::Status DeleteAll(absl::string_view uid) override {
    CROFT_RETURN_IF_ERROR(CheckObjectOwner(uid));
    const std::string path = absl::StrCat(root_, "/", uid);
    std::error_code error;
    fs::remove_all(path, error);
    if (error) return StoreUnreachable(absl::StrCat(path, ": ", error.message()));
    return SyncDirectory(root_);
  }

  absl::StatusOr<int64_t> FreeBytes() override {
    struct statvfs facts {};
    if (statvfs(root_.c_str(), &facts) != 0) return FileError(root_);
    return static_cast<int64_t>(facts.f_bavail) * static_cast<int64_t>(facts.f_frsize);
  }

 private:
  std::string Path(absl::string_view name) const { return absl::StrCat(root_, "/", name); }

  // Makes a deletion in `directory` durable, and removes the folders that it emptied.
  absl::Status Tidy(absl::string_view directory) {
    for (;;) {
      const std::string path = absl::StrCat(root_, "/", directory);
      if (rmdir(path.c_str()) != 0) {
        if (errno == ENOTEMPTY || errno == EEXIST) return SyncDirectory(path);
        if (errno != ENOENT && errno != ENOTDIR) return FileError(path);
      }
      const size_t slash = directory.rfind('/');
      if (slash == absl::string_view::npos) return SyncDirectory(root_);
      directory = directory.substr(0, slash);
    }
  }

  std::string root_;
  std::string id_;
};

absl::StatusOr<std::string> ReadMarker(const std::string& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return absl::NotFoundError(path);
  if (file.get() < 0) return FileError(path);
  char text[kMarkerLimit];
  const ssize_t got = read(file.get(), text, sizeof text);
  if (got < 0) return FileError(path);
  const absl::string_view id =
      absl::StripAsciiWhitespace(absl::string_view(text, static_cast<size_t>(got)));
  if (CheckObjectOwner(id).ok()) return std::string(id);
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(path, " does not hold the id of a backup store; restore it from another copy"),
      {.reason = "NOT_A_STORE", .metadata = {{"path", path}}});
}

// Whole or not at all, and never over another agent's: written aside, then linked to its name.
absl::Status WriteMarker(const std::string& directory, const std::string& path, const std::string& id) {
  const std::string temporary = absl::StrCat(directory, "/", TemporaryName(kStoreMarker));
  File file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (file.get() < 0) return FileError(temporary);
  absl::Status status = WriteAll(file.get(), id + "\n", temporary);
  if (status.ok() && (fsync(file.get()) != 0 || !file.Close())) status = FileError(temporary);
  if (status.ok() && link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST)
    status = FileError(path);
  unlink(temporary.c_str());
  CROFT_RETURN_IF_ERROR(status);
  return SyncDirectory(directory);
}

absl::Status RefuseForeignContent(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    // Another agent may be making the store at the same moment.
    if (absl::StartsWith(name, kTemporaryPrefix) || name == kStoreMarker || name == "lost+found") continue;
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat(directory, " holds other files and no ", kStoreMarker,
                                  " file; name an empty directory for backups"),
                     {.reason = "NOT_A_STORE", .metadata = {{"path", directory}}});
  }
  if (error) return StoreUnreachable(absl::StrCat(directory, ": ", error.message()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenFileStore(const std::string& directory, Random& random) {
  std::error_code error;
  const std::string root = fs::absolute(directory, error).lexically_normal().string();
  if (!fs::exists(root, error)) {
    fs::create_directories(fs::path(root).parent_path(), error);
    if (mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) return FileError(root);
  }
  const std::string marker = absl::StrCat(root, "/", kStoreMarker);
  absl::StatusOr<std::string> id = ReadMarker(marker);
  if (absl::IsNotFound(id.status())) {
    const absl::Status foreign = RefuseForeignContent(root);
    // Unless another agent has made it a store, and used it, since the first look.
    if (!foreign.ok() && absl::IsNotFound(ReadMarker(marker).status())) return foreign;
    CROFT_RETURN_IF_ERROR(WriteMarker(root, marker, absl::StrCat("store-", UidFrom(random.Bytes(16)))));
    id = ReadMarker(marker);
  }
  CROFT_RETURN_IF_ERROR(id.status());
  return std::make_unique<FileStore>(root, *std::move(id));
}

}  // namespace croft::agent
