#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "controlplane/catalog/catalog.h"
#include "tests/sim/sim_agent.h"
#include "tests/sim/sim_plane.h"
#include "tests/sim/timetable.h"
#include "tests/sim/world.h"

namespace croft::sim {

// Times when something was in the way of a schedule.
class Obstacle {
 public:
  using Interval = Timetable::Interval;

  // `delay`: how long after its end the schedule is tried again at the latest.
  explicit Obstacle(absl::Duration delay) : delay_(delay) {}

  void Begin(absl::Time time);
  void End(absl::Time time);
  // Adds all intervals, with the delay.
  void AppendTo(std::vector<Interval>& intervals) const;

 private:
  const absl::Duration delay_;
  std::vector<Interval> past_;  // apart from each other
  std::optional<absl::Time> since_;
};

// What schedules have to do, worked out from policies and times alone, and held against every commit: which backup and
// which proof has to begin in which slot, how many may run at once, and which backups retention has to leave.
//
// A run serves every time that was due since the last one, so that what was missed is made up for once (Timetable). It may
// be late only while something was in its way all the time: no control plane, as much on the host as it may have at once,
// work on the tenant itself, or a closed window.
class ScheduleModel final : public Watch, public PlaneWatch {
 public:
  explicit ScheduleModel(World& world) : world_(world) {}

  // The tenant is about to be made, and says itself or is given by a policy that is set already how often it is backed up and
  // proven, and what is kept. `times` is what it says of its backups; nullopt: nothing.
  void Expect(const domain::Tenant& tenant, const std::optional<Times>& times);
  // Whether a control plane is at work.
  void NoteService(bool serves);
  // Judges each tenant once, at a moment when nothing of it is under way: every slot was served, and the catalog and the
  // stores hold what its policy keeps. Returns how many are left to be judged.
  size_t JudgeResting();

  void AfterCommit(const std::vector<catalog::Change>& changes) override;
  void OnEffect(const engine::Effect&) override {}
  void AfterCall(SimHost&, const agent::Task*) override {}
  void OnTask(const agent::Task&) override {}
  void OnRun(SimHost&, const agent::Task&, int64_t) override {}
  void OnText(const std::string&, const std::string&) override {}

 private:
  // Longer than anything that puts a schedule off.
  static constexpr absl::Duration kLongestDelay = absl::Minutes(11);

  struct Client {
    std::string id;
    domain::Tenant said;    // as it was to be made
    domain::Tenant policy;  // the same, as if it said all of the policy in force itself
    std::string host;
    Timetable backups;
    std::optional<Timetable> former;  // that its schedule follows, while `backups` is not known
    Timetable proofs;
    Obstacle busy{kLongestDelay};
    Obstacle nothing_to_prove;
    int running = 0;  // of the schedules' operations
    absl::Time last_end;
    std::map<std::string, domain::Backup> stored;  // by id: the newer, the later
    std::set<std::string> deleted;
    std::set<std::string>
        spared;  // since the last backup the newest proven ones, and what was found unusable
    bool judged = false;
  };
  struct Work {
    std::string tenant;
    std::string host;
    bool reads = false;  // it is a backup or a proof
  };
  struct HostLoad {
    int all = 0;
    int reading = 0;
    Obstacle full{kLongestDelay};
  };

  void Note(const catalog::PutTenant& put);
  void Note(const catalog::PutBackupPolicy& put);
  void Note(const catalog::PutSchedule& put);
  void Note(const catalog::PutOperation& put);
  void Note(const catalog::PutBackup& put);
  void Note(const catalog::DeleteBackup& deleted);
  template <typename Change>
  void Note(const Change&) {}

  // The tenant as one who says all of the policy in force.
  domain::Tenant WithPolicy(domain::Tenant tenant) const;
  void Begins(Client& client, const domain::Operation& operation, const Work& work);
  void Load(const Work& work, int change);
  void Serve(Client& client, Timetable& table);
  // The slot that is next must not be overdue, unless something was in its way all the time.
  void CheckLate(Client& client, Timetable& table);
  bool IsExcused(const Client& client, Timetable& table, absl::Time from) const;
  void CheckKept(const Client& client);

  World& world_;
  std::map<std::string, Client> clients_;  // by id
  std::map<std::string, domain::BackupPolicy> policies_;
  std::map<std::string, Work> running_;  // by operation: of schedules alone
  std::set<std::string> begun_;          // operations
  std::map<std::string, HostLoad> hosts_;
  Obstacle down_{kLongestDelay};
  bool serves_ = true;
};

}  // namespace croft::sim
