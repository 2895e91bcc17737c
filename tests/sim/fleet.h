#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/clients.h"
#include "tests/sim/sim_agent.h"
#include "tests/sim/sim_plane.h"
#include "tests/sim/world.h"

namespace croft::sim {

// The control planes, hosts and agents of a run, and what befalls them.
class Fleet {
 public:
  // All outlive it.
  Fleet(World& world, Watch& watch, PlaneWatch& plane_watch)
      : world_(world), watch_(watch), plane_watch_(plane_watch) {}
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // The first control plane.
  void Start();
  // A host with its agent, known to the control plane.
  void Join(Clients& clients, const std::string& host, const std::string& store);

  // The one that leads.
  SimPlane* Leader() { return planes_.back().get(); }
  // One that is alive, leading or not; nullptr when there is none.
  SimPlane* SomePlane();
  // Whether the leader is at work.
  bool Serves() { return Leader()->alive() && !Leader()->stopped(); }
  const std::vector<std::unique_ptr<SimAgent>>& agents() const { return agents_; }
  const std::vector<std::string>& hosts() const { return host_ids_; }

  // Starts again what died, sooner or later, as long as there are faults.
  void Supervise();
  void StrikeAgent();
  void StrikePlane();
  void StrikeServer();
  void StrikeNetwork();
  // A second control plane leads from now on. The first may go on for a while, or be stopped and go on later.
  void TakeOver();
  // A second agent with the identity and the journal of one that may still run.
  void CloneAgent();
  // No control plane is started again before that time has passed.
  void KeepPlaneDown(absl::Duration how_long);
  // Nothing fails any more, and all that is not lost for good is there again.
  void Repair();

 private:
  // With the journal at `journal`, or none yet.
  void AddAgent(const std::string& host, const std::string& journal = "");

  World& world_;
  Watch& watch_;
  PlaneWatch& plane_watch_;
  std::vector<std::unique_ptr<SimPlane>> planes_;  // the last one leads
  std::vector<std::unique_ptr<SimAgent>> agents_;
  std::vector<std::string> host_ids_;
  absl::Time down_until_ = absl::InfinitePast();
};

}  // namespace croft::sim
