#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/catalog/catalog.h"
#include "tests/sim/world.h"

namespace croft::sim {

// What readers of events rely on: each change of a state is told once, in the commit that makes it; what was committed
// is read once, in its order, by who resumes at the last position; and all of it adds up to what is there.
class EventChecks {
 public:
  explicit EventChecks(World& world) : world_(world) {}

  void AfterCommit(const std::vector<catalog::Change>& changes);
  // Nothing is under way.
  void AtRest();

 private:
  void Note(const catalog::PutTenant& put);
  void Note(const catalog::PutOperation& put);
  void Note(const catalog::PutBackup& put);
  void NoteCopies(const domain::Backup& backup);
  void Note(const catalog::DeleteBackup& deleted);
  void Note(const catalog::PutBackupPolicy& put);
  void Note(const catalog::DeleteBackupPolicy& deleted);
  void Note(const catalog::AppendEvent& append);
  void Note(const catalog::CutEvents& cut);
  template <typename Change>
  void Note(const Change&) {}

  void Expect(const std::string& subject, const std::string& what);
  void Read();

  World& world_;
  std::map<std::string, std::string> tenants_;                          // id -> uid and state
  std::map<std::string, std::string> operations_;                       // id -> state
  std::map<std::pair<std::string, std::string>, std::string> backups_;  // (tenant, id) -> state
  std::set<std::pair<std::string, std::string>> held_;                  // (tenant, backup)
  // (tenant, backup) -> store -> state of the copy there
  std::map<std::pair<std::string, std::string>, std::map<std::string, domain::BackupState>> copies_;
  std::map<std::string, domain::BackupPolicy> policies_;  // by id
  // Of the commit that is looked at: what is to be told more often than it is, by subject and what it says.
  std::map<std::pair<std::string, std::string>, int> untold_;
  std::vector<domain::FleetEvent> committed_;  // that the reader has not read
  std::map<std::string, std::string> told_;    // tenant -> the state that events told last
  std::map<int64_t, absl::Time> kept_;         // of all events that are not pruned, by position
  int64_t position_ = 0;                       // of the reader
};

}  // namespace croft::sim
