#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "common/sync.h"
#include "controlplane/access/authenticator.h"
#include "controlplane/catalog/catalog.h"

namespace croft::server {

// The stored principals as of the newest commit, in memory. Thread-safe.
class PrincipalDirectory final : public access::PrincipalStore {
 public:
  // Reads all of them; call once, before the writer starts.
  absl::Status Load(catalog::Catalog& catalog);

  // Returns the ids of those whose open streams must be authorized again.
  std::vector<std::string> Apply(const std::vector<catalog::Change>& changes, domain::Revision revision);

  std::optional<access::KnownUser> FindToken(absl::string_view hash) const override;
  std::optional<access::KnownUser> FindCertificate(absl::string_view fingerprint) const override;

 private:
  struct Entry {
    domain::User user;
    int64_t bound_revision = 0;
  };
  using Pointer = std::shared_ptr<const Entry>;

  // Returns whether identity or bindings changed.
  bool Put(const domain::User& user, int64_t revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Erase(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static access::KnownUser Known(const Entry& entry);

  mutable Mutex mutex_;
  std::map<std::string, Pointer> users_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Pointer> by_hash_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Pointer> by_fingerprint_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::server
