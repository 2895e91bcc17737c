#include "controlplane/access/policy.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/access/methods.h"

namespace croft::access {
namespace {

using testing::HasSubstr;
using testing::Not;

// Who may call what, written by hand from the description of the roles and never from the code.
//   roles   a admin, o operator, v viewer, c connector, l locator, g agent, - nobody in particular
//   narrow  what a binding narrowed to some tenants is good for: t its own tenants, r lists that leave the
//           others out and lists of its own tenants, i whatever everybody who is somebody may, . nothing
struct Row {
  const char* method;
  const char* roles;
  char narrow;
};

constexpr Row kMatrix[] = {
    {"TenantService/CreateTenant", "ao", 't'},
    {"TenantService/GetTenant", "aov", 't'},
    {"TenantService/GetErasure", "aov", 't'},
    {"TenantService/ListTenants", "aov", 'r'},
    {"TenantService/UpdateTenant", "ao", 't'},
    {"TenantService/SuspendTenant", "ao", 't'},
    {"TenantService/ResumeTenant", "ao", 't'},
    {"TenantService/RetireTenant", "ao", 't'},
    {"TenantService/UndeleteTenant", "ao", 't'},
    {"TenantService/PurgeTenant", "ao", 't'},
    {"TenantService/RestoreTenant", "ao", 't'},
    {"TenantService/UndoRestore", "ao", 't'},
    {"TenantService/RotateCredentials", "ao", 't'},

    {"LookupService/Lookup", "aovcl", 't'},
    {"LookupService/BatchLookup", "aovcl", 'r'},
    {"LookupService/WatchPlacements", "aovcl", 'r'},

    {"ImportService/BeginImport", "ao", 't'},
    {"ImportService/AppendImport", "aovclg", 'i'},
    {"ImportService/FinishImport", "ao", 't'},
    {"ImportService/AbandonImport", "aovclg", 'i'},
    {"BackupPolicyService/SetBackupPolicy", "ao", '.'},
    {"BackupPolicyService/GetBackupPolicy", "aov", '.'},
    {"BackupPolicyService/ListBackupPolicies", "aov", '.'},
    {"BackupPolicyService/DeleteBackupPolicy", "ao", '.'},
    {"BackupService/CreateBackup", "ao", 't'},
    {"BackupService/ExportBackup", "a", 't'},
    {"BackupService/GetBackup", "aov", 't'},
    {"BackupService/ListBackups", "aov", 'r'},
    {"BackupService/VerifyBackup", "ao", 't'},
    {"BackupService/CopyBackup", "ao", 't'},
    {"BackupService/DeleteBackup", "ao", 't'},
    {"BackupService/HoldBackup", "ao", 't'},
    {"BackupService/ReleaseBackup", "a", 't'},
    {"BackupService/ListBackupPlans", "aov", 'r'},
    {"BackupService/ReportBackups", "aov", 'r'},

    {"HostService/GetHost", "aov", '.'},
    {"HostService/ListHosts", "aov", '.'},
    {"HostService/UpdateHost", "ao", '.'},
    {"HostService/CordonHost", "ao", '.'},
    {"HostService/UncordonHost", "ao", '.'},
    {"HostService/RemoveHost", "ao", '.'},
    {"HostService/AcceptMissingHost", "ao", '.'},
    {"HostService/AcceptHostIdentity", "ao", '.'},
    {"HostService/CreateJoinToken", "ao", '.'},

    {"OperationService/GetOperation", "aov", 't'},
    {"OperationService/ListOperations", "aov", 'r'},
    {"OperationService/WaitOperation", "aov", 't'},
    {"OperationService/WatchOperation", "aov", 't'},
    {"OperationService/CancelOperation", "ao", 't'},
    {"OperationService/StartCampaign", "ao", '.'},

    {"EventService/ListEvents", "aov", 'r'},
    {"EventService/WatchEvents", "aov", 'r'},

    {"AdminService/GetStatus", "aov", '.'},
    {"AdminService/CheckFleet", "aov", '.'},
    {"AdminService/RepairFleet", "ao", '.'},
    {"AdminService/BackupCatalog", "a", '.'},

    {"AccessService/CreatePrincipal", "a", '.'},
    {"AccessService/GetPrincipal", "a", '.'},
    {"AccessService/ListPrincipals", "a", '.'},
    {"AccessService/DeletePrincipal", "a", '.'},
    {"AccessService/CreateToken", "a", '.'},
    {"AccessService/RevokeToken", "a", '.'},
    {"AccessService/CreateCertificate", "a", '.'},
    {"AccessService/RevokeCertificate", "a", '.'},
    {"AccessService/BindRole", "a", '.'},
    {"AccessService/UnbindRole", "a", '.'},
    {"AccessService/WhoAmI", "aovclg", 'i'},

    {"AuditService/ListAuditEvents", "a", '.'},
    {"AuditService/VerifyAudit", "a", '.'},

    {"UsageService/GetUsage", "aov", 't'},
    {"UsageService/ListUsage", "aov", 'r'},
    {"UsageService/ListStatements", "ao", 't'},

    {"AgentService/Join", "aovclg-", '.'},
    {"AgentService/RenewCertificate", "g", '.'},
    {"AgentService/Connect", "g", '.'},
};

const Labels kShop = {{"app", "shop"}, {"tier", "gold"}};
const Labels kBank = {{"app", "bank"}};

struct RoleLetter {
  Role role;
  char letter;
};
constexpr RoleLetter kUserRoles[] = {{Role::kAdmin, 'a'},
                                     {Role::kOperator, 'o'},
                                     {Role::kViewer, 'v'},
                                     {Role::kConnector, 'c'},
                                     {Role::kLocator, 'l'}};

Principal User(Role role, Scope scope) {
  return {
      .kind = PrincipalKind::kUser, .name = "ci", .bindings = {{.role = role, .scope = std::move(scope)}}};
}
const Principal kAdministrator{.kind = PrincipalKind::kAdmin, .name = "admin"};
const Principal kAgentOfH1{.kind = PrincipalKind::kAgent, .name = "hosts/h1", .host = "h1"};
const Principal kNobody{};

bool Has(const Row& row, char letter) { return std::string(row.roles).find(letter) != std::string::npos; }
bool IsOpen(const Row& row) { return Has(row, '-'); }
// Whether it takes no role.
bool TakesNone(const Row& row) { return IsOpen(row) || row.narrow == 'i'; }

bool Allowed(const Principal& principal, const char* method, const Resource& resource) {
  return Policy().Check(principal, method, resource).ok();
}

// The calls that each method is tried with.
const Resource kNoTenant{};
const Resource kFiltered{.filtered = true};
const Resource kAcme{.tenant = "acme", .labels = &kShop};
const Resource kGlobex{.tenant = "globex", .labels = &kBank};
const Resource kUnknown{.tenant = "unknown"};
const Resource* const kCalls[] = {&kNoTenant, &kFiltered, &kAcme, &kGlobex, &kUnknown};

TEST(PolicyMatrix, RolesThatAreNotNarrowedMayWhatTheTableSays) {
  for (const Row& row : kMatrix) {
    for (const Resource* call : kCalls) {
      SCOPED_TRACE(absl::StrCat(row.method, " on '", call->tenant, "'"));
      for (const auto& [role, letter] : kUserRoles) {
        EXPECT_EQ(Allowed(User(role, AllTenants{}), row.method, *call), Has(row, letter)) << letter;
      }
      EXPECT_EQ(Allowed(kAdministrator, row.method, *call), Has(row, 'a'));
      EXPECT_EQ(Allowed(kAgentOfH1, row.method, *call), Has(row, 'g'));
      EXPECT_EQ(Allowed(kNobody, row.method, *call), Has(row, '-'));
      EXPECT_EQ(Policy().IsOpen(row.method), Has(row, '-'));
    }
  }
}

TEST(PolicyMatrix, NarrowedRolesReachTheirOwnTenantsAlone) {
  for (const Row& row : kMatrix) {
    for (const auto& [role, letter] : kUserRoles) {
      SCOPED_TRACE(absl::StrCat(row.method, " as ", domain::NameOf(role)));
      const bool own = (Has(row, letter) && row.narrow != '.') || TakesNone(row);
      const bool rows = (Has(row, letter) && row.narrow == 'r') || TakesNone(row);
      const bool other = TakesNone(row);
      for (const Scope& scope : {Scope(NamedTenants{{"acme"}}), Scope(LabelledTenants{{{"app", "shop"}}}),
                                 Scope(LabelledTenants{kShop})}) {
        EXPECT_EQ(Allowed(User(role, scope), row.method, kAcme), own);
        EXPECT_EQ(Allowed(User(role, scope), row.method, kFiltered), rows);
        EXPECT_EQ(Allowed(User(role, scope), row.method, kGlobex), other);
        EXPECT_EQ(Allowed(User(role, scope), row.method, kUnknown), other);
        EXPECT_EQ(Allowed(User(role, scope), row.method, kNoTenant), other);
      }
      for (const Scope& scope : {Scope(NamedTenants{}), Scope(LabelledTenants{})}) {
        for (const Resource* call : {&kAcme, &kGlobex, &kUnknown, &kNoTenant}) {
          EXPECT_EQ(Allowed(User(role, scope), row.method, *call), other);
        }
      }
    }
  }
}

TEST(PolicyMatrix, AUserWithoutBindingsMayNothing) {
  const Principal user{.kind = PrincipalKind::kUser, .name = "ci"};
  for (const Row& row : kMatrix) {
    for (const Resource* call : kCalls)
      EXPECT_EQ(Allowed(user, row.method, *call), TakesNone(row)) << row.method;
  }
}

TEST(PolicyMatrix, ABindingToAgentMakesNobodyAHost) {
  for (const Row& row : kMatrix) {
    EXPECT_EQ(Allowed(User(Role::kAgent, AllTenants{}), row.method, kNoTenant), TakesNone(row))
        << row.method;
  }
}

// `rpc` lines of the .proto files as "TenantService/CreateTenant".
std::set<std::string> MethodsOfTheProtos() {
  std::set<std::string> methods;
  for (const auto& entry : std::filesystem::directory_iterator(CROFT_PROTO_DIR)) {
    std::ifstream file(entry.path());
    std::string service;
    for (std::string line; std::getline(file, line);) {
      const std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar(" ("), absl::SkipEmpty());
      if (words.size() > 1 && words[0] == "service") service = words[1];
      if (words.size() > 1 && words[0] == "rpc") methods.insert(absl::StrCat(service, "/", words[1]));
    }
  }
  return methods;
}

TEST(PolicyMatrix, EveryMethodOfTheProtosIsInTheTableAndTheMatrix) {
  const std::set<std::string> protos = MethodsOfTheProtos();
  ASSERT_GT(protos.size(), 30u) << "the protos were not read";
  std::set<std::string> table;
  for (const MethodRule& rule : MethodRules()) EXPECT_TRUE(table.insert(std::string(rule.method)).second);
  std::set<std::string> matrix;
  for (const Row& row : kMatrix) EXPECT_TRUE(matrix.insert(row.method).second) << row.method;
  EXPECT_EQ(table, protos);
  EXPECT_EQ(matrix, protos);
}

// A row of docs/access.md.
std::string LineOf(const Row& row) {
  const std::string method = row.method;
  std::string line = absl::StrCat("| ", method.substr(method.find('/') + 1));
  for (const char role : std::string("aovclg-")) absl::StrAppend(&line, " | ", Has(row, role) ? "yes" : "");
  const char* narrowed = IsOpen(row) || row.narrow == 'i' ? "as anybody"
                         : row.narrow == 't'              ? "its own tenants"
                         : row.narrow == 'r'              ? "rows of its own tenants"
                                                          : "no";
  return absl::StrCat(line, " | ", narrowed, " |");
}

TEST(PolicyMatrix, ThePageSaysTheSame) {
  std::ifstream file(CROFT_ACCESS_PAGE);
  ASSERT_TRUE(file.is_open());
  std::map<std::string, std::string> page;  // by method
  std::string service;
  for (std::string line; std::getline(file, line);) {
    if (absl::StartsWith(line, "## ")) service = line.substr(3);
    if (!absl::StartsWith(line, "| ") || absl::StartsWith(line, "| method")) continue;
    const std::string method = line.substr(2, line.find(' ', 2) - 2);
    EXPECT_TRUE(page.emplace(absl::StrCat(service, "/", method), line).second) << line;
  }
  std::map<std::string, std::string> matrix;
  for (const Row& row : kMatrix) matrix[row.method] = LineOf(row);
  EXPECT_EQ(page, matrix);
}

TEST(Policy, UnknownMethodsAreDeniedToEverybody) {
  for (const char* method :
       {"", "TenantService", "TenantService/", "TenantService/GetTenan", "TenantService/GetTenants",
        "tenantservice/GetTenant", "croft.v1.TenantService/GetTenant", "/TenantService/GetTenant"}) {
    for (const Principal& principal :
         {kAdministrator, kAgentOfH1, User(Role::kAdmin, AllTenants{}), kNobody}) {
      EXPECT_FALSE(Allowed(principal, method, kAcme)) << method;
      EXPECT_FALSE(Policy().Sees(principal, method, "acme", &kShop)) << method;
    }
    EXPECT_FALSE(Policy().IsOpen(method));
  }
}

TEST(Policy, AnAgentActsAsItsOwnHostOnly) {
  EXPECT_TRUE(Allowed(kAgentOfH1, "AgentService/Connect", {.host = "h1"}));
  EXPECT_FALSE(Allowed(kAgentOfH1, "AgentService/Connect", {.host = "h2"}));
  EXPECT_FALSE(Allowed({.kind = PrincipalKind::kAgent, .name = "hosts/"}, "AgentService/Connect", {}));
}

TEST(Policy, SeveralBindingsAddUp) {
  Principal principal = User(Role::kConnector, LabelledTenants{{{"app", "shop"}}});
  principal.bindings.push_back({.role = Role::kViewer, .scope = NamedTenants{{"globex"}}});
  EXPECT_TRUE(Allowed(principal, "LookupService/Lookup", kAcme));
  EXPECT_TRUE(Allowed(principal, "TenantService/GetTenant", kGlobex));
  EXPECT_FALSE(Allowed(principal, "TenantService/GetTenant", kAcme));
  EXPECT_TRUE(Policy().SeesSecrets(principal, "acme", &kShop));
  EXPECT_FALSE(Policy().SeesSecrets(principal, "globex", &kBank));
}

TEST(Policy, SecretsAreForAdministratorsAndConnectorsWithinTheirScope) {
  const Policy policy;
  for (const auto& [role, letter] : kUserRoles) {
    const bool expected = letter == 'a' || letter == 'c';
    EXPECT_EQ(policy.SeesSecrets(User(role, AllTenants{}), "acme", &kShop), expected) << letter;
    EXPECT_EQ(policy.SeesSecrets(User(role, NamedTenants{{"acme"}}), "acme", &kShop), expected) << letter;
    EXPECT_FALSE(policy.SeesSecrets(User(role, NamedTenants{{"acme"}}), "globex", &kBank)) << letter;
    EXPECT_FALSE(policy.SeesSecrets(User(role, LabelledTenants{{{"app", "shop"}}}), "unknown", nullptr))
        << letter;
  }
  EXPECT_TRUE(policy.SeesSecrets(kAdministrator, "acme", &kShop));
  EXPECT_FALSE(policy.SeesSecrets(kAgentOfH1, "acme", &kShop));
  EXPECT_FALSE(policy.SeesSecrets(kNobody, "acme", &kShop));
}

TEST(Policy, ListsShowOnlyTheCallersOwnTenants) {
  const Policy policy;
  const Principal narrowed = User(Role::kViewer, LabelledTenants{{{"app", "shop"}}});
  EXPECT_TRUE(policy.Sees(narrowed, "TenantService/ListTenants", "acme", &kShop));
  EXPECT_FALSE(policy.Sees(narrowed, "TenantService/ListTenants", "globex", &kBank));
  EXPECT_TRUE(policy.Sees(narrowed, "LookupService/WatchPlacements", "acme", &kShop));
  const Principal locator = User(Role::kLocator, NamedTenants{{"acme"}});
  EXPECT_TRUE(policy.Sees(locator, "LookupService/WatchPlacements", "acme", &kShop));
  EXPECT_FALSE(policy.Sees(locator, "TenantService/ListTenants", "acme", &kShop));
  EXPECT_FALSE(policy.Sees(kAdministrator, "HostService/ListHosts", "acme", &kShop))
      << "not a list of tenants";
  EXPECT_TRUE(policy.Sees(kAdministrator, "TenantService/ListTenants", "globex", &kBank));
}

TEST(Policy, ADenialReadsTheSameWhetherTheTenantExistsOrNot) {
  const Principal narrowed = User(Role::kOperator, LabelledTenants{{{"app", "shop"}}});
  const absl::Status other = Policy().Check(narrowed, "TenantService/GetTenant", kGlobex);
  const absl::Status unknown = Policy().Check(narrowed, "TenantService/GetTenant", kUnknown);
  EXPECT_EQ(other.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(other, unknown);
  EXPECT_EQ(DetailsOf(other).reason, "PERMISSION_DENIED");
  EXPECT_THAT(std::string(other.message()), Not(HasSubstr("globex")));
}

TEST(Policy, WithoutAnIdentityTheAnswerAsksForOne) {
  const absl::Status status = Policy().Check(kNobody, "TenantService/GetTenant", kAcme);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(DetailsOf(status).reason, "IDENTITY_MISSING");
}

}  // namespace
}  // namespace croft::access
