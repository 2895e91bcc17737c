#pragma once

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/clock.h"
#include "common/random.h"
#include "controlplane/domain/tenant.h"
#include "controlplane/engine/event.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/keyring/keyring.h"

namespace croft::handlers {

// Makes what is random or secret before an event enters the engine. Takes milliseconds for verifiers and waits
// for the disk for keys, so it is not for the writer thread. Thread-safe.
class SecretMaker {
 public:
  SecretMaker(const keyring::Keyring& keyring, keyring::KeyStore& keys, Random& random, const Clock& clock)
      : keyring_(keyring), keys_(keys), random_(random), clock_(clock) {}

  std::string NewOperationId() const;
  std::string NewUid() const;

  // Gives a tenant that is about to be made, of which the id is set, its uid, role names and first logins.
  void AssignUidAndLogins(domain::Tenant& tenant) const;
  // One of each role, without a login name.
  std::vector<domain::Credential> NewCredentials(const std::string& uid) const;

  // On disk when it answers.
  absl::Status CreateDataKey(const domain::Tenant& tenant) const;
  // For a tenant that did not come to be. Best effort: a key too many harms nothing.
  void ForgetDataKey(const std::string& uid) const;

  // The id of a backup to be made and its own key, wrapped. Needs the tenant's data key.
  absl::StatusOr<engine::PreparedBackup> PrepareBackup(const std::string& uid) const;

 private:
  domain::Credential NewCredential(const std::string& uid, domain::LoginRole role) const;

  const keyring::Keyring& keyring_;
  keyring::KeyStore& keys_;
  Random& random_;
  const Clock& clock_;
};

}  // namespace croft::handlers
