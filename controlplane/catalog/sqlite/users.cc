// Reads and writes principals with their tokens, certificates and bindings.

#include "controlplane/catalog/sqlite/users.h"

#include <cstdint>
#include <map>
#include <utility>
#include <variant>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/columns.h"

namespace croft::catalog {
namespace {

using domain::User;
using sqlite::Rows;

// A binding's scope in two columns.
struct ScopeColumns {
  absl::string_view kind;
  std::string contents;
};

ScopeColumns EncodeScope(const domain::Scope& scope) {
  if (const auto* named = std::get_if<domain::NamedTenants>(&scope))
    return {"NAMED", EncodeList(named->ids)};
  if (const auto* labelled = std::get_if<domain::LabelledTenants>(&scope)) {
    return {"LABELLED", EncodeMap(labelled->labels)};
  }
  return {"ALL", ""};
}

absl::Status DecodeScope(absl::string_view kind, absl::string_view contents, domain::Scope& scope) {
  if (kind == "NAMED") return DecodeList(contents, scope.emplace<domain::NamedTenants>().ids);
  if (kind == "LABELLED") return DecodeMap(contents, scope.emplace<domain::LabelledTenants>().labels);
  scope = domain::AllTenants();
  return absl::OkStatus();
}

}  // namespace

UserReads::UserReads(sqlite::Database& database)
    : find_(database,
            "SELECT id, uid, create_time, update_time, version, display_name FROM principals WHERE id = ?"),
      find_certificate_(database, "SELECT principal FROM principal_certificates WHERE fingerprint = ?"),
      list_(database,
            "SELECT id, uid, create_time, update_time, version, display_name FROM principals ORDER BY id"),
      bindings_(database,
                "SELECT role, scope, scope_contents FROM bindings WHERE principal = ? ORDER BY position"),
      tokens_(database,
              "SELECT id, hash, create_time, expire_time, last_used_time FROM tokens WHERE principal = ? "
              "ORDER BY position"),
      certificates_(database,
                    "SELECT fingerprint, expire_time FROM principal_certificates WHERE principal = ? "
                    "ORDER BY position") {}

absl::StatusOr<std::vector<User>> UserReads::Collect(Rows rows) {
  std::vector<User> users;
  while (rows.Next()) {
    User& user = users.emplace_back();
    rows.Read(0, user.id, user.uid, user.create_time, user.update_time, user.version, user.display_name);
  }
  if (!rows.status().ok()) return rows.status();
  for (User& user : users) CROFT_RETURN_IF_ERROR(ReadParts(user));
  return users;
}

absl::Status UserReads::ReadParts(User& user) {
  {
    Rows rows = bindings_.Query(user.id);
    while (rows.Next()) {
      domain::Binding& binding = user.bindings.emplace_back();
      std::string role, kind, contents;
      rows.Read(0, role, kind, contents);
      CROFT_RETURN_IF_ERROR(DecodeRole(role, binding.role));
      CROFT_RETURN_IF_ERROR(DecodeScope(kind, contents, binding.scope));
    }
    CROFT_RETURN_IF_ERROR(rows.status());
  }
  {
    Rows rows = tokens_.Query(user.id);
    while (rows.Next()) {
      domain::AccessToken& token = user.tokens.emplace_back();
      rows.Read(0, token.id, token.hash, token.create_time, token.expire_time, token.last_used_time);
    }
    CROFT_RETURN_IF_ERROR(rows.status());
  }
  Rows rows = certificates_.Query(user.id);
  while (rows.Next()) {
    domain::UserCertificate& certificate = user.certificates.emplace_back();
    rows.Read(0, certificate.fingerprint, certificate.expire_time);
  }
  return rows.status();
}

absl::StatusOr<std::optional<User>> UserReads::Find(absl::string_view id) {
  CROFT_ASSIGN_OR_RETURN(std::vector<User> users, Collect(find_.Query(id)));
  if (users.empty()) return std::optional<User>();
  return std::optional<User>(std::move(users.front()));
}

absl::StatusOr<std::optional<std::string>> UserReads::FindCertificate(absl::string_view fingerprint) {
  Rows rows = find_certificate_.Query(fingerprint);
  if (!rows.Next()) {
    if (!rows.status().ok()) return rows.status();
    return std::optional<std::string>();
  }
  std::string id;
  rows.Read(0, id);
  return std::optional<std::string>(std::move(id));
}

absl::StatusOr<std::vector<User>> UserReads::List() { return Collect(list_.Query()); }

UserWrites::UserWrites(sqlite::Database& database)
    : put_(database,
           "INSERT INTO principals (id, uid, create_time, update_time, version, display_name) "
           "VALUES (?, ?, ?, ?, ?, ?) "
           "ON CONFLICT (id) DO UPDATE SET uid = excluded.uid, create_time = excluded.create_time, "
           "update_time = excluded.update_time, version = excluded.version, "
           "display_name = excluded.display_name"),
      delete_(database, "DELETE FROM principals WHERE id = ?"),
      put_binding_(database,
                   "INSERT INTO bindings (principal, position, role, scope, scope_contents) "
                   "VALUES (?, ?, ?, ?, ?)"),
      delete_bindings_(database, "DELETE FROM bindings WHERE principal = ?"),
      put_token_(
          database,
          "INSERT INTO tokens (principal, position, id, hash, create_time, expire_time, last_used_time) "
          "VALUES (?, ?, ?, ?, ?, ?, ?)"),
      delete_tokens_(database, "DELETE FROM tokens WHERE principal = ?"),
      put_certificate_(database,
                       "INSERT INTO principal_certificates (principal, position, fingerprint, expire_time) "
                       "VALUES (?, ?, ?, ?)"),
      delete_certificates_(database, "DELETE FROM principal_certificates WHERE principal = ?"),
      note_(database, "UPDATE tokens SET last_used_time = ? WHERE principal = ? AND id = ?") {}

absl::Status UserWrites::Put(const User& user) {
  CROFT_RETURN_IF_ERROR(
      put_.Execute(user.id, user.uid, user.create_time, user.update_time, user.version, user.display_name));
  CROFT_RETURN_IF_ERROR(DeleteParts(user.id));
  return PutParts(user);
}

absl::Status UserWrites::PutParts(const User& user) {
  int64_t position = 0;
  for (const domain::Binding& binding : user.bindings) {
    const ScopeColumns scope = EncodeScope(binding.scope);
    CROFT_RETURN_IF_ERROR(
        put_binding_.Execute(user.id, position++, EncodeRole(binding.role), scope.kind, scope.contents));
  }
  for (const domain::AccessToken& token : user.tokens) {
    CROFT_RETURN_IF_ERROR(put_token_.Execute(user.id, position++, token.id, token.hash, token.create_time,
                                             token.expire_time, token.last_used_time));
  }
  for (const domain::UserCertificate& certificate : user.certificates) {
    CROFT_RETURN_IF_ERROR(
        put_certificate_.Execute(user.id, position++, certificate.fingerprint, certificate.expire_time));
  }
  return absl::OkStatus();
}

absl::Status UserWrites::DeleteParts(absl::string_view id) {
  CROFT_RETURN_IF_ERROR(delete_bindings_.Execute(id));
  CROFT_RETURN_IF_ERROR(delete_tokens_.Execute(id));
  return delete_certificates_.Execute(id);
}

absl::Status UserWrites::Delete(absl::string_view id) {
  CROFT_RETURN_IF_ERROR(DeleteParts(id));
  return delete_.Execute(id);
}

absl::Status UserWrites::Note(const NoteTokenUse& use) {
  return note_.Execute(use.time, use.user, use.token);
}

}  // namespace croft::catalog
