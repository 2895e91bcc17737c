// Packs what a lookup needs of a tenant into one block of memory.

#include "controlplane/lookup/row.h"

#include <algorithm>
#include <cstring>
#include <new>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "controlplane/wire/json.h"
#include "croft/v1/lookup.pb.h"

namespace croft::lookup {
namespace {

constexpr size_t kUsualRow = 384;  // bytes; most are smaller

// --- packing: numbers as varints, texts with their length before them.

void PutNumber(std::string& packed, size_t number) {
  for (; number >= 0x80; number >>= 7U) packed += static_cast<char>((number & 0x7FU) | 0x80U);
  packed += static_cast<char>(number);
}

void PutText(std::string& packed, absl::string_view text) {
  PutNumber(packed, text.size());
  packed.append(text.data(), text.size());
}

size_t TakeNumber(absl::string_view& packed) {
  size_t number = 0;
  for (unsigned shift = 0;; shift += 7U) {
    const auto byte = static_cast<unsigned char>(packed.front());
    packed.remove_prefix(1);
    number |= static_cast<size_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return number;
  }
}

absl::string_view TakeText(absl::string_view& packed) {
  const size_t size = TakeNumber(packed);
  const absl::string_view text = packed.substr(0, size);
  packed.remove_prefix(size);
  return text;
}

size_t CommonPrefix(absl::string_view a, absl::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + most, b.begin()).first - a.begin());
}

enum : char { kAsText, kAsBytes };

// `k1:` and base64url becomes `k1:` and bytes, where that leads back to the same text.
void PutPassword(std::string& packed, absl::string_view sealed) {
  const size_t key = sealed.find(':') + 1;  // 0 where there is none
  std::string bytes, again;
  if (key != 0 && absl::WebSafeBase64Unescape(sealed.substr(key), &bytes)) {
    absl::WebSafeBase64Escape(bytes, &again);
  }
  const bool as_bytes = !bytes.empty() && again == sealed.substr(key);
  const absl::string_view rest = as_bytes ? absl::string_view(bytes) : sealed.substr(key);
  PutNumber(packed, 1 + key + rest.size());
  packed += as_bytes ? kAsBytes : kAsText;
  packed.append(sealed.data(), key);
  packed.append(rest.data(), rest.size());
}

void PutLogin(std::string& packed, const domain::Credential* credential, absl::string_view prefix) {
  PutNumber(packed, credential != nullptr ? 1 : 0);
  if (credential == nullptr) return;
  PutText(packed, absl::string_view(credential->login).substr(prefix.size()));
  PutPassword(packed, credential->sealed_password);
}

RowLogin TakeLogin(absl::string_view& packed, absl::string_view prefix) {
  RowLogin login;
  login.present = TakeNumber(packed) == 1;
  if (!login.present) return login;
  login.user = {prefix, TakeText(packed)};
  login.packed_password = TakeText(packed);
  return login;
}

std::string Extras(const domain::Tenant& tenant) {
  if (tenant.settings.empty() && tenant.features.empty()) return "";
  v1::LookupResponse response;
  if (!tenant.settings.empty()) *response.mutable_settings() = wire::SettingsToProto(tenant.settings);
  *response.mutable_features() = wire::FeaturesToProto(tenant.features);
  return response.SerializeAsString();
}

std::string Pack(const domain::Tenant& tenant) {
  std::string packed;
  packed.reserve(kUsualRow);
  PutText(packed, tenant.id);
  PutNumber(packed, tenant.aliases.size());
  for (const std::string& alias : tenant.aliases) PutText(packed, alias);
  PutNumber(packed, tenant.labels.size());
  for (const auto& [key, value] : tenant.labels) {
    PutText(packed, key);
    PutText(packed, value);
  }

  const domain::Credential* app = domain::PublishedCredential(tenant, domain::LoginRole::kApp);
  const domain::Credential* read_only = domain::PublishedCredential(tenant, domain::LoginRole::kReadOnly);
  absl::string_view prefix = tenant.placement.database;
  for (const domain::Credential* credential : {app, read_only}) {
    if (credential != nullptr) prefix = prefix.substr(0, CommonPrefix(prefix, credential->login));
  }
  PutText(packed, prefix);
  PutText(packed, absl::string_view(tenant.placement.database).substr(prefix.size()));
  const size_t uid_at = tenant.uid.empty() ? absl::string_view::npos : prefix.find(tenant.uid);
  PutNumber(packed, uid_at == absl::string_view::npos ? 0 : uid_at + 1);
  if (uid_at == absl::string_view::npos) {
    PutText(packed, tenant.uid);
  } else {
    PutNumber(packed, tenant.uid.size());
  }
  PutLogin(packed, app, prefix);
  PutLogin(packed, read_only, prefix);
  PutText(packed, Extras(tenant));
  return packed;
}

}  // namespace

std::string Joined::text() const { return absl::StrCat(head, tail); }

Row::Pointer Row::Allocate(const Row& head, absl::string_view packed) {
  void* memory = ::operator new(sizeof(Row) + packed.size());
  Row* row = new (memory) Row(head);
  row->size_ = static_cast<uint32_t>(packed.size());
  std::memcpy(static_cast<void*>(row + 1), packed.data(), packed.size());
  return Pointer(row);
}

Row::Pointer Row::Make(const domain::Tenant& tenant, const HostEntry* host, int64_t revision,
                       int64_t sequence) {
  Row head;
  head.revision_ = revision;
  head.sequence_ = sequence;
  head.generation_ = tenant.placement.generation;
  head.host_ = host;
  head.state_ = tenant.state;
  head.suspend_mode_ = tenant.suspend_mode;
  head.unconfirmed_ = tenant.unconfirmed;
  head.closed_for_growth_ = tenant.storage.closed;
  return Allocate(head, Pack(tenant));
}

Row::Pointer Row::Copy(const Row& row, int64_t revision, int64_t sequence) {
  Row head(row);
  head.revision_ = revision;
  head.sequence_ = sequence;
  return Allocate(head, row.packed());
}

absl::string_view Row::id() const {
  absl::string_view rest = packed();
  return TakeText(rest);
}

bool Row::IsCalled(absl::string_view name) const {
  absl::string_view rest = packed();
  if (TakeText(rest) == name) return true;
  for (size_t count = TakeNumber(rest); count > 0; --count) {
    if (TakeText(rest) == name) return true;
  }
  return false;
}

RowContents Row::Unpack(bool labels) const {
  RowContents contents;
  absl::string_view rest = packed();
  contents.id = TakeText(rest);
  for (size_t count = TakeNumber(rest); count > 0; --count) contents.aliases.push_back(TakeText(rest));
  for (size_t count = TakeNumber(rest); count > 0; --count) {
    const absl::string_view key = TakeText(rest);
    const absl::string_view value = TakeText(rest);
    if (labels) contents.labels.emplace(key, value);
  }
  const absl::string_view prefix = TakeText(rest);
  contents.database = {prefix, TakeText(rest)};
  const size_t uid_at = TakeNumber(rest);
  contents.uid.head = uid_at == 0 ? TakeText(rest) : prefix.substr(uid_at - 1, TakeNumber(rest));
  contents.app = TakeLogin(rest, prefix);
  contents.read_only = TakeLogin(rest, prefix);
  contents.extras = TakeText(rest);
  return contents;
}

std::string SealedPassword(absl::string_view packed_password) {
  if (packed_password.empty()) return "";
  const bool as_bytes = packed_password.front() == kAsBytes;
  packed_password.remove_prefix(1);
  if (!as_bytes) return std::string(packed_password);
  const size_t colon = packed_password.find(':');
  std::string base64;
  absl::WebSafeBase64Escape(packed_password.substr(colon + 1), &base64);
  return absl::StrCat(packed_password.substr(0, colon + 1), base64);
}

}  // namespace croft::lookup
