#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

// What can be mended of what a check of the fleet found. Pure.
//
// A repair changes nothing that the catalog does not order anyway, and removes only what carries the tenant's uid in its
// comment or in Croft's own name for a scratch database, is closed to everybody, and is of an earlier generation than
// the one that was found in good order. Whatever may be newer than the catalog, or nobody's, is left to people.
namespace croft::domain {

struct FleetCheck;
struct CatalogView;
struct FleetView;
struct FleetFinding;

struct FleetRepair {
  enum class Kind {
    kShape,        // doors, roles, comment and passwords of the tenant's database as its state says
    kDrop,         // an earlier generation's database, or one that a DROP left
    kDropScratch,  // of a proof that has ended
    kForgetBackup,  // of a backup that is not in its store, a usable copy takes its place, or else it is FAILED
    kForgetCopy,  // of a copy that is not in its store: FAILED, so that it is copied again
  };
  Kind kind = Kind::kShape;
  std::string tenant;  // id
  std::string uid;
  std::string host;      // id; empty for kForgetBackup and kForgetCopy
  std::string database;  // as it is called now
  int64_t generation = 0;
  std::string backup;
  std::string store;  // of kForgetCopy
  std::string description;

  // The same as long as the same is called for.
  std::string Id() const;
};

// Whether a repair could have this id; what it is to mend may be mended by now.
[[nodiscard]] bool CanBeRepairId(absl::string_view text);

struct RepairPlan {
  std::vector<FleetRepair> repairs;
  std::vector<FleetFinding> left;  // for people
};

[[nodiscard]] RepairPlan PlanRepairs(const FleetCheck& check, const CatalogView& catalog,
                                     const FleetView& fleet);

}  // namespace croft::domain
