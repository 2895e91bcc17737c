// The commands of croftd that export and rotate the keyring.

#include "controlplane/server/keyring_commands.h"

#include "common/errors.h"
#include "common/random.h"
#include "controlplane/keyring/keyring.h"

namespace croft::server {

absl::Status ExportKeyring(const StateDirectory& state, const std::string& credentials_directory,
                           const std::string& path) {
  CROFT_ASSIGN_OR_RETURN(const keyring::Keyring keyring,
                         keyring::LoadKeyring(keyring::FindKeyring(state.folder, credentials_directory)));
  return keyring::CreateKeyringFile(path, keyring);
}

absl::Status RotateKeyring(const StateDirectory& state) {
  const keyring::KeyringFile file = keyring::FindKeyring(state.folder, "");
  CROFT_ASSIGN_OR_RETURN(const keyring::Keyring keyring, keyring::LoadKeyring(file));
  SystemRandom random;
  return keyring::ReplaceKeyringFile(file.path, keyring.WithNewKey(random));
}

}  // namespace croft::server
