// Lends reading connections to threads.

#include "controlplane/catalog/sqlite/reader_pool.h"

#include "common/errors.h"

namespace croft::catalog {

ReaderPool::Lease::~Lease() {
  if (reader_ != nullptr) pool_->Return(std::move(reader_));
}

absl::StatusOr<ReaderPool::Lease> ReaderPool::Borrow() {
  {
    MutexLock lock(mutex_);
    while (lent_ == size_) returned_.Wait(mutex_);
    ++lent_;
    if (!idle_.empty()) {
      std::unique_ptr<Reader> reader = std::move(idle_.back());
      idle_.pop_back();
      return Lease(this, std::move(reader));
    }
  }
  auto database = sqlite::Database::OpenReader(path_, {});
  if (!database.ok()) {
    Return(nullptr);
    return database.status();
  }
  return Lease(this, std::make_unique<Reader>(*std::move(database)));
}

void ReaderPool::Return(std::unique_ptr<Reader> reader) {
  MutexLock lock(mutex_);
  --lent_;
  if (reader != nullptr) idle_.push_back(std::move(reader));
  returned_.NotifyOne();
}

}  // namespace croft::catalog
