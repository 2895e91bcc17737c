// Makes the audit rows of a request.

#include "controlplane/engine/audit_rows.h"

#include <algorithm>
#include <set>
#include <utility>

#include <absl/strings/str_join.h>

#include "common/names.h"

namespace croft::engine {
namespace {

// A host that comes back may move thousands of operations on: no row is longer than a page can show.
constexpr std::ptrdiff_t kNamesInARow = 100;

class Names {
 public:
  void Add(const std::string& name) {
    if (!name.empty() && seen_.insert(name).second) names_.push_back(name);
  }
  void AddTenant(const std::string& id) {
    if (!id.empty()) Add(TenantName(id));
  }
  void AddHost(const std::string& id) {
    if (!id.empty()) Add(HostName(id));
  }
  void AddBackup(const std::string& tenant, const std::string& id) {
    if (!id.empty()) Add(BackupName(tenant, id));
  }

  void AddOperation(const domain::Operation& operation) {
    Add(OperationName(operation.id));
    if (!operation.parent.empty()) Add(OperationName(operation.parent));
    AddHost(operation.host);
    AddTenant(operation.tenant);
    AddTenant(operation.source_tenant);
    AddBackup(operation.source_tenant.empty() ? operation.tenant : operation.source_tenant,
              operation.backup);
    for (const domain::Step& step : operation.steps) AddHost(step.host);
  }

  const std::vector<std::string>& all() const { return names_; }

 private:
  std::set<std::string> seen_;
  std::vector<std::string> names_;
};

// What only the request names: the tenants that a binding reaches, what a repair fixes.
void AddScope(const domain::Binding& binding, Names& names) {
  const auto* named = std::get_if<domain::NamedTenants>(&binding.scope);
  if (named == nullptr) return;
  for (const std::string& tenant : named->ids) names.AddTenant(tenant);
}

void AddRequest(const BindRole& request, Names& names) { AddScope(request.binding, names); }
void AddRequest(const UnbindRole& request, Names& names) { AddScope(request.binding, names); }
void AddRequest(const HoldBackup& request, Names& names) { names.AddTenant(request.tenant); }
void AddRequest(const ReleaseBackup& request, Names& names) { names.AddTenant(request.tenant); }
void AddRequest(const ExportBackup& request, Names& names) { names.AddTenant(request.tenant); }
void AddRequest(const RepairTenant& request, Names& names) {
  names.AddTenant(request.repair.tenant);
  names.AddHost(request.repair.host);
}
template <typename Request>
void AddRequest(const Request&, Names&) {}

void AddChange(const catalog::PutTenant& change, Names& names) { names.AddTenant(change.tenant.id); }
void AddChange(const catalog::PutHost& change, Names& names) { names.AddHost(change.host.id); }
void AddChange(const catalog::DeleteHost& change, Names& names) { names.AddHost(change.id); }
void AddChange(const catalog::PutUser& change, Names& names) { names.Add(PrincipalName(change.user.id)); }
void AddChange(const catalog::DeleteUser& change, Names& names) { names.Add(PrincipalName(change.id)); }
void AddChange(const catalog::PutOperation& change, Names& names) { names.AddOperation(change.operation); }
void AddChange(const catalog::PutBackup& change, Names& names) {
  names.AddBackup(change.backup.tenant, change.backup.id);
}
void AddChange(const catalog::DeleteBackup& change, Names& names) {
  names.AddBackup(change.tenant, change.id);
}
void AddChange(const catalog::PutBackupPolicy& change, Names& names) {
  names.Add(BackupPolicyName(change.policy.id));
}
void AddChange(const catalog::DeleteBackupPolicy& change, Names& names) {
  names.Add(BackupPolicyName(change.id));
}
// Records, which are no resources; what is pruned is named by nobody any more.
void AddChange(const catalog::DeleteOperation&, Names&) {}
void AddChange(const catalog::PutRequest&, Names&) {}
void AddChange(const catalog::DeleteRequest&, Names&) {}
void AddChange(const catalog::PutSchedule&, Names&) {}
void AddChange(const catalog::DeleteSchedule&, Names&) {}
void AddChange(const catalog::AppendAudit&, Names&) {}
void AddChange(const catalog::CutAudit&, Names&) {}
void AddChange(const catalog::AppendEvent&, Names&) {}
void AddChange(const catalog::CutEvents&, Names&) {}
void AddChange(const catalog::PutErasure&, Names&) {}
void AddChange(const catalog::NoteTokenUse&, Names&) {}

}  // namespace

std::vector<catalog::AppendAudit> AuditRows(Draft& draft, const Caller& caller, const RequestBody& body,
                                            const Subject& subject,
                                            const std::vector<catalog::Change>& changes) {
  Names names;
  names.Add(subject);
  if (const auto id = ParseOperationName(subject, "name"); id.ok()) {
    if (const domain::Operation* operation = draft.FindOperation(*id)) names.AddOperation(*operation);
  }
  std::visit([&](const auto& request) { AddRequest(request, names); }, body);
  for (const catalog::Change& change : changes) {
    std::visit([&](const auto& one) { AddChange(one, names); }, change);
  }
  std::vector<catalog::AppendAudit> rows;
  auto name = names.all().begin();
  do {
    const auto end = name + std::min(kNamesInARow, names.all().end() - name);
    rows.push_back({{.time = draft.now(),
                     .caller = caller.name,
                     .peer = caller.peer,
                     .method = caller.method,
                     .resource = absl::StrJoin(name, end, " "),
                     .result = "OK",
                     .request_id = caller.request_id}});
    name = end;
  } while (name != names.all().end());
  return rows;
}

}  // namespace croft::engine
