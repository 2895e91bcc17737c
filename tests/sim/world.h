#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "controlplane/domain/schedule.h"
#include "controlplane/engine/event.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/keyring/keyring.h"
#include "tests/fakes/memory_catalog.h"
#include "tests/fakes/model_cluster.h"
#include "tests/sim/dice.h"
#include "tests/sim/scheduler.h"

// What all parts of one run share.
namespace croft::sim {

// What is in passwords and keys that must never be seen where they do not belong.
inline constexpr char kCanary[] = "CANARY7secret";

// The store that all hosts reach and none writes to of itself, and what they call it.
inline constexpr char kFurtherStore[] = "s9";
inline constexpr char kFurtherName[] = "further";

// What lies in a store: uid, backup, store.
using PlacedArchive = std::tuple<std::string, std::string, std::string>;

// One host's PostgreSQL, and what became of its machine.
struct SimHost {
  explicit SimHost(std::string name) : id(std::move(name)), server(absl::StrCat("system-", id)) {}

  std::string id;
  agent::ModelServer server;
  bool Reaches(const std::string& one) const {
    return !one.empty() && (one == store || one == kFurtherStore);
  }

  std::string store;  // that it writes to; kFurtherStore is the second that it reaches
  bool lost = false;  // for good
  bool cut = false;   // no network to any control plane
};

// A backup as a store holds it: what was in the database, row by row.
struct Archive {
  std::vector<int64_t> rows;
  std::string key;
  std::string sha256;
  std::string store;
  int64_t generation = 0;
  absl::Time snapshot_time;
  bool has_manifest = false;
  bool damaged = false;
  bool proven = false;      // a restore of it was compared while it was sound
  bool incomplete = false;  // one of its objects does not restore
};

// What befalls every backup of a tenant, for ever.
enum class Trouble {
  kNone,
  kRefuses,    // its code says no, each time with the same words
  kInvents,    // its code says no, each time with other words
  kRunsShort,  // the disk is too small for it
};

// What the control plane of this world signs a checkpoint of the audit with.
std::string SignatureOf(absl::string_view text);

// How large a database is: each row is a mebibyte.
inline int64_t SizeOf(const agent::ModelDatabase& database) {
  return static_cast<int64_t>(database.rows.size()) << 20;
}

// How much of everything a run had, by kind.
struct Tally {
  std::map<std::string, int64_t> counts;  // "kind: what" -> how often
  void Request(absl::string_view what) { Count("requests", what); }
  void Operation(absl::string_view what) { Count("operations", what); }
  void Fault(absl::string_view what) { Count("faults", what); }
  void Work(absl::string_view what) { Count("work", what); }

 private:
  void Count(absl::string_view kind, absl::string_view what) { ++counts[absl::StrCat(kind, ": ", what)]; }
};

class World {
 public:
  World(uint64_t seed, const std::string& directory, bool keep_history,
        absl::Time start = absl::FromUnixSeconds(1'800'000'000));
  ~World();

  // Adds a line to the run's history, of which the hash is taken.
  template <typename... T>
  void Say(const T&... parts) {
    Line(absl::StrCat(parts...));
  }
  // An invariant does not hold. The run ends with the first.
  void Violate(int invariant, const std::string& what);

  bool violated() const { return !violation.empty(); }
  // Lets virtual time pass, until an invariant is violated.
  void RunUntil(absl::Time until) {
    while (!violated() && scheduler.Step(until)) {
    }
  }
  // Whether it came about before `timeout` was over.
  template <typename Condition>
  bool Await(absl::Duration timeout, const Condition& condition) {
    const absl::Time until = scheduler.Now() + timeout;
    while (!violated() && !condition()) {
      if (scheduler.Now() >= until) return false;
      RunUntil(scheduler.Now() + absl::Seconds(5));
    }
    return true;
  }
  SimHost& Host(const std::string& id) { return *hosts.at(id); }

  std::string NewOperationId();
  // The database of the tenant with this uid is another generation's now, with all that it holds.
  void Renumber(const std::string& uid, int64_t from, int64_t to);
  // A backup that may be made of the tenant with this uid, with a key of its own where the tenant still has one.
  engine::PreparedBackup PrepareBackup(const std::string& uid);

  const uint64_t seed;
  Dice dice;
  Scheduler scheduler;
  catalog::MemoryCatalog catalog;
  keyring::Keyring keyring;
  std::unique_ptr<keyring::KeyStore> keys;
  std::map<std::string, std::unique_ptr<SimHost>> hosts;
  std::map<PlacedArchive, Archive> archives;
  // Every archive that was ever proven, as it was then: deleting one later does not undo the proof.
  std::map<PlacedArchive, Archive> proofs;
  // By uid. Those that are not in it have none.
  std::map<std::string, Trouble> troubles;
  // Attempts of a proof that found an object missing: (operation, step, attempt).
  std::set<std::tuple<std::string, int32_t, int32_t>> incomplete_proofs;
  std::set<std::string> pruned_operations;  // ids
  // What a restored database began with, by (uid, generation).
  std::map<std::pair<std::string, int64_t>, std::vector<int64_t>> bases;
  // Rows that tenants were told are stored, and all that they ever tried to store, by (uid, generation).
  std::map<std::pair<std::string, int64_t>, std::vector<int64_t>> acknowledged;
  std::map<std::pair<std::string, int64_t>, std::set<int64_t>> tried;
  std::map<std::string, std::string> passwords;  // by verifier
  Tally tally;
  // Whether misfortune may still strike.
  bool faults = true;
  // Whether databases and disks may refuse what is asked of them, which can be the end of an operation.
  bool refusals = true;
  // Whether schedules are looked at.
  bool schedules = true;
  // From one look at them to the next when nothing fails.
  absl::Duration calm_look = absl::Minutes(5);
  // Short enough for a run, and long enough that no client asks again for what was forgotten.
  const domain::SchedulePolicy policy = {.compare_every = absl::Minutes(5),
                                         .keep_operations = absl::Minutes(70),
                                         .keep_requests = absl::Minutes(60),
                                         .keep_audit = absl::Minutes(30),
                                         .keep_events = absl::Minutes(40)};
  const std::string directory;

  uint64_t hash = 14695981039346656037u;
  int64_t lines = 0;
  std::vector<std::string> history;  // all of it, or nothing
  std::string violation;

 private:
  void Line(const std::string& text);

  const bool keep_history_;
  const absl::Time start_;
};

}  // namespace croft::sim
