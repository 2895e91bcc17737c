#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>

#include "common/sqlite/database.h"
#include "common/sync.h"
#include "controlplane/catalog/sqlite/backup_policies.h"
#include "controlplane/catalog/sqlite/events.h"
#include "controlplane/catalog/sqlite/hosts.h"
#include "controlplane/catalog/sqlite/meta.h"
#include "controlplane/catalog/sqlite/operations.h"
#include "controlplane/catalog/sqlite/records.h"
#include "controlplane/catalog/sqlite/schedules.h"
#include "controlplane/catalog/sqlite/tenants.h"
#include "controlplane/catalog/sqlite/users.h"

// Reading connections for many threads.
namespace croft::catalog {

// A reading connection and its statements. One thread at a time.
struct Reader {
  explicit Reader(std::unique_ptr<sqlite::Database> connection)
      : database(std::move(connection)),
        meta(*database),
        tenants(*database),
        hosts(*database),
        users(*database),
        operations(*database),
        backups(*database),
        erasures(*database),
        schedules(*database),
        backup_policies(*database),
        audit(*database),
        events(*database) {}

  std::unique_ptr<sqlite::Database> database;
  MetaReads meta;
  TenantReads tenants;
  HostReads hosts;
  UserReads users;
  OperationReads operations;
  BackupReads backups;
  ErasureReads erasures;
  ScheduleReads schedules;
  BackupPolicyReads backup_policies;
  AuditReads audit;
  EventReads events;
};

// Readers on the same file, opened when first needed and kept. Thread-safe.
class ReaderPool {
 public:
  // A reader of one's own for as long as this lives.
  class Lease {
   public:
    Lease(Lease&& other) noexcept : pool_(other.pool_), reader_(std::move(other.reader_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Reader& operator*() const { return *reader_; }
    Reader* operator->() const { return reader_.get(); }

   private:
    friend class ReaderPool;
    Lease(ReaderPool* pool, std::unique_ptr<Reader> reader) : pool_(pool), reader_(std::move(reader)) {}

    ReaderPool* pool_;
    std::unique_ptr<Reader> reader_;
  };

  ReaderPool(std::string path, int size) : path_(std::move(path)), size_(size) {}

  // Waits while all are lent.
  absl::StatusOr<Lease> Borrow();

 private:
  void Return(std::unique_ptr<Reader> reader);

  const std::string path_;
  const int size_;
  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<Reader>> idle_ ABSL_GUARDED_BY(mutex_);
  int lent_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace croft::catalog
