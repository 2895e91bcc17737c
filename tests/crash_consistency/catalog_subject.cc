#include <functional>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/contract/catalog_samples.h"
#include "tests/crash_consistency/subject.h"

namespace croft::power {
namespace {

using namespace catalog;  // NOLINT: its changes are this file's words

using Changes = std::vector<Change>;

std::string TenantId(int number) { return absl::StrCat("tenant-", number); }

AppendAudit Audit(int second, const std::string& method, const std::string& tenant) {
  return {{At(second), "certs/admin", "ipv4:127.0.0.1:40000", method, absl::StrCat("tenants/", tenant),
           "OK", absl::StrCat("request-", second)}};
}

AppendEvent Event(int second, const std::string& tenant) { return {SampleEvent(tenant, second)}; }

domain::Operation OperationOf(int number, domain::OperationKind kind, domain::OperationState state) {
  domain::Operation operation =
      SampleOperation(absl::StrCat("op-", number, "-", static_cast<int>(kind)), TenantId(number));
  operation.kind = kind;
  operation.state = state;
  operation.order = number;
  operation.steps[0].message = std::string(200, 'm');
  if (domain::Ended(operation)) {
    operation.end_time = At(number);
    operation.steps[0].state = domain::StepState::kDone;
  }
  return operation;
}

// The commits of one tenant's life, each of what the engine would change at once.
std::vector<Changes> LifeOf(int number) {
  using domain::OperationKind;
  using domain::OperationState;
  const std::string id = TenantId(number);
  domain::Tenant tenant = SampleTenant(id);
  domain::Host host = SampleHost(absl::StrCat("h", number % 3));
  host.databases_reserved = number;
  domain::Backup backup = SampleBackup(id, "20261123t031100z-abcd");
  std::vector<Changes> life;

  tenant.state = domain::TenantState::kCreating;
  life.push_back({PutTenant{tenant},
                  PutOperation{OperationOf(number, OperationKind::kCreate, OperationState::kRunning)},
                  PutHost{host},
                  PutRequest{{"certs/admin", absl::StrCat("request-", number), "CreateTenant", "hash",
                              absl::StrCat("operations/op-", number), At(number * 1000)}},
                  Audit(number, "TenantService/CreateTenant", id), Event(number, id)});
  tenant.state = domain::TenantState::kReady;
  tenant.aliases = {absl::StrCat("shop-", number, ".example")};
  life.push_back({PutTenant{tenant},
                  PutOperation{OperationOf(number, OperationKind::kCreate, OperationState::kSucceeded)}});
  tenant.settings = absl::StrCat(R"({"text":")", std::string(number % 4 == 0 ? 20000 : 300, 's'), R"("})");
  life.push_back({PutTenant{tenant}, Audit(number, "TenantService/UpdateTenant", id), Event(number, id)});
  life.push_back({PutBackup{backup},
                  PutOperation{OperationOf(number, OperationKind::kBackUp, OperationState::kRunning)},
                  Audit(number, "BackupService/CreateBackup", id)});
  backup.state = domain::BackupState::kVerified;
  backup.sha256 = std::string(64, 'f');
  life.push_back({PutBackup{backup},
                  PutOperation{OperationOf(number, OperationKind::kBackUp, OperationState::kSucceeded)}});
  if (number % 3 != 0) return life;
  tenant.state = domain::TenantState::kPurged;
  tenant.aliases = {};
  tenant.credentials = {};
  life.push_back({PutTenant{tenant}, DeleteBackup{id, backup.id}, DeleteHost{absl::StrCat("h", number % 3)},
                  PutOperation{OperationOf(number, OperationKind::kPurge, OperationState::kSucceeded)},
                  Audit(number, "TenantService/PurgeTenant", id), Event(number, id)});
  return life;
}

absl::Status Put(Catalog& catalog, const Changes& changes) {
  CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<Transaction> transaction, catalog.Begin());
  for (const Change& change : changes) transaction->Apply(change);
  return transaction->Commit().status();
}

class CatalogSubject final : public Subject {
 public:
  absl::Status Work(const std::string& path, RecordingVfs& recorder,
                    const std::function<absl::Status(int)>& committed) override {
    int number = 0;
    // The control plane is stopped and started again halfway.
    for (int half = 0; half < 2; ++half) {
      CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteCatalog> catalog,
                             SqliteCatalog::Open(path, kOptions));
      if (half == 0) CROFT_RETURN_IF_ERROR(committed(0));
      for (const Changes& changes : Commits(half)) {
        recorder.Begin(++number);
        CROFT_RETURN_IF_ERROR(Put(*catalog, changes));
        recorder.Acknowledge(number);
        CROFT_RETURN_IF_ERROR(committed(number));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Reopen(const std::string& path, const std::function<absl::Status()>& look) override {
    CROFT_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteCatalog> catalog,
                           SqliteCatalog::Open(path, kOptions));
    CROFT_RETURN_IF_ERROR(look());
    CROFT_ASSIGN_OR_RETURN(const AuditHead head, catalog->RecordedAuditHead());
    CROFT_RETURN_IF_ERROR(VerifyAuditChain(*catalog, {head}).status());
    return Put(*catalog, {PutTenant{SampleTenant("after")}, Audit(0, "after", "after")});
  }

 private:
  static constexpr int kTenants = 15;
  inline static const SqliteCatalogOptions kOptions = {.machine_id = "machine", .now = At(0), .readers = 1};

  // Of half the tenants; where many ask at once, the writer commits a batch.
  static std::vector<Changes> Commits(int half) {
    std::vector<Changes> commits;
    for (int tenant = half * kTenants; tenant < (half + 1) * kTenants; ++tenant) {
      for (Changes& changes : LifeOf(tenant)) {
        if (tenant % 5 != 3 || commits.empty()) {
          commits.push_back(std::move(changes));
        } else {
          commits.back().insert(commits.back().end(), changes.begin(), changes.end());
        }
      }
    }
    return commits;
  }
};

}  // namespace

std::unique_ptr<Subject> MakeCatalogSubject() { return std::make_unique<CatalogSubject>(); }

}  // namespace croft::power
