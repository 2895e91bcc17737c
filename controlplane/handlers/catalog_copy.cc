// Sends a copy of the catalog piece by piece.

#include "controlplane/handlers/catalog_copy.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/wire/fields.h"

namespace croft::handlers {
namespace {

constexpr size_t kChunk = 256 << 10;

class CopyFeed final : public Feed<v1::BackupCatalogResponse> {
 public:
  explicit CopyFeed(std::shared_ptr<const CatalogCopy> copy) : copy_(std::move(copy)) {}

  Pulled<v1::BackupCatalogResponse> Next() override {
    if (described_) return EndOfStream{absl::OkStatus()};
    v1::BackupCatalogResponse response;
    absl::StatusOr<std::string> bytes = copy_->Read(offset_, kChunk);
    if (!bytes.ok()) return EndOfStream{bytes.status()};
    offset_ += static_cast<int64_t>(bytes->size());
    if (bytes->empty()) {
      Describe(*response.mutable_copy());
      described_ = true;
    } else {
      response.set_data(*std::move(bytes));
    }
    return response;
  }

 private:
  void Describe(v1::CatalogCopy& described) const {
    const CatalogCopy::Facts& facts = copy_->facts();
    described.set_sha256(facts.sha256);
    described.set_size_bytes(facts.size_bytes);
    described.mutable_revision()->set_epoch(facts.revision.epoch);
    described.mutable_revision()->set_revision(facts.revision.revision);
    *described.mutable_create_time() = wire::ToProto(facts.create_time);
  }

  const std::shared_ptr<const CatalogCopy> copy_;
  int64_t offset_ = 0;
  bool described_ = false;
};

}  // namespace

CatalogCopy::~CatalogCopy() { close(file_); }

absl::StatusOr<std::string> CatalogCopy::Read(int64_t offset, size_t size) const {
  std::string bytes(size, '\0');
  size_t filled = 0;
  while (filled < size) {
    const ssize_t got = pread(file_, bytes.data() + filled, size - filled,
                              static_cast<off_t>(offset) + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return MakeError(absl::StatusCode::kInternal,
                       absl::StrCat("the copy of the catalog cannot be read: ", std::strerror(errno)),
                       {.reason = "FILE_IO"});
    }
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

std::unique_ptr<Feed<v1::BackupCatalogResponse>> NewCopyFeed(std::shared_ptr<const CatalogCopy> copy) {
  return std::make_unique<CopyFeed>(std::move(copy));
}

}  // namespace croft::handlers
