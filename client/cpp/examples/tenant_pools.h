#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <absl/status/statusor.h>
#include <croft/locator.h>
#include <libpq-fe.h>

// Connections to tenants' databases, kept for reuse: at most so many over all tenants, so that a thousand tenants do
// not mean a thousand connections. Where a tenant moves or its password is replaced, its connections turn over: idle
// ones are closed at once, others when they are given back. Thread-safe.
class TenantPools {
 public:
  struct Closer {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  using Connection = std::unique_ptr<PGconn, Closer>;
  using Placement = std::shared_ptr<const croft::client::Placement>;

  // A connection on loan; it goes back when the lease ends.
  class Lease {
   public:
    Lease(TenantPools& pools, std::string tenant, Placement placement, Connection connection);
    ~Lease();
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    PGconn* get() const { return connection_.get(); }

   private:
    TenantPools* pools_;
    std::string tenant_;
    Placement placement_;
    Connection connection_;
  };

  // `root_folder`: where libpq finds the servers' authorities; nobody else's to write. `locator` outlives it.
  TenantPools(croft::client::Locator& locator, size_t most, std::string root_folder);
  ~TenantPools();

  // Waits for room until `deadline`. The errors of Locate; UNAVAILABLE when PostgreSQL cannot be reached;
  // RESOURCE_EXHAUSTED at the deadline.
  absl::StatusOr<Lease> Acquire(const std::string& tenant, std::chrono::steady_clock::time_point deadline);

  // The most connections that were open at once.
  size_t peak() const;

 private:
  struct Idle {
    std::string tenant;
    Placement placement;
    Connection connection;
  };

  absl::StatusOr<Connection> Connect(const std::string& tenant, Placement& placement);
  absl::StatusOr<Connection> ConnectTo(const croft::client::Placement& placement) const;
  // Takes a place for one more connection, at the expense of the longest idle one if need be.
  bool TakeRoom(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point deadline);
  void GiveBack(const std::string& tenant, const Placement& placement, Connection connection);
  void TurnOver(const croft::client::Locator::Change& change);

  croft::client::Locator& locator_;
  const size_t most_;
  const std::string root_folder_;

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::list<Idle> idle_;  // the longest idle first
  size_t open_ = 0;       // idle ones, those on loan, and those being made
  size_t peak_ = 0;
  // Where tenants live that were told to have changed; null when they are closed to us.
  std::map<std::string, Placement> changed_;
};
