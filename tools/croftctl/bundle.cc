// Writes the bundle that an export makes.

#include "tools/croftctl/bundle.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/compression/zstd.h"
#include "common/crypto/age.h"
#include "common/crypto/hash.h"
#include "common/errors.h"
#include "tools/croftctl/format.h"
#include "tools/croftctl/tar.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr absl::string_view kDescription = "croft-export.json";
constexpr absl::string_view kChecksums = "SHA256SUMS";
constexpr absl::string_view kArchive = "archive.dump";

absl::Status NotWhatWasDescribed(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("what came is not what was described: ", what, ". Try again"));
}

std::string FileInTar(absl::string_view name, absl::string_view content, absl::Time time) {
  const auto size = static_cast<int64_t>(content.size());
  return absl::StrCat(TarHeader(name, size, time), content, TarPadding(size));
}

std::string SumLine(const std::string& sha256, absl::string_view name) {
  return absl::StrCat(sha256, "  ", name, "\n");
}

}  // namespace

struct BundleWriter::State {
  explicit State(ByteSink bytes)
      : sink(std::move(bytes)),
        archive([this](absl::string_view plain) { return Look(plain); }, NotWhatWasDescribed) {}

  // What is in there is only counted and compared.
  absl::Status Look(absl::string_view plain) {
    hash.Update(plain);
    size_bytes += static_cast<int64_t>(plain.size());
    return size_bytes > expected.size_bytes() ? NotWhatWasDescribed("there is more of it")
                                              : absl::OkStatus();
  }

  // In a frame of its own, beside those that come.
  absl::Status Write(absl::string_view plain) const {
    CROFT_ASSIGN_OR_RETURN(const std::string frame, CompressZstd(plain));
    return sink(frame);
  }

  const ByteSink sink;
  v1::ArchiveFacts expected;
  ZstdDecompressor archive;
  crypto::Sha256Stream hash;
  int64_t size_bytes = 0;
  bool described = false;
};

BundleWriter::BundleWriter(ByteSink sink) : state_(std::make_unique<State>(std::move(sink))) {}
BundleWriter::~BundleWriter() = default;

absl::Status BundleWriter::Describe(const v1::BackupExport& description) {
  if (std::exchange(state_->described, true)) return NotWhatWasDescribed("it is described twice");
  state_->expected = description.archive();
  CROFT_ASSIGN_OR_RETURN(const nlohmann::ordered_json json, ToJson(description));
  const std::string text = JsonText(json);
  const std::string sums = absl::StrCat(SumLine(crypto::Hex(crypto::Sha256(text)), kDescription),
                                        SumLine(state_->expected.sha256(), kArchive));
  const absl::Time time = FromProto(description.export_time());
  return state_->Write(absl::StrCat(FileInTar(kDescription, text, time), FileInTar(kChecksums, sums, time),
                                    TarHeader(kArchive, state_->expected.size_bytes(), time)));
}

absl::Status BundleWriter::Append(absl::string_view compressed) {
  if (!state_->described) return NotWhatWasDescribed("it is not described");
  CROFT_RETURN_IF_ERROR(state_->archive.Add(compressed));
  return state_->sink(compressed);
}

absl::Status BundleWriter::Finish() {
  if (!state_->described) return NotWhatWasDescribed("it is not described");
  if (!state_->archive.whole() || state_->size_bytes != state_->expected.size_bytes())
    return NotWhatWasDescribed("its end is missing");
  if (crypto::Hex(state_->hash.Finish()) != state_->expected.sha256())
    return NotWhatWasDescribed("its digest is another");
  return state_->Write(absl::StrCat(TarPadding(state_->size_bytes), TarEnd()));
}

struct PassphraseFilter::State {
  absl::Status Begin() {
    if (sealer) return absl::OkStatus();
    CROFT_ASSIGN_OR_RETURN(sealer, crypto::AgeSealer::New(passphrase));
    return sink(sealer->header());
  }

  const std::string passphrase;
  const ByteSink sink;
  std::unique_ptr<crypto::AgeSealer> sealer;
  std::string pending;
};

PassphraseFilter::PassphraseFilter(std::string passphrase, ByteSink sink)
    : state_(new State{std::move(passphrase), std::move(sink)}) {}
PassphraseFilter::~PassphraseFilter() = default;

// A full chunk waits until more comes, since the last is marked.
absl::Status PassphraseFilter::Append(absl::string_view bytes) {
  CROFT_RETURN_IF_ERROR(state_->Begin());
  while (!bytes.empty()) {
    if (state_->pending.size() == crypto::kAgeChunkBytes) {
      CROFT_RETURN_IF_ERROR(state_->sink(state_->sealer->Chunk(state_->pending, false)));
      state_->pending.clear();
    }
    const size_t taken = std::min(bytes.size(), crypto::kAgeChunkBytes - state_->pending.size());
    state_->pending.append(bytes.data(), taken);
    bytes.remove_prefix(taken);
  }
  return absl::OkStatus();
}

absl::Status PassphraseFilter::Finish() {
  CROFT_RETURN_IF_ERROR(state_->Begin());
  return state_->sink(state_->sealer->Chunk(state_->pending, true));
}

}  // namespace croft::ctl
