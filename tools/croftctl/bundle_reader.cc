// Reads the bundle that an export made.

#include "tools/croftctl/bundle_reader.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>

#include "common/compression/zstd.h"
#include "common/crypto/age.h"
#include "common/crypto/hash.h"
#include "common/errors.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/tar.h"

namespace croft::ctl {
namespace {

constexpr absl::string_view kDescription = "croft-export.json";
constexpr absl::string_view kChecksums = "SHA256SUMS";
constexpr absl::string_view kArchive = "archive.dump";
constexpr int32_t kFormat = 1;
constexpr size_t kLargestText = 64 << 20;

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("the bundle was altered or cut: ", what, "; take another copy of it"),
                   {.reason = "BUNDLE_DAMAGED"});
}

// Parses a tar archive as it comes.
class TarReader {
 public:
  using Begin = std::function<absl::Status(const std::string& name, int64_t size_bytes)>;
  TarReader(Begin begin, ByteSink take, std::function<absl::Status()> end)
      : begin_(std::move(begin)), take_(std::move(take)), end_(std::move(end)) {}

  absl::Status Append(absl::string_view bytes) {
    while (!bytes.empty()) {
      if (left_ > 0) {
        const auto taken = static_cast<size_t>(std::min<int64_t>(left_, bytes.size()));
        CROFT_RETURN_IF_ERROR(TakeContent(bytes.substr(0, taken)));
        bytes.remove_prefix(taken);
        continue;
      }
      const size_t wanted = padding_ > 0 ? padding_ : kTarBlock - block_.size();
      const size_t taken = std::min(wanted, bytes.size());
      if (padding_ > 0) {
        padding_ -= taken;
      } else {
        block_.append(bytes.data(), taken);
      }
      bytes.remove_prefix(taken);
      if (block_.size() == kTarBlock) CROFT_RETURN_IF_ERROR(TakeHeader(std::exchange(block_, {})));
    }
    return absl::OkStatus();
  }

  absl::Status Finish() const {
    return ended_ && block_.empty() ? absl::OkStatus() : Damaged("its end is missing");
  }

 private:
  absl::Status TakeContent(absl::string_view bytes) {
    left_ -= static_cast<int64_t>(bytes.size());
    if (extended_) {
      records_.append(bytes.data(), bytes.size());
      if (left_ == 0) CROFT_RETURN_IF_ERROR(ReadRecords());
    } else if (named_) {
      CROFT_RETURN_IF_ERROR(take_(bytes));
      if (left_ == 0) return end_();
    }
    return absl::OkStatus();
  }

  absl::Status TakeHeader(const std::string& block) {
    if (ended_) return absl::OkStatus();
    if (block.find_first_not_of('\0') == std::string::npos) {
      ended_ = true;
      return absl::OkStatus();
    }
    if (!IsSound(block)) return Damaged("a header of the tar archive is not one");
    const char type = block[156];
    left_ = NumberIn(block.substr(124, 12));
    extended_ = type == 'x';
    named_ = type == '0' || type == '\0';
    if (named_) left_ = std::exchange(size_, std::nullopt).value_or(left_);
    if (left_ < 0 || (extended_ && left_ > static_cast<int64_t>(kLargestText)))
      return Damaged("a size in the tar archive is none");
    padding_ = (kTarBlock - static_cast<size_t>(left_) % kTarBlock) % kTarBlock;
    if (!named_) return absl::OkStatus();
    std::string name = block.substr(0, std::min<size_t>(block.find('\0'), 100));
    if (name.compare(0, 2, "./") == 0) name.erase(0, 2);
    CROFT_RETURN_IF_ERROR(begin_(name, left_));
    return left_ == 0 ? end_() : absl::OkStatus();
  }

  // Octal, or since 8 GiB do not fit, GNU's binary form.
  static int64_t NumberIn(const std::string& field) {
    int64_t number = 0;
    if ((static_cast<unsigned char>(field[0]) & 0x80) != 0) {
      for (const char byte : field.substr(field.size() - 8))
        number =
            static_cast<int64_t>(static_cast<uint64_t>(number) << 8) | static_cast<unsigned char>(byte);
      return number;
    }
    for (const char digit : field) {
      if (digit == ' ' || digit == '\0') continue;
      if (digit < '0' || digit > '7') return -1;
      number = number * 8 + (digit - '0');
    }
    return number;
  }

  static bool IsSound(const std::string& block) {
    int64_t sum = 0;
    for (size_t i = 0; i < block.size(); ++i)
      sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    return block.compare(257, 5, "ustar") == 0 && NumberIn(block.substr(148, 8)) == sum;
  }

  // `LENGTH KEY=VALUE` and a line feed each.
  absl::Status ReadRecords() {
    for (const absl::string_view line : absl::StrSplit(std::exchange(records_, {}), '\n')) {
      const size_t at = line.find(" size=");
      int64_t size = 0;
      if (at == absl::string_view::npos) continue;
      if (!absl::SimpleAtoi(line.substr(at + 6), &size))
        return Damaged("a size in the tar archive is none");
      size_ = size;
    }
    return absl::OkStatus();
  }

  const Begin begin_;
  const ByteSink take_;
  const std::function<absl::Status()> end_;
  std::string block_;
  std::string records_;
  std::optional<int64_t> size_;  // of the next file, by an extended header
  int64_t left_ = 0;
  size_t padding_ = 0;
  bool named_ = false;
  bool extended_ = false;
  bool ended_ = false;
};

// The digest of `name` in what sha256sum wrote.
std::string SumOf(absl::string_view name, const std::string& sums) {
  for (const absl::string_view line : absl::StrSplit(sums, '\n')) {
    const size_t gap = line.find(' ');
    if (gap == absl::string_view::npos || line.size() < gap + 2) continue;
    absl::string_view named = line.substr(gap + 2);
    if (named.substr(0, 2) == "./") named.remove_prefix(2);
    if (named == name) return std::string(line.substr(0, gap));
  }
  return "";
}

}  // namespace

struct BundleReader::State {
  explicit State(Sink to)
      : sink(std::move(to)),
        tar([this](const std::string& name, int64_t size) { return Begin(name, size); },
            [this](absl::string_view bytes) { return Take(bytes); }, [this] { return End(); }),
        frames([this](absl::string_view plain) { return tar.Append(plain); }, Damaged) {}

  absl::Status Begin(const std::string& name, int64_t size) {
    current = name;
    if (name == kArchive) return BeginArchive(size);
    const bool known = name == kDescription || name == kChecksums;
    return known && size > static_cast<int64_t>(kLargestText) ? Damaged(absl::StrCat(name, " is too large"))
                                                              : absl::OkStatus();
  }

  absl::Status Take(absl::string_view bytes) {
    if (current == kDescription) json.append(bytes.data(), bytes.size());
    if (current == kChecksums) sums.append(bytes.data(), bytes.size());
    if (current != kArchive) return absl::OkStatus();
    hash.Update(bytes);
    return sink.take(bytes);
  }

  absl::Status End() {
    if (current != kArchive) return absl::OkStatus();
    whole = true;
    return crypto::Hex(hash.Finish()) == description.archive().sha256()
               ? absl::OkStatus()
               : Damaged("the digest of archive.dump is another");
  }

  absl::Status BeginArchive(int64_t size) {
    if (begun) return Damaged("archive.dump is in it twice");
    if (json.empty() || sums.empty())
      return Damaged("croft-export.json and SHA256SUMS must come before archive.dump");
    begun = true;
    if (crypto::Hex(crypto::Sha256(json)) != SumOf(kDescription, sums))
      return Damaged("the digest of croft-export.json is another");
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    if (!google::protobuf::util::JsonStringToMessage(json, &description, options).ok())
      return Damaged("croft-export.json cannot be read");
    if (description.format() > kFormat) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       "the bundle was made by a newer version of Croft; use its croftctl",
                       {.reason = "BUNDLE_NEWER"});
    }
    if (size != description.archive().size_bytes())
      return Damaged("archive.dump has another size than croft-export.json says");
    if (SumOf(kArchive, sums) != description.archive().sha256())
      return Damaged("SHA256SUMS and croft-export.json differ");
    return sink.describe(description);
  }

  const Sink sink;
  TarReader tar;
  ZstdDecompressor frames;
  std::string current;
  std::string json;
  std::string sums;
  v1::BackupExport description;
  crypto::Sha256Stream hash;
  bool begun = false;
  bool whole = false;
};

BundleReader::BundleReader(Sink sink) : state_(std::make_unique<State>(std::move(sink))) {}
BundleReader::~BundleReader() = default;

absl::Status BundleReader::Append(absl::string_view bytes) { return state_->frames.Add(bytes); }

absl::Status BundleReader::Finish() {
  if (!state_->frames.whole()) return Damaged("its end is missing");
  CROFT_RETURN_IF_ERROR(state_->tar.Finish());
  return state_->whole ? absl::OkStatus() : Damaged("archive.dump is not in it");
}

struct PassphraseReader::State {
  absl::Status Open() {
    CROFT_ASSIGN_OR_RETURN(const std::optional<size_t> size, Blamed(crypto::AgeHeaderBytes(pending)));
    if (!size) return absl::OkStatus();
    CROFT_ASSIGN_OR_RETURN(
        opener, Blamed(crypto::AgeOpener::New(absl::string_view(pending).substr(0, *size), passphrase)));
    pending.erase(0, *size);
    return absl::OkStatus();
  }

  template <typename T>
  static absl::StatusOr<T> Blamed(absl::StatusOr<T> value) {
    if (absl::IsInvalidArgument(value.status()))
      return UsageError(absl::StrCat("the bundle does not open: ", value.status().message()));
    return absl::IsDataLoss(value.status()) ? Damaged(value.status().message()) : std::move(value);
  }

  absl::Status PassOn(absl::string_view sealed, bool last) {
    CROFT_ASSIGN_OR_RETURN(const std::string opened, Blamed(opener->Chunk(sealed, last)));
    return sink(opened);
  }

  const std::string passphrase;
  const ByteSink sink;
  std::unique_ptr<crypto::AgeOpener> opener;
  std::string pending;
  bool plain = false;
};

PassphraseReader::PassphraseReader(std::string passphrase, ByteSink sink)
    : state_(new State{std::move(passphrase), std::move(sink), nullptr, "", false}) {}
PassphraseReader::~PassphraseReader() = default;

// A full chunk waits until more comes, since the last is marked.
absl::Status PassphraseReader::Append(absl::string_view bytes) {
  State& state = *state_;
  if (state.plain) return state.sink(bytes);
  state.pending.append(bytes.data(), bytes.size());
  if (!state.opener) {
    const absl::string_view begun = absl::string_view(state.pending).substr(0, crypto::kAgeIntro.size());
    if (begun != crypto::kAgeIntro.substr(0, begun.size())) {
      if (!state.passphrase.empty())
        return UsageError("the bundle is not encrypted: leave out --passphrase-file");
      state.plain = true;
      return state.sink(std::exchange(state.pending, {}));
    }
    if (begun.size() < crypto::kAgeIntro.size()) return absl::OkStatus();
    if (state.passphrase.empty()) return UsageError("the bundle is encrypted: give --passphrase-file");
    CROFT_RETURN_IF_ERROR(state.Open());
    if (!state.opener) return absl::OkStatus();
  }
  size_t at = 0;
  for (; state.pending.size() - at > crypto::kAgeSealedChunkBytes; at += crypto::kAgeSealedChunkBytes)
    CROFT_RETURN_IF_ERROR(
        state.PassOn(absl::string_view(state.pending).substr(at, crypto::kAgeSealedChunkBytes), false));
  state.pending.erase(0, at);
  return absl::OkStatus();
}

absl::Status PassphraseReader::Finish() {
  if (state_->plain) return absl::OkStatus();
  if (!state_->opener) return Damaged("its end is missing");
  return state_->PassOn(state_->pending, true);
}

}  // namespace croft::ctl
