#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "croft/placement.h"

// Finds tenants' databases: link it into an application and ask before every connection.
//
//   auto locator = croft::client::Locator::Open({.endpoints = {"croft.internal:7443"},
//                                                .authority_file = "ca.crt", .token_file = "token"});
//   auto located = (*locator)->Locate("acme");
//   PGconn* connection = PQconnectdb((*located)->conninfo.c_str());
namespace croft::client {

// What an application asks. Thread-safe.
class Locator {
 public:
  enum class Role { kApp, kReadOnly, kMigrate };
  enum class Purpose { kDirect, kPooled, kReadReplica };

  // Each has a default, so that who names some of them gets no warning of the others.
  struct Options {
    // `host:port` of control planes, tried in order.
    std::vector<std::string> endpoints{};
    // PEM files. The authority is required; of the identity either certificate and key, or a token. All are read again
    // for every question that is asked over the network, so that renewed ones are taken up.
    std::string authority_file{};
    std::string certificate_file{};
    std::string key_file{};
    std::string token_file{};
    // Name the server's certificate must carry when it is not the endpoint's.
    std::string server_name{};

    Role role = Role::kApp;
    Purpose purpose = Purpose::kDirect;
    // Keep the cache true by a watch. Without one, answers are asked again after their time to live.
    bool watch = true;
    // Longest wait of one Locate for the control plane, over all endpoints.
    std::chrono::milliseconds timeout{5000};
    // How long "no such tenant" is believed.
    std::chrono::milliseconds negative_ttl{1000};
    // When not empty: the last placements are kept here, sealed under the identity's key, mode 0600, so that a
    // process that starts while the control plane is away finds its tenants, marked stale.
    std::string snapshot_file{};
  };

  // What became of a tenant that was known.
  struct Change {
    std::string tenant;
    // Null when it is refused now (retired, suspended) or gone.
    std::shared_ptr<const Placement> now;
  };

  // Reads the files and begins to watch; does not wait for the control plane. INVALID_ARGUMENT names the
  // option that is wrong.
  static absl::StatusOr<std::unique_ptr<Locator>> Open(Options options);

  // Ends the watch and waits for it. Calls under way answer CANCELLED before it returns.
  virtual ~Locator() = default;

  // By id or alias. From the cache it takes well under a microsecond; on a miss it asks the control plane
  // once, however many threads ask. NOT_FOUND, FAILED_PRECONDITION (retired, suspended, not ready),
  // PERMISSION_DENIED as the control plane says; UNAVAILABLE, DEADLINE_EXCEEDED or DATA_LOSS when it is away,
  // slow or makes no sense and the tenant was never seen.
  // FAILED_PRECONDITION in a child of fork: open another one there.
  virtual absl::StatusOr<Located> Locate(std::string_view tenant) = 0;

  // PostgreSQL refused what Locate answered: asks the control plane anew, once for all threads that say so at
  // the same time, and answers as Locate.
  virtual absl::StatusOr<Located> OnConnectionRejected(std::string_view tenant) = 0;

  // Called after placement, credentials or settings of a known tenant have changed, from a thread of the
  // locator's or of one that asked; one call at a time, and never with something older than the call before.
  // Must not block for long. Replaces the callback before.
  virtual void OnChange(std::function<void(const Change&)> callback) = 0;

  // Waits until the cache holds every tenant the caller may see. False at `deadline`.
  virtual bool WaitUntilReady(std::chrono::steady_clock::time_point deadline) = 0;
};

// Placements from a TOML file, for laptops and unit tests:
//
//   [tenants.acme]
//   conninfo = "host=localhost dbname=acme"
//   aliases = ["shop.acme.com"]
absl::StatusOr<std::unique_ptr<Locator>> OpenStaticLocator(const std::string& path);

}  // namespace croft::client
