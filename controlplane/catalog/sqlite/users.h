#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/sqlite/database.h"
#include "common/sqlite/statement.h"
#include "controlplane/catalog/catalog.h"

// Principals in the catalog's tables.
namespace croft::catalog {

class UserReads {
 public:
  explicit UserReads(sqlite::Database& database);

  absl::StatusOr<std::optional<domain::User>> Find(absl::string_view id);
  absl::StatusOr<std::optional<std::string>> FindCertificate(absl::string_view fingerprint);
  absl::StatusOr<std::vector<domain::User>> List();  // by id

 private:
  absl::StatusOr<std::vector<domain::User>> Collect(sqlite::Rows rows);
  absl::Status ReadParts(domain::User& user);

  sqlite::Statement find_;
  sqlite::Statement find_certificate_;
  sqlite::Statement list_;
  sqlite::Statement bindings_;
  sqlite::Statement tokens_;
  sqlite::Statement certificates_;
};

class UserWrites {
 public:
  explicit UserWrites(sqlite::Database& database);

  absl::Status Put(const domain::User& user);
  absl::Status Delete(absl::string_view id);
  absl::Status Note(const NoteTokenUse& use);

 private:
  absl::Status DeleteParts(absl::string_view id);
  absl::Status PutParts(const domain::User& user);

  sqlite::Statement put_;
  sqlite::Statement delete_;
  sqlite::Statement put_binding_;
  sqlite::Statement delete_bindings_;
  sqlite::Statement put_token_;
  sqlite::Statement delete_tokens_;
  sqlite::Statement put_certificate_;
  sqlite::Statement delete_certificates_;
  sqlite::Statement note_;
};

}  // namespace croft::catalog
