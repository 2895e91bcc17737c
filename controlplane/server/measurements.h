#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "controlplane/access/authenticator.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/fleet/fleet.h"
#include "controlplane/handlers/watch_hub.h"
#include "controlplane/lookup/placement_index.h"
#include "controlplane/metrics/backup_census.h"
#include "controlplane/metrics/call_counts.h"
#include "controlplane/metrics/http_server.h"
#include "controlplane/metrics/operation_counts.h"
#include "controlplane/metrics/pages.h"
#include "controlplane/server/call_limits.h"
#include "controlplane/server/catalog_copies.h"
#include "controlplane/server/writer.h"

namespace croft::server {

struct MeasurementOptions {
  std::string listen;         // `host:port`
  std::string identity_file;  // PEM with key and chain, for TLS; used beyond loopback
  std::string catalog_file;
  std::map<std::string, std::string> certificates;  // PEM files, by what the figures call them
  std::string version;
};

// What is measured.
struct MeasuredParts {
  const Clock& clock;
  catalog::Catalog& catalog;
  const lookup::PlacementIndex& index;
  const metrics::CallCounts& calls;
  const metrics::OperationCounts& operations;
  const metrics::BackupCensus& backups;
  Writer& writer;
  const fleet::Fleet& fleet;
  const CatalogCopies& copies;
  const handlers::WatchHub& watchers;
  const access::Authenticator& authenticator;
  CallLimits& limits;
};

// Reads the figures of a control plane's parts and serves them over HTTP. On loopback anybody who can reach it may read
// them: they name hosts, and no tenant. Beyond, it takes TLS and the token of somebody who may read the whole fleet.
class Measurements {
 public:
  // How long events may wait for the writer before the control plane counts as unable to act.
  static constexpr absl::Duration kMostWait = absl::Seconds(5);
  // What a commit must find free on the catalog's disk.
  static constexpr int64_t kLeastFreeBytes = int64_t{4} << 20;

  // All parts outlive it. The errors of metrics::HttpServer::Start.
  static absl::StatusOr<std::unique_ptr<Measurements>> Start(MeasurementOptions options,
                                                             MeasuredParts parts);

  const std::string& address() const { return server_->address(); }

 private:
  Measurements(MeasurementOptions options, MeasuredParts parts);

  metrics::Figures Read() const;
  void ReadFiles(metrics::Figures& figures) const;
  // Whether the catalog can be written now and its epoch is still this process's, or why not.
  absl::Status Ready() const;
  absl::Status Permit(const std::string& authorization, const std::string& peer) const;

  const MeasurementOptions options_;
  const MeasuredParts parts_;
  const absl::Time start_time_;
  std::unique_ptr<metrics::Pages> pages_;
  std::unique_ptr<metrics::HttpServer> server_;  // ends first
};

}  // namespace croft::server
