// Keeps each tenant's data key, sealed, in an SQLite file.

#include "controlplane/keyring/key_store.h"

#include <optional>
#include <utility>
#include <vector>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "common/sqlite/transaction.h"
#include "controlplane/keyring/migrations.h"

namespace croft::keyring {
namespace {

constexpr sqlite::Schema kSchema{
    .name = "key store", .application_id = 0x63726b79 /* "crky" */, .migrations = kMigrations};
constexpr absl::string_view kBackupKeyPrefix = "d:";

std::string DataKeyContext(absl::string_view uid) { return absl::StrCat("data-key/", uid); }
std::string BackupKeyContext(absl::string_view uid) { return absl::StrCat("backup-key/", uid); }

absl::Status NotFound(absl::string_view uid) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("the key store has no data key of tenant uid ", uid),
                   {.reason = "DATA_KEY_NOT_FOUND", .metadata = {{"uid", std::string(uid)}}});
}

absl::Status Destroyed(absl::string_view uid) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the data key of tenant uid ", uid, " was destroyed by a purge"),
                   {.reason = "DATA_KEY_DESTROYED", .metadata = {{"uid", std::string(uid)}}});
}

absl::Status Broken(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, what, {.reason = "SEAL_BROKEN"});
}

absl::Status CheckDataKey(absl::string_view key) {
  return key.size() == crypto::kKeyBytes ? absl::OkStatus() : Broken("a data key has the wrong length");
}

// A row as it is stored: a destroyed key's row has no value.
struct Row {
  std::string uid;
  std::optional<std::string> wrapped;
};

}  // namespace

struct KeyStore::State {
  State(std::unique_ptr<sqlite::Database> opened, const Keyring& keys, Random& entropy)
      : keyring(keys), random(entropy), database(std::move(opened)) {}

  const Keyring keyring;
  Random& random;
  std::unique_ptr<sqlite::Database> database;
  sqlite::Statement find{*database, "SELECT uid, wrapped FROM data_keys WHERE uid = ?1"};
  sqlite::Statement all{*database,
                        "SELECT uid, wrapped FROM data_keys WHERE wrapped IS NOT NULL ORDER BY uid"};
  sqlite::Statement insert{*database, "INSERT INTO data_keys (uid, wrapped, tenant) VALUES (?1, ?2, ?3)"};
  sqlite::Statement tenants{*database, "SELECT uid, tenant, wrapped IS NULL FROM data_keys ORDER BY uid"};
  sqlite::Statement unnamed{
      *database, "SELECT uid FROM data_keys WHERE tenant = '' AND wrapped IS NOT NULL ORDER BY uid"};
  sqlite::Statement name{*database, "UPDATE data_keys SET tenant = ?2 WHERE uid = ?1"};
  sqlite::Statement update{*database, "UPDATE data_keys SET wrapped = ?2 WHERE uid = ?1"};
  sqlite::Statement destroy{*database,
                            "INSERT INTO data_keys (uid, wrapped) VALUES (?1, NULL) "
                            "ON CONFLICT (uid) DO UPDATE SET wrapped = NULL"};
  sqlite::Statement checkpoint{*database, "PRAGMA wal_checkpoint(TRUNCATE)"};
  absl::Status broken;

  absl::StatusOr<std::optional<Row>> Find(absl::string_view uid) {
    CROFT_RETURN_IF_ERROR(broken);
    sqlite::Rows rows = find.Query(uid);
    std::optional<Row> row;
    if (rows.Next()) {
      row.emplace();
      rows.Read(0, row->uid, row->wrapped);
    }
    CROFT_RETURN_IF_ERROR(rows.status());
    return row;
  }

  // The row of a tenant that has a key.
  absl::StatusOr<std::string> FindWrapped(absl::string_view uid) {
    CROFT_ASSIGN_OR_RETURN(const std::optional<Row> row, Find(uid));
    if (!row) return NotFound(uid);
    if (!row->wrapped) return Destroyed(uid);
    return *row->wrapped;
  }

  absl::Status Insert(absl::string_view uid, absl::string_view wrapped, absl::string_view tenant) {
    CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database));
    CROFT_RETURN_IF_ERROR(insert.Execute(uid, wrapped, tenant));
    return transaction.Commit();
  }

  // Moves the write-ahead log into the file and cuts it to nothing, for it holds older pages.
  absl::Status EmptyLog() {
    sqlite::Rows rows = checkpoint.Query();
    const bool held_up = rows.Next() && rows.Get<bool>(0);
    CROFT_RETURN_IF_ERROR(rows.status());
    if (!held_up) return absl::OkStatus();
    return MakeError(absl::StatusCode::kUnavailable,
                     "the key store's write-ahead log is in use by a reader",
                     {.reason = "DATABASE_LOCKED"});
  }
};

KeyStore::KeyStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

KeyStore::~KeyStore() = default;

absl::StatusOr<std::unique_ptr<KeyStore>> KeyStore::Open(absl::string_view path, const Keyring& keyring,
                                                         Random& random) {
  CROFT_ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database,
                         sqlite::Database::Open(path, kSchema, {.secure_delete = true}));
  auto state = std::make_unique<State>(std::move(database), keyring, random);
  // A process that died in Destroy or Reseal left older pages in the log.
  CROFT_RETURN_IF_ERROR(state->EmptyLog());
  return std::unique_ptr<KeyStore>(new KeyStore(std::move(state)));
}

absl::Status KeyStore::Note(absl::Status status) {
  const std::string reason = status.ok() ? "" : DetailsOf(status).reason;
  // A full disk is answered before anything is changed; all else leaves the file's state unknown.
  if (reason == "DATABASE_IO" || reason == "DATABASE_CORRUPT") state_->broken = status;
  return status;
}

absl::Status KeyStore::Create(absl::string_view uid, absl::string_view tenant) {
  const MutexLock lock(mutex_);
  CROFT_ASSIGN_OR_RETURN(const std::optional<Row> row, state_->Find(uid));
  if (row) return row->wrapped ? absl::OkStatus() : Destroyed(uid);
  const std::string key = state_->random.Bytes(crypto::kKeyBytes);
  return Note(state_->Insert(uid, state_->keyring.Seal(key, DataKeyContext(uid)), tenant));
}

absl::StatusOr<std::map<std::string, KeyStore::Owner>> KeyStore::Owners() {
  const MutexLock lock(mutex_);
  CROFT_RETURN_IF_ERROR(state_->broken);
  std::map<std::string, Owner> owners;
  sqlite::Rows rows = state_->tenants.Query();
  while (rows.Next()) {
    std::string uid;
    Owner owner;
    rows.Read(0, uid, owner.tenant, owner.destroyed);
    owners.emplace(std::move(uid), std::move(owner));
  }
  CROFT_RETURN_IF_ERROR(rows.status());
  return owners;
}

absl::StatusOr<std::vector<std::string>> KeyStore::Unnamed() {
  const MutexLock lock(mutex_);
  CROFT_RETURN_IF_ERROR(state_->broken);
  std::vector<std::string> uids;
  sqlite::Rows rows = state_->unnamed.Query();
  while (rows.Next()) uids.push_back(rows.Get<std::string>(0));
  CROFT_RETURN_IF_ERROR(rows.status());
  return uids;
}

absl::Status KeyStore::Name(const std::map<std::string, std::string>& tenants) {
  const MutexLock lock(mutex_);
  CROFT_RETURN_IF_ERROR(state_->broken);
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*state_->database));
  for (const auto& [uid, tenant] : tenants) CROFT_RETURN_IF_ERROR(state_->name.Execute(uid, tenant));
  return Note(transaction.Commit());
}

absl::StatusOr<std::string> KeyStore::Wrapped(absl::string_view uid) {
  const MutexLock lock(mutex_);
  return state_->FindWrapped(uid);
}

absl::Status KeyStore::Import(absl::string_view uid, absl::string_view wrapped) {
  const MutexLock lock(mutex_);
  CROFT_ASSIGN_OR_RETURN(const std::string key, state_->keyring.Open(wrapped, DataKeyContext(uid)));
  CROFT_RETURN_IF_ERROR(CheckDataKey(key));
  CROFT_ASSIGN_OR_RETURN(const std::optional<Row> row, state_->Find(uid));
  if (!row) return Note(state_->Insert(uid, state_->keyring.Seal(key, DataKeyContext(uid)), ""));
  CROFT_ASSIGN_OR_RETURN(const std::string present, DataKey(uid));
  if (crypto::EqualInConstantTime(key, present)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("the key store has another data key of tenant uid ", uid),
                   {.reason = "DATA_KEY_EXISTS", .metadata = {{"uid", std::string(uid)}}});
}

absl::StatusOr<std::string> KeyStore::DataKey(absl::string_view uid) {
  CROFT_ASSIGN_OR_RETURN(const std::string wrapped, state_->FindWrapped(uid));
  CROFT_ASSIGN_OR_RETURN(std::string key, state_->keyring.Open(wrapped, DataKeyContext(uid)));
  CROFT_RETURN_IF_ERROR(CheckDataKey(key));
  return key;
}

absl::StatusOr<std::string> KeyStore::WrapBackupKey(absl::string_view uid, absl::string_view backup_key) {
  const MutexLock lock(mutex_);
  CROFT_ASSIGN_OR_RETURN(const std::string key, DataKey(uid));
  return absl::StrCat(kBackupKeyPrefix,
                      absl::WebSafeBase64Escape(crypto::Seal(key, backup_key, BackupKeyContext(uid))));
}

absl::StatusOr<std::string> KeyStore::UnwrapBackupKey(absl::string_view uid, absl::string_view wrapped) {
  const MutexLock lock(mutex_);
  CROFT_ASSIGN_OR_RETURN(const std::string key, DataKey(uid));
  std::string box;
  if (!absl::ConsumePrefix(&wrapped, kBackupKeyPrefix) || !absl::WebSafeBase64Unescape(wrapped, &box)) {
    return Broken("a backup's key is not in the form it was wrapped in");
  }
  return crypto::Open(key, box, BackupKeyContext(uid));
}

absl::Status KeyStore::Destroy(absl::string_view uid) {
  const MutexLock lock(mutex_);
  CROFT_RETURN_IF_ERROR(state_->broken);
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*state_->database));
  CROFT_RETURN_IF_ERROR(state_->destroy.Execute(uid));
  CROFT_RETURN_IF_ERROR(Note(transaction.Commit()));
  return Note(state_->EmptyLog());
}

absl::StatusOr<int64_t> KeyStore::Reseal() {
  const MutexLock lock(mutex_);
  CROFT_RETURN_IF_ERROR(state_->broken);
  std::vector<Row> old;
  {
    sqlite::Rows rows = state_->all.Query();
    while (rows.Next()) {
      Row row;
      rows.Read(0, row.uid, row.wrapped);
      if (!state_->keyring.SealedWithCurrentKey(*row.wrapped)) old.push_back(std::move(row));
    }
    CROFT_RETURN_IF_ERROR(rows.status());
  }
  CROFT_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*state_->database));
  for (const Row& row : old) {
    const std::string context = DataKeyContext(row.uid);
    CROFT_ASSIGN_OR_RETURN(const std::string key, state_->keyring.Open(*row.wrapped, context));
    CROFT_RETURN_IF_ERROR(state_->update.Execute(row.uid, state_->keyring.Seal(key, context)));
  }
  CROFT_RETURN_IF_ERROR(Note(transaction.Commit()));
  CROFT_RETURN_IF_ERROR(Note(state_->EmptyLog()));
  return static_cast<int64_t>(old.size());
}

}  // namespace croft::keyring
