#include "tests/sim/clients.h"

#include <set>
#include <utility>

#include "common/crypto/scram.h"
#include "common/enums.h"
#include "common/errors.h"
#include "common/ids.h"
#include "controlplane/handlers/campaigns.h"

namespace croft::sim {
namespace {

using domain::Tenant;
using domain::TenantState;

constexpr absl::Duration kTimeout = absl::Seconds(15);
constexpr size_t kEntropy = 16;

}  // namespace

Clients::Clients(World& world, FindPlane find_plane, std::vector<std::string> tenants)
    : world_(world),
      find_plane_(std::move(find_plane)),
      tenants_(std::move(tenants)),
      farewells_(world.dice.Chance(1, 5)) {}

// ---- Asking.

void Clients::Insist(const std::string& method, std::function<engine::RequestBody()> make) {
  auto question = std::make_shared<Question>();
  question->method = method;
  question->request_id = absl::StrCat("request-", ++last_request_);
  question->make = std::move(make);
  ++waiting_;
  world_.tally.Request(method);
  Call(question);
}

void Clients::Call(const std::shared_ptr<Question>& question) {
  Send(question);
  world_.scheduler.After(kTimeout, [this, question] {
    if (!question->answered) Call(question);
  });
  // The network delivers it once more, perhaps after its answer.
  if (world_.faults && world_.dice.Chance(1, 15)) {
    world_.scheduler.After(world_.dice.Between(absl::ZeroDuration(), absl::Minutes(2)),
                           [this, question] { Send(question); });
  }
}

void Clients::Send(const std::shared_ptr<Question>& question) {
  ++question->attempts;
  SimPlane* plane = find_plane_();
  if (plane != nullptr) {
    // Every attempt is parsed and prepared anew, with fresh ids and secrets.
    asking_ = question->request_id;
    engine::RequestBody body = question->make();
    engine::Caller caller{.name = "admin",
                          .peer = "sim",
                          .method = question->method,
                          .request_id = question->request_id,
                          .payload_hash = "payload"};
    world_.scheduler.After(world_.dice.Between(absl::Microseconds(200), absl::Milliseconds(50)),
                           [this, plane, question, caller = std::move(caller), body = std::move(body)] {
                             plane->Call(caller, body,
                                         [this, question](const absl::StatusOr<engine::Answer>& answer) {
                                           // The answer can be lost on its way.
                                           if (world_.faults && world_.dice.Chance(1, 12)) return;
                                           OnAnswer(question, answer);
                                         });
                           });
  }
}

void Clients::OnAnswer(const std::shared_ptr<Question>& question,
                       const absl::StatusOr<engine::Answer>& answer) {
  if (!question->answered) --waiting_;
  question->answered = true;
  if (!answer.ok()) {
    world_.Say(question->request_id, " ", question->method,
               " is refused: ", DetailsOf(answer.status()).reason);
    world_.tally.Request("(refused)");
    return;
  }
  const auto* operation = std::get_if<domain::Operation>(&*answer);
  if (operation == nullptr) return;
  world_.Say(question->request_id, " ", question->method, " is ", operation->id);
  if (question->method == "CancelOperation") CheckCancelled(*operation);
  const auto [promise, first] = promised_.emplace(question->request_id, operation->id);
  if (!first && promise->second != operation->id) {
    world_.Violate(5, absl::StrCat(question->request_id, " was answered with ", promise->second,
                                   " and then with ", operation->id));
  }
  if (first) begun_.push_back(operation->id);
}

// One that can only go forward ends at once; a key that is being erased is erased.
void Clients::CheckCancelled(const domain::Operation& operation) {
  const std::optional<size_t> current = domain::CurrentStep(operation);
  if (!current || operation.state != domain::OperationState::kRunning) return;
  const bool goes_on = static_cast<int32_t>(*current) >= operation.point_of_no_return &&
                       !std::holds_alternative<domain::EraseKeyTask>(operation.steps[*current].task);
  if (goes_on) world_.Violate(14, absl::StrCat(operation.id, " was cancelled and neither ends nor undoes"));
}

// ---- What can be asked.

std::string Clients::NewOperation(const std::string& request_id) {
  const std::string id = world_.NewOperationId();
  operations_[request_id].insert(id);
  return id;
}

std::vector<domain::Credential> Clients::NewCredentials() {
  std::vector<domain::Credential> credentials;
  for (const auto role : {domain::LoginRole::kApp, domain::LoginRole::kReadOnly}) {
    const std::string password = absl::StrCat(kCanary, crypto::NewPassword(world_.dice));
    domain::Credential credential{.role = role,
                                  .sealed_password = "sealed",
                                  .verifier = crypto::ScramVerifier(password, world_.dice.Bytes(kEntropy))};
    world_.passwords[credential.verifier] = password;
    credentials.push_back(std::move(credential));
  }
  return credentials;
}

void Clients::Equip(Tenant& tenant) {
  tenant.uid = UidFrom(world_.dice.Bytes(kEntropy));
  tenant.owner_role = OwnerRoleName(tenant.id, tenant.uid);
  tenant.reader_role = absl::StrCat(tenant.owner_role, "_r");
  tenant.credentials = NewCredentials();
  for (domain::Credential& credential : tenant.credentials) {
    credential.login =
        absl::StrCat(tenant.owner_role, credential.role == domain::LoginRole::kReadOnly ? "_ra" : "_a");
    credential.published = true;
  }
  if (world_.refusals && world_.dice.Chance(1, 8)) {
    constexpr Trouble kTroubles[] = {Trouble::kRefuses, Trouble::kInvents, Trouble::kRunsShort};
    world_.troubles[tenant.uid] = kTroubles[world_.dice.Roll(3)];
  }
  if (const absl::Status made = world_.keys->Create(tenant.uid, tenant.id); !made.ok())
    world_.Violate(0, absl::StrCat("no data key: ", made.ToString()));
}

std::string Clients::PickBackup(const Tenant& tenant) {
  const auto backups = *world_.catalog.ListBackups(tenant.id, {}, 100);
  return backups.empty() ? "none" : world_.dice.Pick(backups).id;
}

void Clients::Act() {
  if (!begun_.empty() && world_.dice.Chance(1, 12)) {
    const std::string operation = world_.dice.Pick(begun_);
    return Insist("CancelOperation", [operation] { return engine::CancelOperation{operation}; });
  }
  if (world_.dice.Chance(1, 40)) return Cordon();
  if (world_.dice.Chance(1, 40)) return StartCampaign();
  if (world_.dice.Chance(1, 40)) return ChangePolicy();
  ActOn(world_.dice.Pick(tenants_));
}

void Clients::Cordon() {
  const std::string host = PickHost();
  const bool cordoned = world_.dice.Chance(1, 3);
  Insist(cordoned ? "CordonHost" : "UncordonHost",
         [host, cordoned] { return engine::CordonHost{.host = host, .cordoned = cordoned}; });
}

void Clients::StartCampaign() {
  const bool proofs = world_.dice.Chance(1, 3);
  const std::string host = world_.dice.Chance(1, 3) ? PickHost() : "";
  const std::string filter =
      world_.dice.Chance(1, 4) ? absl::StrCat("labels.tier != ", world_.dice.Roll(10)) : "";
  const auto width = static_cast<int32_t>(1 + world_.dice.Roll(3));
  const auto max_failures = static_cast<int32_t>(1 + world_.dice.Roll(4));
  Insist("StartCampaign", [this, proofs, host, filter, width, max_failures] {
    const auto selected =
        *handlers::SelectTenants(world_.catalog, {.host = host, .filter = filter}, "", 1000);
    return engine::StartCampaign{
        .operation = NewOperation(asking_),
        .child_kind = proofs ? domain::OperationKind::kVerify : domain::OperationKind::kBackUp,
        .host = host,
        .filter = filter,
        .width = width,
        .max_failures = max_failures,
        .total = static_cast<int32_t>(selected.tenants.size())};
  });
}

std::string Clients::PickHost() {
  auto host = world_.hosts.begin();
  std::advance(host, world_.dice.Roll(static_cast<int64_t>(world_.hosts.size())));
  return host->first;
}

void Clients::Create(const std::string& id) {
  Insist("CreateTenant", [this, id] {
    engine::CreateTenant create{.operation = NewOperation(asking_)};
    create.tenant.id = id;
    create.tenant.quota.connections = static_cast<int32_t>(2 + world_.dice.Roll(20));
    if (world_.dice.Chance(1, 6)) create.tenant.expire_time = SomeTimeAhead();
    ChooseBackups(create.tenant);
    if (world_.dice.Chance(1, 4))
      create.tenant.prove_every = world_.dice.Between(absl::Minutes(30), absl::Hours(12));
    Equip(create.tenant);
    return create;
  });
}

void Clients::ChooseBackups(Tenant& tenant) {
  constexpr const char* kLines[] = {"*/25 * * * *", "7 */3 * * *", "30 2,14 * * *"};
  constexpr const char* kZones[] = {"", "Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles"};
  const int64_t way = world_.dice.Roll(4);
  if (way > 1) return;
  if (way == 0) tenant.backup_every = world_.dice.Between(absl::Minutes(10), absl::Hours(8));
  if (way == 1) tenant.backup_times.cron = kLines[world_.dice.Roll(3)];
  tenant.backup_times.time_zone = kZones[world_.dice.Roll(4)];
  tenant.backup_times.jitter = world_.dice.Between(absl::ZeroDuration(), absl::Minutes(20));
  if (world_.dice.Chance(1, 4)) tenant.backup_times.window = "20:00-16:30";
  if (world_.dice.Chance(3, 4)) tenant.backups_kept = static_cast<int32_t>(1 + world_.dice.Roll(4));
  if (world_.dice.Chance(1, 2)) return;
  tenant.keep = {.within = absl::Hours(world_.dice.Roll(6)),
                 .daily = static_cast<int32_t>(world_.dice.Roll(4)),
                 .weekly = static_cast<int32_t>(world_.dice.Roll(3)),
                 .monthly = static_cast<int32_t>(world_.dice.Roll(2))};
}

void Clients::ChangePolicy() {
  const std::string id = absl::StrCat("p", world_.dice.Roll(4));
  if (world_.dice.Chance(1, 3)) {
    return Insist("DeleteBackupPolicy", [id] { return engine::DeleteBackupPolicy{.policy = id}; });
  }
  engine::SetBackupPolicy set{.policy = id};
  if (world_.dice.Chance(3, 4)) {
    set.selector.emplace();
    // As labels are set on tenants.
    if (world_.dice.Chance(2, 3)) (*set.selector)["tier"] = absl::StrCat(world_.dice.Roll(10));
    if (world_.dice.Chance(1, 3)) (*set.selector)["kind"] = absl::StrCat(world_.dice.Roll(2));
  }
  if (world_.dice.Chance(1, 2)) set.priority = static_cast<int32_t>(world_.dice.Roll(3));
  Tenant saying;
  ChooseBackups(saying);
  set.rules.Set<&Tenant::backup_every>() = saying.backup_every;
  set.rules.Set<&Tenant::backup_times>() = saying.backup_times;
  if (saying.backup_every == absl::ZeroDuration() && saying.backup_times.cron.empty())
    set.rules.Set<&Tenant::backup_times>() = {};
  set.rules.Set<&Tenant::backups_kept>() = saying.backups_kept;
  set.rules.Set<&Tenant::keep>() = saying.keep;
  if (world_.dice.Chance(1, 3))
    set.rules.Set<&Tenant::prove_every>() = world_.dice.Between(absl::Minutes(30), absl::Hours(12));
  if (world_.dice.Chance(1, 6)) set.rules.Set<&Tenant::copy_to>() = {kFurtherName};
  if (world_.dice.Chance(1, 6)) set.rules.Set<&Tenant::skip_rows>() = {"public.jobs"};
  if (world_.dice.Chance(1, 3)) set.rules.Set<&Tenant::backup_off>() = {SomePart()};
  Insist("SetBackupPolicy", [set] { return set; });
}

domain::BackupPart Clients::SomePart() {
  const std::vector<domain::BackupPart> parts = AllOf<domain::BackupPart>();
  return world_.dice.Pick(parts);
}

void Clients::ChangeOwnPolicy(const std::string& id) {
  Tenant saying;
  ChooseBackups(saying);
  const bool off = world_.dice.Chance(1, 3);
  const domain::BackupPart part = SomePart();
  Insist("UpdateTenant (backups)", [this, id, saying, off, part] {
    engine::UpdateTenant update{.operation = NewOperation(asking_), .tenant = id};
    update.update.Set<&Tenant::backup_off>() = off ? std::set{part} : std::set<domain::BackupPart>();
    if (!off) update.update.Set<&Tenant::backup_every>() = saying.backup_every;
    if (!off) update.update.Set<&Tenant::backup_times>() = saying.backup_times;
    return update;
  });
}

void Clients::CreateLike(const Tenant& wanted) {
  Insist("CreateTenant", [this, wanted] {
    engine::CreateTenant create{.operation = NewOperation(asking_), .tenant = wanted};
    Equip(create.tenant);
    return create;
  });
}

void Clients::ActOn(const std::string& id) {
  const std::optional<Tenant> tenant = *world_.catalog.GetTenant(id);
  if (!tenant || tenant->state == TenantState::kPurged || world_.dice.Chance(1, 25)) return Create(id);
  if (tenant->state == TenantState::kRetired && world_.dice.Chance(1, 6)) return HoldOrRelease(*tenant);
  if (tenant->state == TenantState::kFailed ||
      (tenant->state == TenantState::kRetired && world_.dice.Chance(1, 2))) {
    const std::string waiver = world_.dice.Chance(1, 3) ? "not needed" : "";
    const std::vector<domain::Backup> backups = *world_.catalog.ListBackups(id, {}, 100);
    const domain::Backup* incomplete = domain::IncompleteFinalBackup(*tenant, backups);
    const std::string accepted = incomplete != nullptr && world_.dice.Chance(1, 3) ? incomplete->id : "";
    return Insist("PurgeTenant", [this, id, waiver, accepted] {
      return engine::PurgeTenant{.operation = NewOperation(asking_),
                                 .tenant = id,
                                 .waiver = waiver,
                                 .accepted_backup = accepted,
                                 .confirmed = true};
    });
  }
  if (tenant->state == TenantState::kRetired && world_.dice.Chance(1, 2)) {
    return Insist("UndeleteTenant", [this, id] {
      return engine::UndeleteTenant{.operation = NewOperation(asking_), .tenant = id};
    });
  }
  ActOnLiving(*tenant);
}

absl::Time Clients::SomeTimeAhead() {
  return world_.scheduler.Now() + world_.dice.Between(absl::Minutes(1), absl::Minutes(40));
}

// Some get so little grace that their purge falls into the run.
void Clients::Retire(const Tenant& tenant) {
  const absl::Duration grace = world_.dice.Chance(1, 3)
                                   ? world_.dice.Between(absl::Minutes(1), absl::Minutes(40))
                                   : absl::Hours(7 * 24);
  Insist("RetireTenant", [this, grace, id = tenant.id, uid = tenant.uid] {
    return engine::RetireTenant{.operation = NewOperation(asking_),
                                .tenant = id,
                                .grace = grace,
                                .confirmed = true,
                                .final_backup = world_.PrepareBackup(uid)};
  });
}

void Clients::Expire(const Tenant& tenant) {
  const absl::Time time = SomeTimeAhead();
  Insist("UpdateTenant (expire_time)", [this, id = tenant.id, time] {
    engine::UpdateTenant update{.operation = NewOperation(asking_), .tenant = id, .confirmed = true};
    update.update.Set<&domain::Tenant::expire_time>() = time;
    return update;
  });
}

void Clients::UndoRestore(const Tenant& tenant) {
  const std::string database =
      world_.dice.Chance(1, 3) ? world_.dice.Pick(tenant.kept_databases).placement.database : "";
  Insist("UndoRestore", [this, id = tenant.id, database] {
    return engine::UndoRestore{.operation = NewOperation(asking_), .tenant = id, .database = database};
  });
}

void Clients::Restore(const Tenant& tenant) {
  if (!tenant.kept_databases.empty() && world_.dice.Chance(1, 2)) return UndoRestore(tenant);
  const std::string id = tenant.id;
  const std::string backup = PickBackup(tenant);
  const std::string as = world_.dice.Chance(1, 4) ? world_.dice.Pick(tenants_) : "";
  const std::string host = world_.dice.Chance(1, 3) ? PickHost() : "";
  Insist("RestoreTenant", [this, id, backup, as, host] {
    engine::RestoreTenant restore{
        .operation = NewOperation(asking_), .tenant = id, .backup = backup, .host = host};
    if (!as.empty()) {
      restore.as_new.emplace();
      restore.as_new->id = as;
      Equip(*restore.as_new);
    }
    return restore;
  });
}

void Clients::Copy(const Tenant& tenant) {
  const std::string id = tenant.id;
  const std::string backup = PickBackup(tenant);
  Insist("CopyBackup", [this, id, backup] {
    return engine::CopyBackup{
        .operation = NewOperation(asking_), .tenant = id, .backup = backup, .to_store = kFurtherName};
  });
}

void Clients::ChooseCopies(const std::string& id) {
  const bool copies = world_.dice.Chance(3, 4);
  Insist("UpdateTenant (copies)", [this, id, copies] {
    engine::UpdateTenant update{.operation = NewOperation(asking_), .tenant = id};
    std::vector<std::string>& stores = update.update.Set<&domain::Tenant::copy_to>();
    if (copies) stores.emplace_back(kFurtherName);
    return update;
  });
}

void Clients::HoldOrRelease(const Tenant& tenant) {
  const std::string id = tenant.id;
  const std::vector<domain::Backup> held =
      domain::HeldBackups(*world_.catalog.ListBackups(tenant.id, {}, 100));
  if (!held.empty() && world_.dice.Chance(2, 3)) {
    const std::string backup = world_.dice.Pick(held).id;
    return Insist("ReleaseBackup",
                  [id, backup] { return engine::ReleaseBackup{.tenant = id, .backup = backup}; });
  }
  const std::string backup = PickBackup(tenant);
  Insist("HoldBackup",
         [id, backup] { return engine::HoldBackup{.tenant = id, .backup = backup, .reason = "a case"}; });
}

void Clients::ActOnLiving(const Tenant& tenant) {
  const std::string id = tenant.id;
  const std::string uid = tenant.uid;
  if (farewells_ && world_.dice.Chance(1, 2)) return Retire(tenant);
  if (world_.dice.Chance(1, 20)) return Expire(tenant);
  switch (world_.dice.Roll(20)) {
    case 0:
    case 1: {
      const auto mode =
          world_.dice.Chance(1, 2) ? domain::SuspendMode::kBlocked : domain::SuspendMode::kReadOnly;
      return Insist("SuspendTenant", [this, id, mode] {
        return engine::SuspendTenant{.operation = NewOperation(asking_), .tenant = id, .mode = mode};
      });
    }
    case 2:
    case 3:
      return Insist("ResumeTenant", [this, id] {
        return engine::ResumeTenant{.operation = NewOperation(asking_), .tenant = id};
      });
    case 4:
    case 5: return Retire(tenant);
    case 6:
    case 7:
    case 8:
      return Insist("CreateBackup", [this, id, uid] {
        return engine::CreateBackup{
            .operation = NewOperation(asking_), .tenant = id, .backup = world_.PrepareBackup(uid)};
      });
    case 9: {
      const std::string backup = PickBackup(tenant);
      const std::string copy = world_.dice.Chance(1, 3) ? kFurtherName : "";
      return Insist("VerifyBackup", [this, id, backup, copy] {
        return engine::VerifyBackup{
            .operation = NewOperation(asking_), .tenant = id, .backup = backup, .copy = copy};
      });
    }
    case 10: {
      const std::string backup = PickBackup(tenant);
      return Insist("DeleteBackup", [this, id, backup] {
        return engine::DeleteBackup{.operation = NewOperation(asking_), .tenant = id, .backup = backup};
      });
    }
    case 11:
      return Insist("RotateCredentials", [this, id] {
        return engine::RotateCredentials{
            .operation = NewOperation(asking_), .tenant = id, .credentials = NewCredentials()};
      });
    case 12:
    case 13: return Restore(tenant);
    case 14: {
      const std::string value = absl::StrCat(world_.dice.Roll(10));
      const std::string kind = absl::StrCat(world_.dice.Roll(2));
      return Insist("UpdateTenant (labels)", [this, id, value, kind] {
        engine::UpdateTenant update{.operation = NewOperation(asking_), .tenant = id};
        update.update.label_edits["tier"] = value;
        update.update.label_edits["kind"] = kind;
        return update;
      });
    }
    case 15: return HoldOrRelease(tenant);
    case 16: return world_.dice.Chance(1, 2) ? LimitStorage(id) : ChangeOwnPolicy(id);
    case 17: return Copy(tenant);
    case 18: return ChooseCopies(id);
    default: {
      const auto connections = static_cast<int32_t>(2 + world_.dice.Roll(30));
      return Insist("UpdateTenant (quota)", [this, id, connections] {
        engine::UpdateTenant update{.operation = NewOperation(asking_), .tenant = id};
        update.update.Set<&domain::Tenant::quota, &domain::Quota::connections>() = connections;
        return update;
      });
    }
  }
}

// Around what databases of a run come to have.
void Clients::LimitStorage(const std::string& id) {
  const int64_t quota = world_.dice.Chance(1, 4) ? 0 : (1 + world_.dice.Roll(60)) << 20;
  std::optional<absl::Time> grace;
  if (world_.dice.Chance(1, 4)) grace = SomeTimeAhead();
  Insist("UpdateTenant (storage)", [this, id, quota, grace] {
    engine::UpdateTenant update{.operation = NewOperation(asking_), .tenant = id};
    update.update.Set<&domain::Tenant::quota, &domain::Quota::storage_bytes>() = quota;
    update.update.Set<&domain::Tenant::storage, &domain::Storage::grace_time>() = grace;
    return update;
  });
}

// ---- Promises.

// There, or there for as long as it had to be.
bool Clients::IsKnown(const std::string& operation) const {
  return world_.pruned_operations.contains(operation) ||
         world_.catalog.GetOperation(operation)->has_value();
}

void Clients::CheckPromises() {
  for (const auto& [request, operation] : promised_) {
    if (!IsKnown(operation))
      world_.Violate(4, absl::StrCat(operation, " was promised to ", request, " and is not there"));
  }
  for (const auto& [request, operations] : operations_) {
    int found = 0;
    for (const std::string& operation : operations) found += IsKnown(operation);
    if (found > 1) world_.Violate(5, absl::StrCat(request, " had ", found, " effects"));
  }
}

}  // namespace croft::sim
