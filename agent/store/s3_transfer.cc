// Writes objects of S3 in parts and reads them in blocks.

#include "agent/store/s3_transfer.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <future>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/errors.h"
#include "common/log.h"

namespace croft::agent {
namespace {

constexpr size_t kMebibyte = 1 << 20;
// Memory of a writer is that of one part more than are under way, of a reader that of two blocks.
constexpr size_t kPartsUnderWay = 2;
constexpr size_t kBlockBytes = 8 * kMebibyte;
// S3 takes 10,000 parts: the second half of them is larger, so that a small archive needs little memory.
constexpr size_t kMaxParts = 10'000;
constexpr size_t kMaxNoteBytes = 8 << 10;

size_t PartBytes(size_t part) { return part <= kMaxParts / 2 ? 8 * kMebibyte : 16 * kMebibyte; }

// What lies under a writer's note.
struct Note {
  std::string writer;
  std::string upload;  // empty until there is one
};

std::string Encode(const Note& note) { return absl::StrCat(note.writer, "\n", note.upload); }

absl::StatusOr<Note> ReadNote(S3Client& client, const S3Place& place) {
  CROFT_ASSIGN_OR_RETURN(const S3Block block, client.Get(place, 0, kMaxNoteBytes, nullptr));
  const std::pair<std::string, std::string> parts = absl::StrSplit(block.bytes, absl::MaxSplits('\n', 1));
  return Note{.writer = parts.first, .upload = parts.second};
}

absl::Status Overtaken(const S3Place& object) {
  return StoreUnreachable(absl::StrCat(object.key, " was written or deleted by somebody else meanwhile"));
}

class S3Writer final : public ObjectWriter {
 public:
  S3Writer(S3Client& client, S3Place object, S3Place note, std::string writer)
      : client_(client), object_(std::move(object)), note_(std::move(note)), writer_(std::move(writer)) {}

  ~S3Writer() override {
    if (committed_) return;
    cancelled_ = true;
    for (auto& part : under_way_) part.wait();
    under_way_.clear();
    const absl::StatusOr<Note> note = ReadNote(client_, note_);
    absl::Status ended = upload_.empty() ? absl::OkStatus() : client_.AbortUpload(object_, upload_);
    if (ended.ok() && note.ok() && note->writer == writer_) ended = client_.Delete(note_);
    // The next writer of the object, or its deletion, ends it.
    if (!ended.ok()) log::Warning("an abandoned upload is left behind", {{"error", log::Text(ended)}});
  }

  absl::Status Append(absl::string_view data) override {
    while (!data.empty()) {
      const size_t wanted = PartBytes(next_part_);
      if (pending_.size() == wanted) CROFT_RETURN_IF_ERROR(SendPart());
      if (pending_.capacity() < wanted && pending_.size() + data.size() > wanted / 8)
        pending_.reserve(wanted);
      const size_t taken = std::min(data.size(), PartBytes(next_part_) - pending_.size());
      pending_.append(data.data(), taken);
      data.remove_prefix(taken);
    }
    return absl::OkStatus();
  }

  absl::Status Commit() override {
    if (!upload_.empty()) {
      CROFT_RETURN_IF_ERROR(SendPart());
      while (!under_way_.empty()) CROFT_RETURN_IF_ERROR(AwaitPart());
    }
    CROFT_RETURN_IF_ERROR(CheckTurn());
    const absl::Status joined = upload_.empty() ? client_.Put(object_, pending_)
                                                : client_.CompleteUpload(object_, upload_, writer_, etags_);
    if (absl::IsAborted(joined)) return Overtaken(object_);
    CROFT_RETURN_IF_ERROR(joined);
    committed_ = true;
    // The object is there: what is left of the note does no harm.
    const absl::Status tidied = client_.Delete(note_);
    if (!tidied.ok()) log::Warning("a writer's note is left behind", {{"error", log::Text(tidied)}});
    return absl::OkStatus();
  }

 private:
  // Whether this is the writer whose turn it is.
  absl::Status CheckTurn() {
    const absl::StatusOr<Note> note = ReadNote(client_, note_);
    if (absl::IsNotFound(note.status()) || (note.ok() && note->writer != writer_))
      return Overtaken(object_);
    return note.status();
  }

  absl::Status BeginUpload() {
    CROFT_RETURN_IF_ERROR(CheckTurn());
    CROFT_ASSIGN_OR_RETURN(upload_, client_.CreateUpload(object_, writer_));
    return client_.Put(note_, Encode({.writer = writer_, .upload = upload_}));
  }

  absl::Status SendPart() {
    if (next_part_ > kMaxParts) return DiskFull(object_.key);
    if (upload_.empty()) CROFT_RETURN_IF_ERROR(BeginUpload());
    if (under_way_.size() == kPartsUnderWay) CROFT_RETURN_IF_ERROR(AwaitPart());
    under_way_.push_back(
        std::async(std::launch::async, [this, part = next_part_++, body = std::exchange(pending_, {})] {
          return client_.UploadPart(object_, upload_, part, body, &cancelled_);
        }));
    return absl::OkStatus();
  }

  absl::Status AwaitPart() {
    absl::StatusOr<std::string> etag = under_way_.front().get();
    under_way_.pop_front();
    if (absl::IsAborted(etag.status()) || absl::IsNotFound(etag.status())) return Overtaken(object_);
    CROFT_RETURN_IF_ERROR(etag.status());
    etags_.push_back(*std::move(etag));
    return absl::OkStatus();
  }

  S3Client& client_;
  const S3Place object_;
  const S3Place note_;
  const std::string writer_;
  std::string upload_;
  size_t next_part_ = 1;
  std::string pending_;
  std::vector<std::string> etags_;
  bool committed_ = false;
  std::atomic<bool> cancelled_{false};
  std::deque<std::future<absl::StatusOr<std::string>>> under_way_;
};

class S3Reader final : public ObjectReader {
 public:
  S3Reader(S3Client& client, S3Place object, S3Block first)
      : client_(client), object_(std::move(object)), block_(std::move(first)), size_(block_.object_size) {
    next_offset_ = static_cast<int64_t>(block_.bytes.size());
    FetchAhead();
  }
  ~S3Reader() override {
    cancelled_ = true;
    if (ahead_.valid()) ahead_.wait();
  }

  int64_t size_bytes() const override { return size_; }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (taken_ == block_.bytes.size() && ahead_.valid()) CROFT_RETURN_IF_ERROR(TakeNext());
    const size_t got = std::min(size, block_.bytes.size() - taken_);
    std::memcpy(buffer, block_.bytes.data() + taken_, got);
    taken_ += got;
    return got;
  }

 private:
  void FetchAhead() {
    if (next_offset_ >= size_) return;
    ahead_ = std::async(std::launch::async, [this, offset = next_offset_] {
      return client_.Get(object_, offset, kBlockBytes, &cancelled_);
    });
  }

  absl::Status TakeNext() {
    absl::StatusOr<S3Block> next = ahead_.get();
    CROFT_RETURN_IF_ERROR(next.status());
    if (next->etag != block_.etag || next->object_size != size_ || next->bytes.empty()) {
      return StoreUnreachable(absl::StrCat(object_.key, " was replaced while it was read"));
    }
    block_ = *std::move(next);
    taken_ = 0;
    next_offset_ += static_cast<int64_t>(block_.bytes.size());
    FetchAhead();
    return absl::OkStatus();
  }

  S3Client& client_;
  const S3Place object_;
  S3Block block_;
  const int64_t size_;
  size_t taken_ = 0;
  int64_t next_offset_ = 0;
  std::atomic<bool> cancelled_{false};
  std::future<absl::StatusOr<S3Block>> ahead_;
};

}  // namespace

int64_t MaxS3ObjectBytes() {
  return static_cast<int64_t>(kMaxParts / 2) * static_cast<int64_t>(PartBytes(1) + PartBytes(kMaxParts));
}

absl::Status EndS3Writer(S3Client& client, const S3Place& object, const S3Place& note) {
  const absl::StatusOr<Note> earlier = ReadNote(client, note);
  if (absl::IsNotFound(earlier.status())) return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(earlier.status());
  if (!earlier->upload.empty()) CROFT_RETURN_IF_ERROR(client.AbortUpload(object, earlier->upload));
  return client.Delete(note);
}

absl::StatusOr<std::unique_ptr<ObjectWriter>> NewS3Writer(S3Client& client, S3Place object, S3Place note,
                                                          std::string writer) {
  CROFT_RETURN_IF_ERROR(EndS3Writer(client, object, note));
  CROFT_RETURN_IF_ERROR(client.Put(note, Encode({.writer = writer, .upload = {}})));
  return std::make_unique<S3Writer>(client, std::move(object), std::move(note), std::move(writer));
}

absl::StatusOr<std::unique_ptr<ObjectReader>> NewS3Reader(S3Client& client, S3Place object) {
  CROFT_ASSIGN_OR_RETURN(S3Block first, client.Get(object, 0, kBlockBytes, nullptr));
  return std::make_unique<S3Reader>(client, std::move(object), std::move(first));
}

}  // namespace croft::agent
