#include "tests/sim/schedule_run.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_format.h>

#include "tests/sim/clients.h"
#include "tests/sim/fleet.h"
#include "tests/sim/schedule_model.h"
#include "tests/sim/world.h"

namespace croft::sim {
namespace {

constexpr int kTenantsOfHost = 250;
// How often it is asked whether a control plane is at work.
constexpr absl::Duration kGlance = absl::Seconds(5);
// Until what was put off is made up for when nothing fails any more, and until each tenant was at rest once.
constexpr absl::Duration kCatchUp = absl::Hours(1);
constexpr absl::Duration kAllRest = absl::Hours(6);

class ScheduleRun {
 public:
  ScheduleRun(uint64_t seed, const ScheduleRunSize& size, const std::string& directory, bool keep_history)
      : world_(seed, directory, keep_history),
        size_(size),
        model_(world_),
        fleet_(world_, model_, model_),
        clients_(world_, [this] { return fleet_.SomePlane(); }, {}) {
    world_.refusals = false;
    world_.calm_look = absl::Seconds(20);
  }

  RunResult Run() {
    const absl::Time start = world_.scheduler.Now();
    Begin();
    Misfortune(world_.scheduler.Now() + absl::Hours(24) * size_.days);
    if (!world_.violated()) End();
    RunResult result{.seed = world_.seed, .hash = world_.hash, .lines = world_.lines};
    result.virtual_hours = absl::ToDoubleHours(world_.scheduler.Now() - start);
    result.violation = world_.violation;
    result.history = std::move(world_.history);
    result.counts = std::move(world_.tally.counts);
    return result;
  }

 private:
  void RunUntil(absl::Time until) {
    while (!world_.violated() && world_.scheduler.Now() < until) {
      world_.RunUntil(std::min(until, world_.scheduler.Now() + kGlance));
      model_.NoteService(fleet_.Serves());
    }
  }

  void Begin();
  domain::Tenant NewTenant(int number);
  void Misfortune(absl::Time until);
  void Strike();
  void End();

  World world_;
  const ScheduleRunSize size_;
  ScheduleModel model_;
  Fleet fleet_;
  Clients clients_;
};

void ScheduleRun::Begin() {
  world_.faults = false;
  fleet_.Start();
  const int hosts = std::max(2, size_.tenants / kTenantsOfHost);
  for (int i = 0; i < hosts; ++i) fleet_.Join(clients_, absl::StrCat("h", i), "s1");
  RunUntil(world_.scheduler.Now() + absl::Seconds(30));
  for (int i = 0; i < size_.tenants; ++i) {
    const domain::Tenant tenant = NewTenant(i);
    model_.Expect(tenant);
    clients_.CreateLike(tenant);
    RunUntil(world_.scheduler.Now() + absl::Seconds(1));
  }
  if (!world_.Await(absl::Minutes(10), [this] { return !clients_.waiting(); }))
    world_.Violate(14, "a tenant is not created");
  world_.faults = true;
}

domain::Tenant ScheduleRun::NewTenant(int number) {
  constexpr int kHours[] = {3, 4, 6, 8, 12, 24};
  const auto hours = [&] { return absl::Hours(kHours[world_.dice.Roll(std::size(kHours))]); };
  domain::Tenant tenant;
  tenant.id = absl::StrFormat("t%04d", number);
  tenant.quota.connections = 10;
  tenant.backup_every = hours();
  tenant.backups_kept = static_cast<int32_t>(1 + world_.dice.Roll(4));
  tenant.prove_every = 2 * hours();
  return tenant;
}

void ScheduleRun::Misfortune(absl::Time until) {
  fleet_.Supervise();
  while (!world_.violated() && world_.scheduler.Now() < until) {
    RunUntil(
        std::min(until, world_.scheduler.Now() + world_.dice.Between(absl::Minutes(1), absl::Minutes(40))));
    Strike();
  }
}

void ScheduleRun::Strike() {
  // Longer than many a schedule's interval.
  if (world_.dice.Chance(1, 60))
    return fleet_.KeepPlaneDown(world_.dice.Between(absl::Minutes(30), absl::Hours(9)));
  switch (world_.dice.Roll(10)) {
    case 0:
    case 1:
    case 2: return fleet_.StrikeAgent();
    case 3:
    case 4: return fleet_.StrikePlane();
    case 5:
    case 6: return fleet_.StrikeServer();
    case 7: return fleet_.StrikeNetwork();
    case 8: return fleet_.TakeOver();
    default: return fleet_.CloneAgent();
  }
}

void ScheduleRun::End() {
  fleet_.Repair();
  RunUntil(world_.scheduler.Now() + kCatchUp);
  const absl::Time patience = world_.scheduler.Now() + kAllRest;
  while (!world_.violated() && model_.JudgeResting() > 0) {
    if (world_.scheduler.Now() > patience) world_.Violate(14, "a tenant never comes to rest");
    RunUntil(world_.scheduler.Now() + absl::Minutes(1));
  }
}

}  // namespace

RunResult SimulateSchedules(uint64_t seed, const ScheduleRunSize& size, const std::string& directory,
                            bool keep_history) {
  ScheduleRun run(seed, size, directory, keep_history);
  return run.Run();
}

}  // namespace croft::sim
