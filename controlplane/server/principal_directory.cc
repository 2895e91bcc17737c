// Keeps the principals in memory.

#include "controlplane/server/principal_directory.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/errors.h"

namespace croft::server {
namespace {

bool IsNarrowed(const domain::User& user) {
  return std::any_of(user.bindings.begin(), user.bindings.end(), [](const domain::Binding& binding) {
    return !std::holds_alternative<domain::AllTenants>(binding.scope);
  });
}

}  // namespace

absl::Status PrincipalDirectory::Load(catalog::Catalog& catalog) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::User> users, catalog.ListUsers());
  const int64_t revision = catalog.revision().revision;
  const MutexLock lock(mutex_);
  // When a scope was changed last is not stored: of one that is narrowed it is taken for now.
  for (const domain::User& user : users) Put(user, IsNarrowed(user) ? revision : 0);
  return absl::OkStatus();
}

std::vector<std::string> PrincipalDirectory::Apply(const std::vector<catalog::Change>& changes,
                                                   domain::Revision revision) {
  std::vector<std::string> touched;
  for (const catalog::Change& change : changes) {
    if (const auto* put = std::get_if<catalog::PutUser>(&change)) {
      const MutexLock lock(mutex_);
      if (Put(put->user, revision.revision)) touched.push_back(put->user.id);
    } else if (const auto* removal = std::get_if<catalog::DeleteUser>(&change)) {
      const MutexLock lock(mutex_);
      if (Erase(removal->id)) touched.push_back(removal->id);
    }
  }
  return touched;
}

bool PrincipalDirectory::Put(const domain::User& user, int64_t revision) {
  const auto known = users_.find(user.id);
  const Pointer former = known == users_.end() ? nullptr : known->second;
  const bool bound_anew = former == nullptr || former->user.bindings != user.bindings;
  Erase(user.id);
  const auto entry =
      std::make_shared<const Entry>(Entry{user, bound_anew ? revision : former->bound_revision});
  users_[user.id] = entry;
  for (const domain::AccessToken& token : user.tokens) by_hash_[token.hash] = entry;
  for (const domain::UserCertificate& certificate : user.certificates) {
    by_fingerprint_[certificate.fingerprint] = entry;
  }
  return former != nullptr && (bound_anew || former->user.tokens != user.tokens ||
                               former->user.certificates != user.certificates);
}

bool PrincipalDirectory::Erase(const std::string& id) {
  const auto known = users_.find(id);
  if (known == users_.end()) return false;
  for (const domain::AccessToken& token : known->second->user.tokens) by_hash_.erase(token.hash);
  for (const domain::UserCertificate& certificate : known->second->user.certificates) {
    by_fingerprint_.erase(certificate.fingerprint);
  }
  users_.erase(known);
  return true;
}

access::KnownUser PrincipalDirectory::Known(const Entry& entry) {
  return {.id = entry.user.id, .bindings = entry.user.bindings, .bound_revision = entry.bound_revision};
}

std::optional<access::KnownUser> PrincipalDirectory::FindToken(absl::string_view hash) const {
  Pointer entry;
  {
    const MutexLock lock(mutex_);
    const auto found = by_hash_.find(std::string(hash));
    if (found == by_hash_.end()) return std::nullopt;
    entry = found->second;
  }
  access::KnownUser known = Known(*entry);
  for (const domain::AccessToken& token : entry->user.tokens) {
    if (token.hash != hash) continue;
    known.token = token.id;
    known.expire_time = token.expire_time.value_or(absl::InfiniteFuture());
  }
  return known;
}

std::optional<access::KnownUser> PrincipalDirectory::FindCertificate(absl::string_view fingerprint) const {
  Pointer entry;
  {
    const MutexLock lock(mutex_);
    const auto found = by_fingerprint_.find(std::string(fingerprint));
    if (found == by_fingerprint_.end()) return std::nullopt;
    entry = found->second;
  }
  return Known(*entry);
}

}  // namespace croft::server
