// Finds the tenants that a request is about, before it is judged.

#include "controlplane/server/affected_tenants.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/strip.h>

#include "common/errors.h"
#include "croft/v1/import.pb.h"
#include "croft/v1/tenant.pb.h"

namespace croft::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string Text(const Message& message, absl::string_view name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  if (field == nullptr || field->type() != FieldDescriptor::TYPE_STRING || field->is_repeated()) return "";
  return message.GetReflection()->GetString(message, field);
}

// The id in `tenants/ID` and `tenants/ID/backups/…`, else nothing. `-` stands for every tenant.
std::string IdIn(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "tenants/")) return "";
  const absl::string_view id = name.substr(0, name.find('/'));
  return id == "-" ? "" : std::string(id);
}

template <typename Request>
const Request* As(const Message& message) {
  return message.GetDescriptor() == Request::descriptor() ? static_cast<const Request*>(&message) : nullptr;
}

access::Labels LabelsOf(const v1::Tenant& tenant) {
  return {tenant.labels().begin(), tenant.labels().end()};
}

// The labels that the tenant has when the update is done.
access::Labels LabelsAfter(const v1::UpdateTenantRequest& request, access::Labels labels) {
  const auto& paths = request.update_mask().paths();
  const bool all = std::find(paths.begin(), paths.end(), "labels") != paths.end() ||
                   std::find(paths.begin(), paths.end(), "*") != paths.end() ||
                   (paths.empty() && !request.tenant().labels().empty());
  if (all) return LabelsOf(request.tenant());
  for (const std::string& path : paths) {
    absl::string_view key = path;
    if (!absl::ConsumePrefix(&key, "labels.")) continue;
    const auto given = request.tenant().labels().find(std::string(key));
    if (given == request.tenant().labels().end()) {
      labels.erase(std::string(key));
    } else {
      labels[std::string(key)] = given->second;
    }
  }
  return labels;
}

// As the facts have it.
AffectedTenant AsItIs(absl::string_view name, const TenantFacts& facts) {
  std::optional<TenantFacts::Known> known = facts.Find(name);
  if (!known) return {std::string(name), std::nullopt};
  return {std::move(known->id), std::move(known->labels)};
}

}  // namespace

std::string TenantNamedIn(const Message& request) {
  for (const absl::string_view field : {"name", "parent"}) {
    if (std::string id = IdIn(Text(request, field)); !id.empty()) return id;
  }
  for (const absl::string_view field : {"tenant_id", "tenant"}) {
    if (std::string id = Text(request, field); !id.empty()) return absl::AsciiStrToLower(id);
  }
  const FieldDescriptor* tenant = request.GetDescriptor()->FindFieldByName("tenant");
  if (tenant == nullptr || tenant->type() != FieldDescriptor::TYPE_MESSAGE) return "";
  return IdIn(Text(request.GetReflection()->GetMessage(request, tenant), "name"));
}

absl::StatusOr<std::vector<AffectedTenant>> AffectedTenants(const Message& request,
                                                            const TenantFacts& facts) {
  std::vector<AffectedTenant> touched;
  const std::string name = Text(request, "name");
  if (absl::string_view operation = name; absl::ConsumePrefix(&operation, "operations/")) {
    CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> tenants, facts.OfOperation(operation));
    for (const std::string& tenant : tenants) touched.push_back(AsItIs(tenant, facts));
    return touched;
  }
  const std::string named = TenantNamedIn(request);
  if (named.empty()) return touched;
  touched.push_back(AsItIs(named, facts));
  if (const auto* create = As<v1::CreateTenantRequest>(request)) {
    // One that is there already can be the answer; one that is not gets these labels.
    if (!touched.front().labels) touched.clear();
    touched.push_back({named, LabelsOf(create->tenant())});
  } else if (const auto* begin = As<v1::BeginImportRequest>(request)) {
    touched = {{named, LabelsOf(begin->tenant())}};
  } else if (const auto* finish = As<v1::FinishImportRequest>(request)) {
    touched = {{named, LabelsOf(finish->tenant())}};
  } else if (const auto* update = As<v1::UpdateTenantRequest>(request)) {
    if (const auto& labels = touched.front().labels) {
      touched.push_back({named, LabelsAfter(*update, *labels)});
    }
  } else if (const auto* restore = As<v1::RestoreTenantRequest>(request)) {
    // The new one gets the labels of its source.
    if (!restore->new_tenant_id().empty()) {
      touched.push_back({restore->new_tenant_id(), touched.front().labels});
    }
  }
  return touched;
}

}  // namespace croft::server
