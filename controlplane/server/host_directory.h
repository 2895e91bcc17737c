#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "common/sync.h"
#include "controlplane/access/authenticator.h"
#include "controlplane/catalog/catalog.h"

namespace croft::server {

// The hosts' certificates as of the newest commit, in memory. Thread-safe.
class HostDirectory final : public access::HostIdentities {
 public:
  // Reads all hosts; call once, before the writer starts.
  absl::Status Load(catalog::Catalog& catalog);

  void Apply(const std::vector<catalog::Change>& changes);

  std::vector<std::string> FingerprintsOf(absl::string_view host) const override;

 private:
  void Apply(const catalog::Change& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Put(const domain::Host& host) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, std::vector<std::string>, std::less<>> fingerprints_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::server
