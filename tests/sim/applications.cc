#include "tests/sim/applications.h"

#include "controlplane/domain/tenant.h"

namespace croft::sim {
namespace {

using domain::LoginRole;
using domain::TenantState;

constexpr size_t kSessions = 4;

}  // namespace

std::optional<Applications::Known> Applications::LookUp(const std::string& id) {
  const std::optional<domain::Tenant> tenant = *world_.catalog.GetTenant(id);
  if (!tenant) return std::nullopt;
  const bool readers =
      tenant->state == TenantState::kSuspended && tenant->suspend_mode == domain::SuspendMode::kReadOnly;
  if (tenant->state != TenantState::kReady && !readers) return std::nullopt;
  const LoginRole role = readers || world_.dice.Chance(1, 6) ? LoginRole::kReadOnly : LoginRole::kApp;
  const domain::Credential* credential = domain::PublishedCredential(*tenant, role);
  if (credential == nullptr) return std::nullopt;
  const domain::Placement& at = tenant->placement;
  int64_t& newest = newest_[tenant->uid];
  if (at.generation < newest)
    world_.Violate(7, absl::StrCat(id, " went back from generation ", newest, " to ", at.generation));
  newest = at.generation;
  return Known{tenant->uid,   at.host,           at.database,
               at.generation, credential->login, world_.passwords[credential->verifier]};
}

void Applications::LogIn(const std::string& tenant) {
  const auto cached = known_.find(tenant);
  if (cached == known_.end() || world_.dice.Chance(1, 2)) {
    std::optional<Known> answer = LookUp(tenant);
    if (!answer) {
      // What is cached is good for a while longer.
      if (world_.dice.Chance(1, 3)) known_.erase(tenant);
      return;
    }
    known_[tenant] = *std::move(answer);
  }
  const Known& known = known_[tenant];
  SimHost& host = world_.Host(known.host);
  if (host.lost) return;
  const auto session = host.server.Connect(known.database, known.login, known.password);
  watch_.AfterCall(host, nullptr);
  if (session.ok()) {
    world_.tally.Work("sessions of applications");
    sessions_[tenant].push_back({known, *session});
  }
}

void Applications::TryNeighbour(const Known& known) {
  SimHost& host = world_.Host(known.host);
  for (const auto& [name, database] : host.server.Databases()) {
    if (!database->tag || database->tag->uid == known.uid) continue;
    if (host.server.Connect(name, known.login, known.password).ok())
      world_.Violate(11, absl::StrCat(known.login, " got into ", name));
  }
}

void Applications::Use(const std::string& tenant, Session& session) {
  const Known& known = session.known;
  SimHost& host = world_.Host(known.host);
  const std::pair<std::string, int64_t> where{known.uid, known.generation};
  const int64_t row = ++last_row_;
  world_.tried[where].insert(row);
  const absl::Status stored = host.server.Insert(session.id, row);
  if (!stored.ok()) return;
  world_.tally.Work("rows stored");
  world_.acknowledged[where].push_back(row);
  (void)tenant;
}

void Applications::Act() {
  const std::string& tenant = world_.dice.Pick(tenants_);
  std::vector<Session>& sessions = sessions_[tenant];
  std::erase_if(sessions,
                [&](const Session& one) { return !world_.Host(one.known.host).server.IsOpen(one.id); });
  if (sessions.empty() || (sessions.size() < kSessions && world_.dice.Chance(1, 5))) LogIn(tenant);
  if (sessions.empty()) return;
  const size_t index = static_cast<size_t>(world_.dice.Roll(static_cast<int64_t>(sessions.size())));
  Use(tenant, sessions[index]);
  SimHost& host = world_.Host(sessions[index].known.host);
  switch (world_.dice.Roll(40)) {
    case 0:
      if (host.server.Prepare(sessions[index].id).ok())
        world_.tally.Fault("prepared transaction left behind");
      watch_.AfterCall(host, nullptr);
      return;
    case 1: return TryNeighbour(sessions[index].known);
    case 2:
    case 3:
      host.server.Disconnect(sessions[index].id);
      watch_.AfterCall(host, nullptr);
      sessions.erase(sessions.begin() + static_cast<std::ptrdiff_t>(index));
      return;
    default: return;
  }
}

void Applications::LeaveAll() {
  for (auto& [tenant, sessions] : sessions_) {
    for (const Session& session : sessions) world_.Host(session.known.host).server.Disconnect(session.id);
  }
  sessions_.clear();
}

}  // namespace croft::sim
