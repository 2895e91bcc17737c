#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/engine/event.h"
#include "tests/sim/sim_plane.h"
#include "tests/sim/world.h"

namespace croft::sim {

// Operators and scripts: they ask for everything that can be asked, of some tenants, ask again when no answer comes,
// and note what they were promised.
class Clients {
 public:
  using FindPlane = std::function<SimPlane*()>;

  Clients(World& world, FindPlane find_plane, std::vector<std::string> tenants);

  // Asks something now.
  void Act();
  // Asks until it is answered, with one request id.
  void Insist(const std::string& method, std::function<engine::RequestBody()> make);

  // Has a tenant created with the id and the policy of `wanted`.
  void CreateLike(const domain::Tenant& wanted);

  // What was promised is there, once each (invariants 4 and 5).
  void CheckPromises();
  bool waiting() const { return waiting_ > 0; }

 private:
  struct Question {
    std::string method;
    std::string request_id;
    std::function<engine::RequestBody()> make;
    int attempts = 0;
    bool answered = false;
  };

  // Asks until there is an answer.
  void Call(const std::shared_ptr<Question>& question);
  // Asks once.
  void Send(const std::shared_ptr<Question>& question);
  void OnAnswer(const std::shared_ptr<Question>& question, const absl::StatusOr<engine::Answer>& answer);
  void CheckCancelled(const domain::Operation& operation);
  void ActOn(const std::string& id);
  void HoldOrRelease(const domain::Tenant& tenant);
  void LimitStorage(const std::string& id);
  void Copy(const domain::Tenant& tenant);
  void ChooseCopies(const std::string& id);
  void ActOnLiving(const domain::Tenant& tenant);
  void Create(const std::string& id);
  // When it is backed up by itself, if it is, and what is kept.
  void ChooseBackups(domain::Tenant& tenant);
  // Sets or deletes a policy that tenants share.
  void ChangePolicy();
  // What the tenant's own policy says: more, less, or that a part is off.
  void ChangeOwnPolicy(const std::string& id);
  domain::BackupPart SomePart();
  void Retire(const domain::Tenant& tenant);
  void Expire(const domain::Tenant& tenant);
  absl::Time SomeTimeAhead();
  bool IsKnown(const std::string& operation) const;
  void Restore(const domain::Tenant& tenant);
  void UndoRestore(const domain::Tenant& tenant);
  void Cordon();
  void StartCampaign();
  std::string PickHost();
  std::string NewOperation(const std::string& request_id);
  void Equip(domain::Tenant& tenant);
  std::vector<domain::Credential> NewCredentials();
  std::string PickBackup(const domain::Tenant& tenant);

  World& world_;
  const FindPlane find_plane_;
  const std::vector<std::string> tenants_;
  const bool farewells_;  // much is retired, taken back and purged
  int64_t last_request_ = 0;
  int64_t waiting_ = 0;
  std::string asking_;  // request id of the body that is being made
  std::map<std::string, std::set<std::string>>
      operations_;                               // of each request id: every one it was sent with
  std::map<std::string, std::string> promised_;  // request id -> operation
  std::vector<std::string> begun_;               // operations to cancel some of
};

}  // namespace croft::sim
