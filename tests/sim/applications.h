#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/sim_agent.h"
#include "tests/sim/world.h"

namespace croft::sim {

// The tenants' own applications: they look up where a tenant lives, keep what they were told, log in with it, hold
// sessions, write rows and note what they were told is stored. They also try doors that are not theirs.
class Applications {
 public:
  Applications(World& world, Watch& watch, std::vector<std::string> tenants)
      : world_(world), watch_(watch), tenants_(std::move(tenants)) {}

  // One of them does something.
  void Act();
  // They all log out.
  void LeaveAll();

 private:
  // What an application knows of its tenant.
  struct Known {
    std::string uid;
    std::string host;
    std::string database;
    int64_t generation = 0;
    std::string login;
    std::string password;
  };
  struct Session {
    Known known;
    int64_t id = 0;
  };

  std::optional<Known> LookUp(const std::string& tenant);
  void LogIn(const std::string& tenant);
  void Use(const std::string& tenant, Session& session);
  void TryNeighbour(const Known& known);

  World& world_;
  Watch& watch_;
  const std::vector<std::string> tenants_;
  std::map<std::string, Known> known_;                    // the cache, by tenant
  std::map<std::string, std::vector<Session>> sessions_;  // by tenant
  std::map<std::string, int64_t> newest_;                 // uid -> the highest generation an answer named
  int64_t last_row_ = 0;
};

}  // namespace croft::sim
