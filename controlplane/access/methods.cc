// The table of all methods with the permission that each needs.

#include "controlplane/access/methods.h"

#include <algorithm>
#include <iterator>

namespace croft::access {
namespace {

// clang-format off
constexpr MethodRule kRules[] = {
    {"AccessService/BindRole", Permission::kAdminister, Subject::kFleet},
    {"AccessService/CreateCertificate", Permission::kAdminister, Subject::kFleet},
    {"AccessService/CreatePrincipal", Permission::kAdminister, Subject::kFleet},
    {"AccessService/CreateToken", Permission::kAdminister, Subject::kFleet},
    {"AccessService/DeletePrincipal", Permission::kAdminister, Subject::kFleet},
    {"AccessService/GetPrincipal", Permission::kAdminister, Subject::kFleet},
    {"AccessService/ListPrincipals", Permission::kAdminister, Subject::kFleet},
    {"AccessService/RevokeCertificate", Permission::kAdminister, Subject::kFleet},
    {"AccessService/RevokeToken", Permission::kAdminister, Subject::kFleet},
    {"AccessService/UnbindRole", Permission::kAdminister, Subject::kFleet},
    {"AccessService/WhoAmI", Permission::kIdentity, Subject::kFleet},
    {"AdminService/BackupCatalog", Permission::kAdminister, Subject::kFleet},
    {"AdminService/CheckFleet", Permission::kRead, Subject::kFleet},
    {"AdminService/GetStatus", Permission::kRead, Subject::kFleet},
    {"AdminService/RepairFleet", Permission::kOperate, Subject::kFleet},
    // The token in the request is the proof; the caller has no identity yet.
    {"AgentService/Connect", Permission::kActAsHost, Subject::kFleet},
    {"AgentService/Join", Permission::kNothing, Subject::kFleet},
    {"AgentService/RenewCertificate", Permission::kActAsHost, Subject::kFleet},
    {"AuditService/ListAuditEvents", Permission::kAdminister, Subject::kFleet},
    {"AuditService/VerifyAudit", Permission::kAdminister, Subject::kFleet},
    // A policy reaches tenants by what they carry, and the fleet.
    {"BackupPolicyService/DeleteBackupPolicy", Permission::kOperate, Subject::kFleet},
    // Who reads single tenants finds what is in force for them with the tenant.
    {"BackupPolicyService/GetBackupPolicy", Permission::kRead, Subject::kFleet},
    {"BackupPolicyService/ListBackupPolicies", Permission::kRead, Subject::kFleet},
    {"BackupPolicyService/SetBackupPolicy", Permission::kOperate, Subject::kFleet},
    {"BackupService/CopyBackup", Permission::kOperate, Subject::kTenant},
    {"BackupService/CreateBackup", Permission::kOperate, Subject::kTenant},
    {"BackupService/DeleteBackup", Permission::kOperate, Subject::kTenant},
    // The tenant's data leaves the system.
    {"BackupService/ExportBackup", Permission::kAdminister, Subject::kTenant},
    {"BackupService/GetBackup", Permission::kRead, Subject::kTenant},
    {"BackupService/HoldBackup", Permission::kOperate, Subject::kTenant},
    {"BackupService/ListBackupPlans", Permission::kRead, Subject::kRows},
    // Of one tenant, or of all (`tenants/-`): the second needs a handler that filters.
    {"BackupService/ListBackups", Permission::kRead, Subject::kRows},
    // Whoever deletes tenants and backups is not to lift what keeps them.
    {"BackupService/ReleaseBackup", Permission::kAdminister, Subject::kTenant},
    {"BackupService/ReportBackups", Permission::kRead, Subject::kRows},
    {"BackupService/VerifyBackup", Permission::kOperate, Subject::kTenant},
    // A narrowed caller gets the events of its tenants.
    {"EventService/ListEvents", Permission::kRead, Subject::kRows},
    {"EventService/WatchEvents", Permission::kRead, Subject::kRows},
    {"HostService/AcceptHostIdentity", Permission::kOperate, Subject::kFleet},
    {"HostService/AcceptMissingHost", Permission::kOperate, Subject::kFleet},
    {"HostService/CordonHost", Permission::kOperate, Subject::kFleet},
    {"HostService/CreateJoinToken", Permission::kOperate, Subject::kFleet},
    {"HostService/GetHost", Permission::kRead, Subject::kFleet},
    {"HostService/ListHosts", Permission::kRead, Subject::kFleet},
    {"HostService/RemoveHost", Permission::kOperate, Subject::kFleet},
    {"HostService/UncordonHost", Permission::kOperate, Subject::kFleet},
    {"HostService/UpdateHost", Permission::kOperate, Subject::kFleet},
    // The handler asks whether the caller began the import.
    {"ImportService/AbandonImport", Permission::kIdentity, Subject::kFleet},
    {"ImportService/AppendImport", Permission::kIdentity, Subject::kFleet},
    {"ImportService/BeginImport", Permission::kOperate, Subject::kTenant},
    {"ImportService/FinishImport", Permission::kOperate, Subject::kTenant},
    {"LookupService/BatchLookup", Permission::kLookUp, Subject::kRows},
    {"LookupService/Lookup", Permission::kLookUp, Subject::kTenant},
    {"LookupService/WatchPlacements", Permission::kLookUp, Subject::kRows},
    {"OperationService/CancelOperation", Permission::kOperate, Subject::kTenant},
    {"OperationService/GetOperation", Permission::kRead, Subject::kTenant},
    {"OperationService/ListOperations", Permission::kRead, Subject::kRows},
    // Narrowed callers begin operations one by one: a selection is not held against what they may reach.
    {"OperationService/StartCampaign", Permission::kOperate, Subject::kFleet},
    {"OperationService/WaitOperation", Permission::kRead, Subject::kTenant},
    {"OperationService/WatchOperation", Permission::kRead, Subject::kTenant},
    {"TenantService/CreateTenant", Permission::kOperate, Subject::kTenant},
    {"TenantService/GetErasure", Permission::kRead, Subject::kTenant},
    {"TenantService/GetTenant", Permission::kRead, Subject::kTenant},
    {"TenantService/ListTenants", Permission::kRead, Subject::kRows},
    {"TenantService/PurgeTenant", Permission::kOperate, Subject::kTenant},
    {"TenantService/RestoreTenant", Permission::kOperate, Subject::kTenant},
    {"TenantService/ResumeTenant", Permission::kOperate, Subject::kTenant},
    {"TenantService/RetireTenant", Permission::kOperate, Subject::kTenant},
    {"TenantService/RotateCredentials", Permission::kOperate, Subject::kTenant},
    {"TenantService/SuspendTenant", Permission::kOperate, Subject::kTenant},
    {"TenantService/UndeleteTenant", Permission::kOperate, Subject::kTenant},
    {"TenantService/UndoRestore", Permission::kOperate, Subject::kTenant},
    {"TenantService/UpdateTenant", Permission::kOperate, Subject::kTenant},
    {"UsageService/GetUsage", Permission::kRead, Subject::kTenant},
    {"UsageService/ListStatements", Permission::kOperate, Subject::kTenant},
    {"UsageService/ListUsage", Permission::kRead, Subject::kRows},
};
// clang-format on

constexpr bool ByName(const MethodRule& a, const MethodRule& b) { return a.method < b.method; }

static_assert(std::is_sorted(std::begin(kRules), std::end(kRules), ByName), "look-up is by binary search");

}  // namespace

absl::Span<const MethodRule> MethodRules() { return kRules; }

const MethodRule* FindMethodRule(absl::string_view method) {
  const MethodRule* rule =
      std::lower_bound(std::begin(kRules), std::end(kRules), method,
                       [](const MethodRule& a, absl::string_view name) { return a.method < name; });
  return rule != std::end(kRules) && rule->method == method ? rule : nullptr;
}

}  // namespace croft::access
