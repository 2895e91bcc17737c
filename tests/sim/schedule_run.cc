#include "tests/sim/schedule_run.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <absl/strings/str_format.h>

#include "tests/sim/clients.h"
#include "tests/sim/fleet.h"
#include "tests/sim/schedule_model.h"
#include "tests/sim/world.h"

namespace croft::sim {
namespace {

std::set<absl::Weekday> EveryDay() {
  return {absl::Weekday::monday, absl::Weekday::tuesday,  absl::Weekday::wednesday, absl::Weekday::thursday,
          absl::Weekday::friday, absl::Weekday::saturday, absl::Weekday::sunday};
}

constexpr int kTenantsOfHost = 250;
// Labels of tenants that have a policy of their own; a plan more has none but the fleet's.
constexpr int kPlans = 3;
// How often it is asked whether a control plane is at work.
constexpr absl::Duration kGlance = absl::Seconds(5);
// Until what was put off is made up for when nothing fails any more, and until each tenant was at rest once.
constexpr absl::Duration kCatchUp = absl::Hours(1);
constexpr absl::Duration kAllRest = absl::Hours(6);

// What a tenant's policy says of when it is backed up. A time of the night is one that clocks skip or show twice.
const CronLine kLines[] = {
    {.text = "30 2 * * *", .minute = 30, .hours = {2}, .weekdays = EveryDay()},
    {.text = "0 */6 * * *", .minute = 0, .hours = {0, 6, 12, 18}, .weekdays = EveryDay()},
    {.text = "15 8-18/2 * * *", .minute = 15, .hours = {8, 10, 12, 14, 16, 18}, .weekdays = EveryDay()},
    {.text = "45 1-3 * * *", .minute = 45, .hours = {1, 2, 3}, .weekdays = EveryDay()},
    {.text = "5 4,23 * * mon-fri",
     .minute = 5,
     .hours = {4, 23},
     .weekdays = {absl::Weekday::monday, absl::Weekday::tuesday, absl::Weekday::wednesday,
                  absl::Weekday::thursday, absl::Weekday::friday}},
};
constexpr absl::Duration kIntervals[] = {absl::Hours(3), absl::Hours(4),  absl::Hours(6),
                                         absl::Hours(8), absl::Hours(12), absl::Hours(24)};
constexpr const char* kZones[] = {"", "Europe/Berlin", "Europe/Berlin", "America/New_York", "Asia/Kolkata"};
constexpr ClockWindow kNights[] = {{22 * 60, 5 * 60}, {1 * 60, 4 * 60}, {2 * 60 + 15, 9 * 60}};
constexpr ClockWindow kLong[] = {{20 * 60, 6 * 60}, {30, 12 * 60 + 30}};
constexpr absl::Duration kJitters[] = {absl::ZeroDuration(), absl::Minutes(10), absl::Hours(1)};

// The noon before clocks are set, forward or back, in Europe.
absl::Time Start(uint64_t seed) {
  const absl::CivilHour noon =
      seed % 2 == 0 ? absl::CivilHour(2026, 10, 24, 12) : absl::CivilHour(2026, 3, 28, 12);
  return absl::FromCivil(noon, absl::UTCTimeZone());
}

class ScheduleRun {
 public:
  ScheduleRun(uint64_t seed, const ScheduleRunSize& size, const std::string& directory, bool keep_history)
      : world_(seed, directory, keep_history, Start(seed)),
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
  template <typename T, size_t kCount>
  const T& OneOf(const T (&choices)[kCount]) {
    return choices[world_.dice.Roll(kCount)];
  }
  void SetPolicies();
  void ChangePolicy();
  Times NewTimes();
  domain::Tenant NewTenant(int number, const std::optional<Times>& times);
  domain::KeepRules NewRules();
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
  SetPolicies();
  for (int i = 0; i < size_.tenants; ++i) {
    // Half of them say all themselves, and half of them nothing.
    const std::optional<Times> times = world_.dice.Chance(1, 2) ? std::optional(NewTimes()) : std::nullopt;
    const domain::Tenant tenant = NewTenant(i, times);
    model_.Expect(tenant, times);
    clients_.CreateLike(tenant);
    RunUntil(world_.scheduler.Now() + absl::Seconds(1));
  }
  if (!world_.Await(absl::Minutes(10), [this] { return !clients_.waiting(); }))
    world_.Violate(14, "a tenant is not created");
  world_.faults = true;
}

// One for each plan, and one for the fleet that says all of it otherwise.
void ScheduleRun::SetPolicies() {
  for (int i = 0; i <= kPlans; ++i) {
    engine::SetBackupPolicy set{.policy = absl::StrCat("p", i)};
    if (i < kPlans) set.selector.emplace()["plan"] = absl::StrCat(i);
    set.rules.Set<&domain::Tenant::backup_every>() = OneOf(kIntervals);
    set.rules.Set<&domain::Tenant::backups_kept>() = static_cast<int32_t>(1 + world_.dice.Roll(4));
    set.rules.Set<&domain::Tenant::prove_every>() = 2 * OneOf(kIntervals);
    clients_.Insist("SetBackupPolicy", [set] { return set; });
  }
  if (!world_.Await(absl::Minutes(10), [this] { return !clients_.waiting(); }))
    world_.Violate(14, "a policy is not set");
}

void ScheduleRun::ChangePolicy() {
  engine::SetBackupPolicy set{.policy = absl::StrCat("p", world_.dice.Roll(kPlans + 1))};
  set.rules.Set<&domain::Tenant::backup_every>() = OneOf(kIntervals);
  clients_.Insist("SetBackupPolicy", [set] { return set; });
}

Times ScheduleRun::NewTimes() {
  Times times;
  times.zone = OneOf(kZones);
  switch (world_.dice.Roll(5)) {
    case 0:
      times.line = OneOf(kLines);
      times.jitter = OneOf(kJitters);
      break;
    case 1:
      times.line = OneOf(kLines);
      times.window = OneOf(kNights);
      break;
    case 2:
      times.every = absl::Hours(3 + world_.dice.Roll(4));
      times.window = OneOf(kLong);
      break;
    default: times.every = OneOf(kIntervals);
  }
  return times;
}

domain::Tenant ScheduleRun::NewTenant(int number, const std::optional<Times>& times) {
  domain::Tenant tenant;
  tenant.id = absl::StrFormat("t%04d", number);
  tenant.quota.connections = 10;
  tenant.labels = {{"plan", absl::StrCat(world_.dice.Roll(kPlans + 1))}};
  if (!times) return tenant;
  tenant.backup_every = times->every;
  tenant.backup_times = {.cron = times->line ? times->line->text : "",
                         .window = times->window ? times->window->Text() : "",
                         .time_zone = times->zone,
                         .jitter = times->jitter};
  tenant.backups_kept = static_cast<int32_t>(1 + world_.dice.Roll(4));
  if (world_.dice.Chance(1, 3)) tenant.keep = NewRules();
  tenant.prove_every = 2 * OneOf(kIntervals);
  return tenant;
}

domain::KeepRules ScheduleRun::NewRules() {
  domain::KeepRules rules;
  if (world_.dice.Chance(1, 2)) rules.within = absl::Hours(6 + world_.dice.Roll(30));
  rules.daily = static_cast<int32_t>(world_.dice.Roll(4));
  rules.weekly = static_cast<int32_t>(world_.dice.Roll(3));
  return rules;
}

void ScheduleRun::Misfortune(absl::Time until) {
  fleet_.Supervise();
  while (!world_.violated() && world_.scheduler.Now() < until) {
    RunUntil(
        std::min(until, world_.scheduler.Now() + world_.dice.Between(absl::Minutes(1), absl::Minutes(40))));
    if (world_.dice.Chance(1, 20)) ChangePolicy();
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
