#pragma once

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/metrics/http_server.h"
#include "controlplane/access/authenticator.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/metrics/pages.h"
#include "controlplane/server/call_limits.h"
#include "controlplane/server/figure_reader.h"
#include "controlplane/server/writer.h"
#include "controlplane/usage/usage_keeper.h"

// Serves the figures of the control plane over HTTP.
namespace croft::server {

struct MeasurementOptions {
  std::string listen;         // `host:port`
  std::string identity_file;  // PEM with key and chain, for TLS; used beyond loopback
};

// What measurements are served from.
struct MeasurementParts {
  const Clock& clock;
  const FigureReader& figures;
  catalog::Catalog& catalog;
  usage::UsageKeeper& usage;
  Writer& writer;
  const access::Authenticator& authenticator;
  CallLimits& limits;
};

// Serves the figures of a control plane over HTTP. On loopback anybody who can reach it may read them: they name hosts,
// and no tenant. Beyond, it takes TLS and the token of somebody who may read the whole fleet. The page of one tenant takes
// the token of somebody who may read its usage, everywhere.
class Measurements {
 public:
  // How long events may wait for the writer before the control plane counts as unable to act.
  static constexpr absl::Duration kMostWait = absl::Seconds(5);
  // What a commit must find free on the catalog's disk.
  static constexpr int64_t kLeastFreeBytes = int64_t{4} << 20;

  // All parts outlive it. The errors of metrics::HttpServer::Start.
  static absl::StatusOr<std::unique_ptr<Measurements>> Start(const MeasurementOptions& options,
                                                             MeasurementParts parts);

  const std::string& address() const { return server_->address(); }

 private:
  explicit Measurements(MeasurementParts parts) : parts_(parts) {}

  // Whether the catalog can be written now and its epoch is still this process's, or why not.
  absl::Status Ready() const;
  absl::StatusOr<access::Principal> Identify(const std::string& authorization,
                                             const std::string& peer) const;
  absl::Status Permit(const std::string& authorization, const std::string& peer) const;
  absl::StatusOr<std::string> TenantPage(const std::string& id, const std::string& authorization,
                                         const std::string& peer) const;

  const MeasurementParts parts_;
  std::unique_ptr<metrics::Pages> pages_;
  std::unique_ptr<metrics::HttpServer> server_;  // ends first
};

}  // namespace croft::server
