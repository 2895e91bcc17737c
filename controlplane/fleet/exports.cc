// Keeps what agents send of backups until it is taken.

#include "controlplane/fleet/exports.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "common/utf8.h"

namespace croft::fleet {
namespace {

constexpr size_t kLongestFact = 4096;
constexpr int kMostListed = 10'000;
// Of all facts together: what describes an export is one message.
constexpr size_t kMostFactBytes = 1 << 20;

absl::Status TooManyExports() {
  return MakeError(absl::StatusCode::kResourceExhausted, "too many exports are under way; try again later",
                   {.reason = "OVERLOADED", .retry_delay = absl::Seconds(5)});
}

absl::Status MalformedExport() {
  return MakeError(absl::StatusCode::kInternal, "the host's agent sent what it was not asked for",
                   {.reason = "EXPORT_MALFORMED"});
}

absl::Status ReadExportError(const v1::TaskError& error) {
  const std::string message = Presentable(error.message(), kLongestFact);
  const std::string reason = error.reason().empty() ? "EXPORT_FAILED" : Presentable(error.reason(), 64);
  if (reason == "EXPORT_BUSY") {
    return MakeError(absl::StatusCode::kResourceExhausted, message,
                     {.reason = reason, .retry_delay = absl::Seconds(10)});
  }
  if (reason == "ARCHIVE_DAMAGED" || reason == "MANIFEST_DAMAGED")
    return MakeError(absl::StatusCode::kDataLoss, message, {.reason = reason});
  // UNAVAILABLE would have clients try again at once.
  return MakeError(absl::StatusCode::kFailedPrecondition, message, {.reason = reason});
}

}  // namespace

v1::ArchiveFacts ReadFacts(const v1::ArchiveFacts& facts) {
  size_t bytes = 0;
  const auto text = [&bytes](const std::string& told) {
    std::string read = Presentable(told, kLongestFact);
    bytes += read.size();
    return read;
  };
  v1::ArchiveFacts read;
  read.set_size_bytes(std::max<int64_t>(facts.size_bytes(), 0));
  read.set_sha256(text(facts.sha256()));
  read.set_server_version(text(facts.server_version()));
  read.set_encoding(text(facts.encoding()));
  read.set_collate(text(facts.collate()));
  read.set_ctype(text(facts.ctype()));
  read.set_icu_locale(text(facts.icu_locale()));
  read.set_owner_role(text(facts.owner_role()));
  read.set_reader_role(text(facts.reader_role()));
  read.set_locale_provider(text(facts.locale_provider()));
  read.set_collation_version(text(facts.collation_version()));
  for (const v1::DatabaseExtension& told : facts.extensions()) {
    if (read.extensions_size() == kMostListed || bytes > kMostFactBytes) break;
    v1::DatabaseExtension& extension = *read.add_extensions();
    extension.set_name(text(told.name()));
    extension.set_version(text(told.version()));
    extension.set_schema(text(told.schema()));
  }
  for (const v1::DatabaseParameter& told : facts.parameters()) {
    if (read.parameters_size() == kMostListed || bytes > kMostFactBytes) break;
    v1::DatabaseParameter& parameter = *read.add_parameters();
    parameter.set_name(text(told.name()));
    parameter.set_value(text(told.value()));
    parameter.set_role(text(told.role()));
    parameter.set_read_only_login(told.read_only_login());
    parameter.set_every_database(told.every_database());
  }
  return read;
}

// What has come of one export and was not taken yet. Thread-safe.
class Exports::Entry {
 public:
  Entry(std::string host, std::function<void()> wake) : host_(std::move(host)), wake_(std::move(wake)) {}

  const std::string& host() const { return host_; }

  void Take(const v1::ExportPart& part) {
    {
      const MutexLock lock(mutex_);
      if (end_) return;
      if (!Fits(part)) {
        end_ = MalformedExport();
      } else if (part.has_archive()) {
        facts_ = ReadFacts(part.archive());
        described_ = true;
      } else if (part.part_case() == v1::ExportPart::kData) {
        data_.push_back(part.data());
        --granted_;
      } else {
        end_ = part.has_error() ? ReadExportError(part.error()) : absl::OkStatus();
      }
    }
    wake_();
  }

  void End(const absl::Status& why) {
    {
      const MutexLock lock(mutex_);
      if (end_) return;
      end_ = why;
    }
    wake_();
  }

  ExportPull Next() {
    const MutexLock lock(mutex_);
    // What has come is of no use when the rest does not.
    if (end_ && !end_->ok()) return EndOfExport{*end_};
    if (facts_) return *std::exchange(facts_, std::nullopt);
    if (!data_.empty()) {
      std::string data = std::move(data_.front());
      data_.pop_front();
      ++granted_;
      return data;
    }
    if (end_) return EndOfExport{*end_};
    return NoPartYet();
  }

 private:
  bool Fits(const v1::ExportPart& part) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    switch (part.part_case()) {
      case v1::ExportPart::kArchive: return !described_;
      case v1::ExportPart::kData:
        return described_ && granted_ > 0 && !part.data().empty() && part.data().size() <= kLargestPart;
      case v1::ExportPart::kEnd: return described_;
      case v1::ExportPart::kError: return true;
      case v1::ExportPart::PART_NOT_SET: return false;
    }
    return false;
  }

  const std::string host_;
  const std::function<void()> wake_;

  Mutex mutex_;
  bool described_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<v1::ArchiveFacts> facts_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> data_ ABSL_GUARDED_BY(mutex_);
  int32_t granted_ ABSL_GUARDED_BY(mutex_) = kWindow;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

class Exports::Stream final : public ExportStream {
 public:
  Stream(Exports& exports, int64_t id, std::shared_ptr<Entry> entry)
      : exports_(exports), id_(id), entry_(std::move(entry)) {}

  ~Stream() override {
    exports_.Remove(id_);
    if (ended_) return;
    v1::ConnectResponse message;
    message.mutable_export_control()->set_id(id_);
    message.mutable_export_control()->set_stop(true);
    exports_.send_(entry_->host(), message);
  }

  ExportPull Next() override {
    ExportPull pulled = entry_->Next();
    if (std::holds_alternative<EndOfExport>(pulled)) {
      ended_ = std::get<EndOfExport>(pulled).status.ok();
    } else if (std::holds_alternative<std::string>(pulled)) {
      v1::ConnectResponse message;
      message.mutable_export_control()->set_id(id_);
      message.mutable_export_control()->set_parts(1);
      exports_.send_(entry_->host(), message);
    }
    return pulled;
  }

 private:
  Exports& exports_;
  const int64_t id_;
  const std::shared_ptr<Entry> entry_;
  bool ended_ = false;  // well: the agent has nothing to stop
};

namespace {

class Failed final : public ExportStream {
 public:
  explicit Failed(absl::Status why) : why_(std::move(why)) {}
  ExportPull Next() override { return EndOfExport{why_}; }

 private:
  const absl::Status why_;
};

}  // namespace

std::unique_ptr<ExportStream> FailedExport(const absl::Status& why) {
  return std::make_unique<Failed>(why);
}

std::unique_ptr<ExportStream> Exports::Begin(const std::string& host, const v1::BackupSource& source,
                                             std::function<void()> wake) {
  const auto entry = std::make_shared<Entry>(host, std::move(wake));
  int64_t id = 0;
  {
    const MutexLock lock(mutex_);
    if (entries_.size() >= kMost) return FailedExport(TooManyExports());
    id = ++last_;
    entries_.emplace(id, entry);
  }
  auto stream = std::make_unique<Stream>(*this, id, entry);
  v1::ConnectResponse message;
  v1::ExportQuery& query = *message.mutable_export_query();
  query.set_id(id);
  *query.mutable_source() = source;
  query.set_parts(kWindow);
  send_(host, message);
  return stream;
}

void Exports::OnPart(const std::string& host, const v1::ExportPart& part) {
  std::shared_ptr<Entry> entry;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(part.id());
    if (found == entries_.end() || found->second->host() != host) return;
    entry = found->second;
  }
  entry->Take(part);
}

void Exports::Fail(const std::string& host, const absl::Status& why) {
  std::vector<std::shared_ptr<Entry>> failed;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, entry] : entries_) {
      if (entry->host() == host) failed.push_back(entry);
    }
  }
  for (const auto& entry : failed) entry->End(why);
}

void Exports::Remove(int64_t id) {
  const MutexLock lock(mutex_);
  entries_.erase(id);
}

}  // namespace croft::fleet
