#include "controlplane/server/access_gate.h"

#include <string>
#include <utility>

#include <absl/strings/string_view.h>

#include "common/errors.h"

namespace croft::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string Text(const Message& message, absl::string_view name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  if (field == nullptr || field->type() != FieldDescriptor::TYPE_STRING || field->is_repeated()) return "";
  return message.GetReflection()->GetString(message, field);
}

// The id in `tenants/ID` and `tenants/ID/backups/…`, else nothing.
std::string IdIn(absl::string_view name) {
  constexpr absl::string_view kCollection = "tenants/";
  if (name.substr(0, kCollection.size()) != kCollection) return "";
  name.remove_prefix(kCollection.size());
  return std::string(name.substr(0, name.find('/')));
}

// The tenant that a request is about, by the names that requests use for it.
std::string TenantOf(const Message& request) {
  for (const absl::string_view field : {"name", "parent"}) {
    if (std::string id = IdIn(Text(request, field)); !id.empty()) return id;
  }
  for (const absl::string_view field : {"tenant_id", "tenant"}) {
    if (std::string id = Text(request, field); !id.empty()) return id;
  }
  const FieldDescriptor* tenant = request.GetDescriptor()->FindFieldByName("tenant");
  if (tenant == nullptr || tenant->type() != FieldDescriptor::TYPE_MESSAGE) return "";
  return IdIn(Text(request.GetReflection()->GetMessage(request, tenant), "name"));
}

}  // namespace

absl::Status AccessGate::Identify(const access::CallCredentials& credentials,
                                  const google::protobuf::MethodDescriptor&,
                                  handlers::RequestContext& context) const {
  if (policy_.IsOpen(context.caller.method)) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(context.principal, authenticator_.Authenticate(credentials));
  context.caller.name = context.principal.name;
  return absl::OkStatus();
}

absl::Status AccessGate::Permit(const google::protobuf::MethodDescriptor&, const Message& request,
                                handlers::RequestContext& context) const {
  const std::string tenant = TenantOf(request);
  CROFT_RETURN_IF_ERROR(policy_.Check(context.principal, context.caller.method, {.tenant = tenant}));
  context.sees_passwords = policy_.SeesSecrets(context.principal, tenant, nullptr);
  return absl::OkStatus();
}

}  // namespace croft::server
