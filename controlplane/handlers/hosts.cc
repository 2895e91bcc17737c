// Implements HostService.

#include "controlplane/handlers/hosts.h"

#include <optional>
#include <utility>
#include <variant>

#include "common/errors.h"
#include "common/ids.h"
#include "controlplane/access/token.h"
#include "controlplane/domain/errors.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/host.h"
#include "controlplane/wire/requests.h"

namespace croft::handlers {
namespace {

constexpr absl::Duration kJoinTokenLife = absl::Minutes(15);
constexpr size_t kIdEntropy = 16;

}  // namespace

Service HostHandlers::service() {
  Service service("croft.v1.HostService");
  service.Unary("GetHost", *this, &HostHandlers::GetHost);
  service.Unary("ListHosts", *this, &HostHandlers::ListHosts);
  service.Unary("UpdateHost", *this, &HostHandlers::UpdateHost);
  service.Unary("CordonHost", *this, &HostHandlers::CordonHost);
  service.Unary("UncordonHost", *this, &HostHandlers::UncordonHost);
  service.Unary("RemoveHost", *this, &HostHandlers::RemoveHost);
  service.Unary("AcceptMissingHost", *this, &HostHandlers::AcceptMissingHost);
  service.Unary("AcceptHostIdentity", *this, &HostHandlers::AcceptHostIdentity);
  service.Unary("CreateJoinToken", *this, &HostHandlers::CreateJoinToken);
  return service;
}

template <typename Request>
absl::StatusOr<v1::Host> HostHandlers::Change(const Context& context, const Request& request) {
  CROFT_ASSIGN_OR_RETURN(auto body, wire::Parse(request));
  const std::string id = body.host;
  return presenter_.ShowHost(event_queue_.Call(context.caller, std::move(body)), id);
}

absl::StatusOr<v1::Host> HostHandlers::GetHost(const Context&, const v1::GetHostRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const std::string id, wire::Parse(request));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Host> host, catalog_.GetHost(id));
  if (!host) return domain::HostNotFound(id);
  return presenter_.Show(*host);
}

absl::StatusOr<v1::ListHostsResponse> HostHandlers::ListHosts(const Context&,
                                                              const v1::ListHostsRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const wire::HostQuery query, wire::Parse(request, tokens_));
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Host> hosts, catalog_.ListHosts());
  v1::ListHostsResponse response;
  std::string last;
  for (const domain::Host& host : hosts) {
    if (host.id <= query.after_id || !query.filter(host)) continue;
    if (response.hosts_size() == query.limit) {
      response.set_next_page_token(wire::NextPageToken(request, tokens_, last));
      break;
    }
    *response.add_hosts() = presenter_.Show(host);
    last = host.id;
  }
  return response;
}

absl::StatusOr<v1::Host> HostHandlers::UpdateHost(const Context& context,
                                                  const v1::UpdateHostRequest& request) {
  return Change(context, request);
}

absl::StatusOr<v1::Host> HostHandlers::CordonHost(const Context& context,
                                                  const v1::CordonHostRequest& request) {
  return Change(context, request);
}

absl::StatusOr<v1::Host> HostHandlers::UncordonHost(const Context& context,
                                                    const v1::UncordonHostRequest& request) {
  return Change(context, request);
}

absl::StatusOr<v1::RemoveHostResponse> HostHandlers::RemoveHost(const Context& context,
                                                                const v1::RemoveHostRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::RemoveHost body, wire::Parse(request));
  CROFT_RETURN_IF_ERROR(event_queue_.Call(context.caller, std::move(body)).status());
  return v1::RemoveHostResponse();
}

absl::StatusOr<v1::Host> HostHandlers::AcceptMissingHost(const Context& context,
                                                         const v1::AcceptMissingHostRequest& request) {
  return Change(context, request);
}

absl::StatusOr<v1::Host> HostHandlers::AcceptHostIdentity(const Context& context,
                                                          const v1::AcceptHostIdentityRequest& request) {
  return Change(context, request);
}

absl::StatusOr<v1::CreateJoinTokenResponse> HostHandlers::CreateJoinToken(
    const Context& context, const v1::CreateJoinTokenRequest& request) {
  CROFT_ASSIGN_OR_RETURN(engine::CreateJoinToken body, wire::Parse(request));
  const access::IssuedToken token =
      access::MakeJoinToken(body.host, terms_.servers, terms_.authority, random_);
  const std::string id = body.host;
  body.secret_hash = token.hash;
  body.uid = UidFrom(random_.Bytes(kIdEntropy));
  body.expire_time = clock_.Now() + kJoinTokenLife;
  CROFT_ASSIGN_OR_RETURN(const engine::Answer answer, event_queue_.Call(context.caller, std::move(body)));
  const auto* host = std::get_if<domain::Host>(&answer);
  if (host == nullptr) return domain::HostNotFound(id);
  v1::CreateJoinTokenResponse response;
  // A repeat finds the first call's hash: its secret is known to nobody here.
  if (host->join_secret_hash == token.hash) response.set_token(token.text);
  if (host->join_expire_time) *response.mutable_expire_time() = wire::ToProto(*host->join_expire_time);
  return response;
}

}  // namespace croft::handlers
