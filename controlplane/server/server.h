#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "controlplane/domain/schedule.h"
#include "controlplane/server/call_limits.h"
#include "controlplane/server/certificate_keeper.h"

// The control plane as a whole: its options, and how it runs.
namespace croft::server {

struct ServerOptions {
  std::string state_directory;
  std::string listen = "127.0.0.1:7443";
  // `host:port` that join tokens carry, as agents reach this server; `listen` where it is empty.
  std::string advertise;
  bool take_over = false;
  // Folder of hourly copies of the catalog; empty for `catalog-copies` in the state folder.
  std::string catalog_copies;
  OwnCertificate own_certificate;
  // How often hosts are compared with the catalog, and how long records are kept.
  domain::SchedulePolicy schedules;
  // Where systemd put the keyring: the value of $CREDENTIALS_DIRECTORY, or empty.
  std::string credentials_directory;
  LimitOptions limits;
  // `host:port` of the HTTP server of figures; empty for none. Off loopback it takes TLS and a token.
  std::string metrics_listen;
  // How often agents tell what tenants use; zero for never.
  absl::Duration usage_interval = absl::Minutes(1);
  std::string version;
};

// The address that agents are told: `advertise`, or else `listen`. INVALID_ARGUMENT, ADVERTISE_MISSING, where neither can
// be dialled.
[[nodiscard]] absl::StatusOr<std::string> AdvertisedAddress(const ServerOptions& options);

// The control plane, put together and running.
class Server {
 public:
  // Returns when calls are taken. Errors are sentences for people.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  // Stops.
  ~Server();

  // Where it listens, with the port that was taken for port 0.
  std::string address() const;
  // Takes what may change while it runs: limits and the interval of comparisons from `options`, and the certificates
  // from their files. Logs what came of it. Does not wait.
  void Reload(const ServerOptions& options);
  // Whether it works: false when one commit takes so long that nothing is answered any more. Does not block.
  bool IsWell() const;
  // Ends streams and calls, works off what was accepted, and closes the catalog. Takes some tenths of a second.
  void Stop();

 private:
  struct Components;
  explicit Server(std::unique_ptr<Components> components);

  std::unique_ptr<Components> components_;
};

}  // namespace croft::server
