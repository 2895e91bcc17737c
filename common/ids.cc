// Makes uids, ids of operations, backups and tokens, and names of roles and databases.

#include "common/ids.h"

#include <cassert>
#include <cstdint>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

namespace croft {
namespace {

constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
constexpr size_t kUidLength = 16;
constexpr size_t kSlugLength = 20;

std::string Base32(absl::string_view entropy, size_t length) {
  assert(entropy.size() >= length);
  std::string text;
  for (size_t i = 0; i < length; ++i) text += kAlphabet[static_cast<uint8_t>(entropy[i]) % 32];
  return text;
}

}  // namespace

std::string UidFrom(absl::string_view entropy) { return Base32(entropy, kUidLength); }

std::string OperationIdFrom(absl::string_view entropy) {
  return absl::StrCat("op-", Base32(entropy, kUidLength));
}

std::string AccessTokenIdFrom(absl::string_view entropy) {
  return absl::StrCat("tk-", Base32(entropy, kUidLength));
}

std::string BackupIdFrom(absl::Time now, absl::string_view entropy) {
  return absl::StrCat(absl::FormatTime("%Y%m%dt%H%M%Sz-", now, absl::UTCTimeZone()), Base32(entropy, 4));
}

std::string OwnerRoleName(absl::string_view tenant_id, absl::string_view uid) {
  const std::string slug = absl::StrReplaceAll(tenant_id.substr(0, kSlugLength), {{"-", "_"}});
  return absl::StrCat("t_", slug, "_", uid);
}

std::string DatabaseName(absl::string_view owner_role, int64_t generation) {
  return absl::StrCat(owner_role, "_g", generation);
}

}  // namespace croft
