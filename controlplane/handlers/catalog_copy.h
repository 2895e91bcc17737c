#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "controlplane/domain/revision.h"
#include "controlplane/handlers/service.h"
#include "croft/v1/admin.pb.h"

namespace croft::handlers {

// A whole copy of the catalog that is open for reading and has no name any more: it is gone with this.
class CatalogCopy {
 public:
  struct Facts {
    std::string sha256;  // hexadecimal
    int64_t size_bytes = 0;
    domain::Revision revision;
    absl::Time create_time;
  };
  // Takes the descriptor.
  CatalogCopy(int file, Facts facts) : file_(file), facts_(std::move(facts)) {}
  ~CatalogCopy();
  CatalogCopy(const CatalogCopy&) = delete;
  CatalogCopy& operator=(const CatalogCopy&) = delete;

  const Facts& facts() const { return facts_; }
  // At most `size` bytes from `offset` on; none at the end.
  absl::StatusOr<std::string> Read(int64_t offset, size_t size) const;

 private:
  const int file_;
  const Facts facts_;
};

// Who can copy the catalog while it is written. Thread-safe.
class CatalogCopier {
 public:
  virtual ~CatalogCopier() = default;
  // Blocks until it is made and checked. RESOURCE_EXHAUSTED, OVERLOADED, while others are being read, and DISK_FULL.
  virtual absl::StatusOr<std::shared_ptr<const CatalogCopy>> Copy() = 0;
};

// The copy's bytes, and what describes them last: who does not get that far has no copy.
std::unique_ptr<Feed<v1::BackupCatalogResponse>> NewCopyFeed(std::shared_ptr<const CatalogCopy> copy);

}  // namespace croft::handlers
