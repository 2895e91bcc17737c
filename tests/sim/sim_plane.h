#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controlplane/engine/engine.h"
#include "tests/sim/link.h"
#include "tests/sim/world.h"

namespace croft::sim {

// What watches commits and what is let go after them.
class PlaneWatch {
 public:
  virtual ~PlaneWatch() = default;
  virtual void AfterCommit(const std::vector<catalog::Change>& changes) = 0;
  virtual void OnEffect(const engine::Effect& effect) = 0;
};

// The process of one control plane. Shipped code: the engine, the domain, the conversions of the fleet room and the
// key store. Done anew here: the writer's loop (a batch of events into one transaction, effects after the commit)
// and the fleet's registry of sessions, since the shipped ones are threads around the same steps.
class SimPlane final : public PlaneEnd {
 public:
  using Reply = std::function<void(const absl::StatusOr<engine::Answer>&)>;

  SimPlane(World& world, PlaneWatch& watch, int64_t epoch);

  void Start();
  // The process dies: what was not committed and what was not yet let go is gone.
  void Crash();
  bool alive() const { return alive_; }
  int64_t epoch() const { return epoch_; }
  // Stopped (SIGSTOP): nothing is worked off until Continue. `for_long`: agents notice.
  void Stop(bool for_long);
  // Begins a transaction, as every agent's report does sooner or later, and so finds out who leads.
  void Nudge();
  void Continue();
  bool stopped() const { return stopped_; }
  // Dies while it works on the `commits`th batch from now, at a place that chance names.
  void CrashAtCommit(int64_t commits) { commits_to_crash_ = commits; }

  void Call(engine::Caller caller, engine::RequestBody body, Reply reply);

  void OnConnected(const std::shared_ptr<Link>& link) override;
  void OnMessage(const std::shared_ptr<Link>& link, const v1::ConnectRequest& message) override;
  void OnEnded(const std::shared_ptr<Link>& link) override;

 private:
  struct Member {
    std::shared_ptr<Link> link;
    std::shared_ptr<Link> before;  // whose place it took, until it says something
    domain::HostReport told;
  };

  void Post(engine::Event event);
  void LoseAwaited();
  void LookAtSchedules();
  void LookAtStorage();
  engine::RequestBody RequestOf(const domain::ScheduleKey& key);
  engine::PruneAudit ChooseCut();
  engine::ContinueCampaign NextChildren(const std::string& campaign);
  void WorkLater();
  void Work();
  // False when the process died.
  bool Commit(std::deque<engine::Event> batch);
  void Release(engine::Effect effect);
  void SetTimer(const engine::SetTimer& timer);
  void Carry(std::function<void()> what);
  void Deliver(const engine::SendTask& task);
  void SendTo(const std::string& host, const v1::ConnectResponse& message);
  void Greet(const std::shared_ptr<Link>& link, const v1::Hello& hello);
  Member* Current(const std::shared_ptr<Link>& link);

  World& world_;
  PlaneWatch& watch_;
  const int64_t epoch_;
  bool alive_ = false;
  bool stopped_ = false;
  int64_t incarnation_ = 0;
  int64_t commits_to_crash_ = -1;
  bool work_waits_ = false;
  uint64_t last_ticket_ = 0;
  std::deque<engine::Event> inbox_;
  std::map<uint64_t, Reply> questions_;
  std::set<std::pair<absl::Time, std::string>> timers_;
  std::map<std::string, Member> members_;
  std::vector<std::shared_ptr<Link>> unnamed_;
  absl::Time carried_until_ = absl::InfinitePast();
  std::deque<std::function<void()>> held_;  // while stopped
};

}  // namespace croft::sim
