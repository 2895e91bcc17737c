// The verbs that show a resource with everything that belongs to it.

#include <string>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/names.h"
#include "tools/croftctl/backups.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/format.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/table.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/tenant_usage.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"

// The verbs that show a resource with all that belongs to it.
namespace croft::ctl {
namespace {

// Of each kind, the newest.
constexpr size_t kRecent = 5;
constexpr size_t kTenantsShown = 20;

// A page of fields and tables for people, an object for programs.
class Description {
 public:
  explicit Description(Session& session) : session_(session) {}

  template <class Message>
  absl::Status Add(const std::string& field, const Message& message) {
    CROFT_ASSIGN_OR_RETURN(json_[field], ToJson(message));
    absl::StrAppend(&text_, DetailsText(ViewOf(message).cells, session_.printer.look()));
    return absl::OkStatus();
  }

  // What the caller may not see is left out, and said to be.
  template <class Item>
  absl::Status AddList(const std::string& field, const std::string& title,
                       const absl::StatusOr<Listed<Item>>& listed) {
    absl::StrAppend(&text_, "\n", absl::AsciiStrToUpper(title));
    if (!listed.ok()) {
      absl::StrAppend(&text_, "\n  ", listed.status().message(), "\n");
      return absl::OkStatus();
    }
    std::vector<std::vector<Cell>> rows;
    json_[field] = nlohmann::ordered_json::array();
    for (const Item& item : listed->items) {
      CROFT_ASSIGN_OR_RETURN(json_[field].emplace_back(), ToJson(item));
      rows.push_back(ViewOf(item).cells);
    }
    absl::StrAppend(
        &text_, listed->cut ? ", the newest or first of more" : "", "\n",
        rows.empty() ? "  none\n" : TableText(ViewOf(Item()).cells, rows, session_.printer.look()));
    return absl::OkStatus();
  }

  void Print() { session_.printer.Document(json_, text_); }

 private:
  Session& session_;
  nlohmann::ordered_json json_;
  std::string text_;
};

absl::StatusOr<Listed<v1::Operation>> RecentOperations(Client& client, const std::string& target) {
  v1::ListOperationsRequest request;
  request.set_filter(absl::StrCat("target = \"", target, "\""));
  return ListAll(client, kOperations, request, kRecent);
}

absl::StatusOr<v1::Backup> GetBackup(Client& client, const std::string& name) {
  v1::GetBackupRequest request;
  request.set_name(name);
  return client.Call(&v1::BackupService::Stub::GetBackup, request);
}

// One where something is known, else none.
absl::StatusOr<Listed<v1::TenantUsage>> UsageOfLastDay(Client& client, const std::string& tenant) {
  v1::GetUsageRequest request;
  request.set_name(tenant);
  CROFT_ASSIGN_OR_RETURN(v1::TenantUsage usage, client.Call(&v1::UsageService::Stub::GetUsage, request));
  Listed<v1::TenantUsage> listed;
  usage.clear_hours();
  if (usage.has_measure_time()) listed.items.push_back(std::move(usage));
  return listed;
}

absl::Status DescribeTenant(Session& session, const std::string& id) {
  CROFT_ASSIGN_OR_RETURN(const v1::Tenant tenant, GetTenant(session.client, LastPart(id)));
  Description description(session);
  CROFT_RETURN_IF_ERROR(description.Add("tenant", tenant));
  CROFT_RETURN_IF_ERROR(description.AddList("usage", "usage, the last 24 hours",
                                            UsageOfLastDay(session.client, tenant.name())));
  CROFT_RETURN_IF_ERROR(description.AddList("operations", "recent operations",
                                            RecentOperations(session.client, tenant.name())));
  v1::ListBackupsRequest backups;
  backups.set_parent(tenant.name());
  CROFT_RETURN_IF_ERROR(description.AddList("backups", "recent backups",
                                            ListAll(session.client, kBackups, backups, kRecent)));
  description.Print();
  return absl::OkStatus();
}

absl::Status DescribeHost(Session& session, const std::string& id) {
  v1::GetHostRequest get;
  get.set_name(HostName(LastPart(id)));
  CROFT_ASSIGN_OR_RETURN(const v1::Host host, session.client.Call(&v1::HostService::Stub::GetHost, get));
  Description description(session);
  CROFT_RETURN_IF_ERROR(description.Add("host", host));
  v1::ListTenantsRequest tenants;
  tenants.set_filter(absl::StrCat("host = ", LastPart(host.name())));
  tenants.set_show_retired(true);
  CROFT_RETURN_IF_ERROR(
      description.AddList("tenants", "tenants", ListAll(session.client, kTenants, tenants, kTenantsShown)));
  description.Print();
  return absl::OkStatus();
}

}  // namespace

void AddTenantDescribe(Noun& noun) {
  struct Arguments {
    std::string id;
  };
  auto verb = noun.AddVerb<Arguments>("describe",
                                      "Show a tenant with its conditions, recent operations and backups");
  verb.app.add_option("TENANT", verb->id, "Its id")->required();
  verb.Reads(
      [](Session& session, const Arguments& arguments) { return DescribeTenant(session, arguments.id); });
}

void AddHostDescribe(Noun& noun) {
  struct Arguments {
    std::string id;
  };
  auto verb = noun.AddVerb<Arguments>("describe", "Show a host with what it lacks and the tenants on it");
  verb.app.add_option("HOST", verb->id, "Its id")->required();
  verb.Reads(
      [](Session& session, const Arguments& arguments) { return DescribeHost(session, arguments.id); });
}

void AddBackupDescribe(Noun& noun) {
  struct Arguments {
    std::string tenant;
    std::string backup;
  };
  auto verb = noun.AddVerb<Arguments>("describe", "Show a backup with its findings and recent operations");
  verb.app.add_option("TENANT", verb->tenant, "Id of its tenant, or the backup's full name")->required();
  verb.app.add_option("BACKUP", verb->backup, "Its id or name, or latest");
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    std::string name = arguments.tenant;
    if (!arguments.backup.empty()) {
      CROFT_ASSIGN_OR_RETURN(name, BackupFor(session.client, LastPart(arguments.tenant), arguments.backup));
    }
    CROFT_ASSIGN_OR_RETURN(const v1::Backup backup, GetBackup(session.client, name));
    Description description(session);
    CROFT_RETURN_IF_ERROR(description.Add("backup", backup));
    CROFT_RETURN_IF_ERROR(description.AddList("operations", "recent operations",
                                              RecentOperations(session.client, backup.name())));
    description.Print();
    return absl::OkStatus();
  });
}

void AddOperationDescribe(Noun& noun) {
  struct Arguments {
    std::string id;
  };
  auto verb = noun.AddVerb<Arguments>(
      "describe", "Show an operation with its steps and warnings, and what else was done to the same");
  verb.app.add_option("OPERATION", verb->id, "Its id")->required();
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::GetOperationRequest get;
    get.set_name(OperationName(LastPart(arguments.id)));
    CROFT_ASSIGN_OR_RETURN(const v1::Operation operation,
                           session.client.Call(&v1::OperationService::Stub::GetOperation, get));
    Description description(session);
    CROFT_RETURN_IF_ERROR(description.Add("operation", operation));
    CROFT_RETURN_IF_ERROR(description.AddList("recentOperations", "recent operations on the same",
                                              RecentOperations(session.client, operation.target())));
    description.Print();
    return absl::OkStatus();
  });
}

}  // namespace croft::ctl
