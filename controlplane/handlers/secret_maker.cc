// Draws ids, passwords and keys for requests.

#include "controlplane/handlers/secret_maker.h"

#include <absl/strings/str_cat.h>

#include "common/crypto/scram.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/ids.h"
#include "common/log.h"

namespace croft::handlers {
namespace {

constexpr size_t kIdEntropy = 16;
constexpr size_t kSaltBytes = 16;

}  // namespace

std::string SecretMaker::NewOperationId() const { return OperationIdFrom(random_.Bytes(kIdEntropy)); }

std::string SecretMaker::NewUid() const { return UidFrom(random_.Bytes(kIdEntropy)); }

void SecretMaker::AssignUidAndLogins(domain::Tenant& tenant) const {
  tenant.uid = NewUid();
  tenant.owner_role = OwnerRoleName(tenant.id, tenant.uid);
  tenant.reader_role = absl::StrCat(tenant.owner_role, "_r");
  tenant.credentials = NewCredentials(tenant.uid);
  for (domain::Credential& credential : tenant.credentials) {
    const bool reader = credential.role == domain::LoginRole::kReadOnly;
    credential.login = absl::StrCat(tenant.owner_role, reader ? "_ra" : "_a");
    credential.published = true;
  }
}

std::vector<domain::Credential> SecretMaker::NewCredentials(const std::string& uid) const {
  return {NewCredential(uid, domain::LoginRole::kApp), NewCredential(uid, domain::LoginRole::kReadOnly)};
}

domain::Credential SecretMaker::NewCredential(const std::string& uid, domain::LoginRole role) const {
  const std::string password = crypto::NewPassword(random_);
  return {.role = role,
          .sealed_password = keyring_.Seal(password, absl::StrCat("password/", uid)),
          .verifier = crypto::ScramVerifier(password, random_.Bytes(kSaltBytes)),
          .create_time = clock_.Now()};
}

absl::Status SecretMaker::CreateDataKey(const domain::Tenant& tenant) const {
  return keys_.Create(tenant.uid, tenant.id);
}

void SecretMaker::ForgetDataKey(const std::string& uid) const {
  const absl::Status status = keys_.Destroy(uid);
  if (!status.ok()) {
    log::Warning("a data key that nobody needs stays", {{"uid", uid}, {"error", log::Text(status)}});
  }
}

absl::StatusOr<engine::PreparedBackup> SecretMaker::PrepareBackup(const std::string& uid) const {
  engine::PreparedBackup backup;
  backup.id = BackupIdFrom(clock_.Now(), random_.Bytes(kIdEntropy));
  backup.tenant_uid = uid;
  CROFT_ASSIGN_OR_RETURN(backup.wrapped_key, keys_.WrapBackupKey(uid, random_.Bytes(crypto::kKeyBytes)));
  return backup;
}

}  // namespace croft::handlers
