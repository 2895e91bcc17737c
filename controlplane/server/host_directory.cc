// Keeps the hosts' certificates in memory.

#include "controlplane/server/host_directory.h"

#include <variant>

#include "common/errors.h"

namespace croft::server {

absl::Status HostDirectory::Load(catalog::Catalog& catalog) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Host> hosts, catalog.ListHosts());
  const MutexLock lock(mutex_);
  for (const domain::Host& host : hosts) Put(host);
  return absl::OkStatus();
}

void HostDirectory::Apply(const std::vector<catalog::Change>& changes) {
  const MutexLock lock(mutex_);
  for (const catalog::Change& change : changes) Apply(change);
}

void HostDirectory::Apply(const catalog::Change& change) {
  if (const auto* put = std::get_if<catalog::PutHost>(&change)) Put(put->host);
  if (const auto* removal = std::get_if<catalog::DeleteHost>(&change)) fingerprints_.erase(removal->id);
}

std::vector<std::string> HostDirectory::FingerprintsOf(absl::string_view host) const {
  const MutexLock lock(mutex_);
  const auto found = fingerprints_.find(std::string(host));
  return found == fingerprints_.end() ? std::vector<std::string>() : found->second;
}

void HostDirectory::Put(const domain::Host& host) {
  std::vector<std::string> current;
  if (!host.missing) {
    for (const std::string& one : {host.certificate_fingerprint, host.previous_fingerprint}) {
      if (!one.empty()) current.push_back(one);
    }
  }
  fingerprints_[host.id] = std::move(current);
}

}  // namespace croft::server
