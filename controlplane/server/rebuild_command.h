#pragma once

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "controlplane/server/certificate_keeper.h"

// The command rebuild-catalog of croftd.
namespace croft::server {

struct RebuildOptions {
  std::string state_directory;
  std::string listen = "127.0.0.1:7443";  // where agents dial
  OwnCertificate own_certificate;
  std::string credentials_directory;  // as in ServerOptions
  std::vector<std::string> hosts;     // ids; of every one something must be heard
  // The key store was lost too: data keys are taken from beside the backups.
  bool without_key_store = false;
};

// What `croftd rebuild-catalog` does where no catalog and no copy of it is left: listens where the control plane did,
// asks the agents of the hosts that were named for all that they hold, and makes a catalog of it (domain::RebuildCatalog)
// that stands as a restored one does: raised epoch and counters, nothing confirmed. Whoever calls something else is
// UNAVAILABLE. Nothing is on disk before all have answered, so it may be killed at any time.
class CatalogRebuild {
 public:
  // Returns when agents are let in. Holds the catalog's lock from here on.
  //   HOSTS_MISSING      INVALID_ARGUMENT; no host was named
  //   CATALOG_EXISTS     FAILED_PRECONDITION; there is one, or a copy, and only a person may put it aside
  //   KEY_STORE_MISSING  FAILED_PRECONDITION; without it tenants' backups cannot be opened
  //   CATALOG_LOCKED     ABORTED; a control plane runs
  // and the errors of Server::Start.
  static absl::StatusOr<std::unique_ptr<CatalogRebuild>> Start(const RebuildOptions& options);
  ~CatalogRebuild();

  // Where it listens, with the port that was taken for port 0.
  std::string address() const;

  // Waits for all hosts, without an end, and writes the catalog. Returns a summary for people. Call once.
  absl::StatusOr<std::string> Finish();

 private:
  struct Components;
  explicit CatalogRebuild(std::unique_ptr<Components> components);

  std::unique_ptr<Components> components_;
};

}  // namespace croft::server
