// An example: a pool of connections to the databases of many tenants.

#include "tenant_pools.h"

#include <algorithm>
#include <utility>

using croft::client::Locator;

namespace {

bool OpensTheSame(const croft::client::Placement& a, const croft::client::Placement& b) {
  return a.uid == b.uid && a.generation == b.generation && a.conninfo == b.conninfo &&
         a.root_certificate == b.root_certificate;
}

}  // namespace

TenantPools::Lease::Lease(TenantPools& pools, std::string tenant, Placement placement,
                          Connection connection)
    : pools_(&pools),
      tenant_(std::move(tenant)),
      placement_(std::move(placement)),
      connection_(std::move(connection)) {}

TenantPools::Lease::~Lease() {
  if (connection_) pools_->GiveBack(tenant_, placement_, std::move(connection_));
}

TenantPools::TenantPools(Locator& locator, size_t most, std::string root_folder)
    : locator_(locator), most_(most), root_folder_(std::move(root_folder)) {
  locator_.OnChange([this](const Locator::Change& change) { TurnOver(change); });
}

TenantPools::~TenantPools() { locator_.OnChange(nullptr); }

absl::StatusOr<TenantPools::Lease> TenantPools::Acquire(const std::string& tenant,
                                                        std::chrono::steady_clock::time_point deadline) {
  const auto located = locator_.Locate(tenant);
  if (!located.ok()) return located.status();
  Placement placement = located->placement;
  {
    std::unique_lock lock(mutex_);
    // The one used last: the others grow old and make room.
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const Idle& idle) {
      return idle.tenant == placement->tenant && OpensTheSame(*idle.placement, *placement);
    });
    if (found != idle_.rend()) {
      Idle idle = std::move(*found);
      idle_.erase(std::next(found).base());
      if (PQstatus(idle.connection.get()) == CONNECTION_OK) {
        return Lease(*this, idle.tenant, std::move(idle.placement), std::move(idle.connection));
      }
      --open_;
    }
    if (!TakeRoom(lock, deadline)) {
      return absl::ResourceExhaustedError("no connection became free in time; all are in use");
    }
  }
  auto connection = Connect(tenant, placement);
  if (connection.ok()) return Lease(*this, placement->tenant, placement, *std::move(connection));
  {
    const std::lock_guard lock(mutex_);
    --open_;
  }
  room_.notify_one();
  return connection.status();
}

bool TenantPools::TakeRoom(std::unique_lock<std::mutex>& lock,
                           std::chrono::steady_clock::time_point deadline) {
  if (!room_.wait_until(lock, deadline, [this] { return open_ < most_ || !idle_.empty(); })) return false;
  if (open_ >= most_) {
    idle_.pop_front();
    --open_;
  }
  peak_ = std::max(peak_, ++open_);
  return true;
}

absl::StatusOr<TenantPools::Connection> TenantPools::Connect(const std::string& tenant,
                                                             Placement& placement) {
  auto connection = ConnectTo(*placement);
  if (connection.ok()) return connection;
  // The answer may be older than the truth: ask once, and try once more where the answer is another.
  const auto located = locator_.OnConnectionRejected(tenant);
  if (!located.ok()) return located.status();
  if (OpensTheSame(**located, *placement)) return connection;
  placement = located->placement;
  return ConnectTo(*placement);
}

absl::StatusOr<TenantPools::Connection> TenantPools::ConnectTo(
    const croft::client::Placement& placement) const {
  const auto conninfo = croft::client::ConninfoWithRoot(placement, root_folder_);
  if (!conninfo.ok()) return conninfo.status();
  Connection connection(PQconnectdb(conninfo->c_str()));
  if (PQstatus(connection.get()) == CONNECTION_OK) return connection;
  return absl::UnavailableError(PQerrorMessage(connection.get()));
}

void TenantPools::GiveBack(const std::string& tenant, const Placement& placement, Connection connection) {
  {
    const std::lock_guard lock(mutex_);
    const auto changed = changed_.find(tenant);
    const bool current =
        changed == changed_.end() || (changed->second && OpensTheSame(*changed->second, *placement));
    const bool clean = PQstatus(connection.get()) == CONNECTION_OK &&
                       PQtransactionStatus(connection.get()) == PQTRANS_IDLE;
    if (current && clean) {
      idle_.push_back({tenant, placement, std::move(connection)});
    } else {
      --open_;
    }
  }
  room_.notify_one();
}

void TenantPools::TurnOver(const Locator::Change& change) {
  std::list<Idle> outdated;  // closed without the lock
  {
    const std::lock_guard lock(mutex_);
    changed_[change.tenant] = change.now;
    for (auto idle = idle_.begin(); idle != idle_.end();) {
      const auto next = std::next(idle);
      if (idle->tenant == change.tenant && !(change.now && OpensTheSame(*change.now, *idle->placement))) {
        outdated.splice(outdated.end(), idle_, idle);
        --open_;
      }
      idle = next;
    }
  }
  room_.notify_all();
}

size_t TenantPools::peak() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}
