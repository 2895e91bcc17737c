// Implements AgentService.

#include "controlplane/handlers/agent.h"

#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/crypto/hash.h"
#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/names.h"
#include "controlplane/access/token.h"
#include "controlplane/domain/errors.h"
#include "controlplane/handlers/certificates.h"

namespace croft::handlers {

Service AgentHandlers::service() {
  Service service("croft.v1.AgentService");
  service.Unary("Join", *this, &AgentHandlers::Join);
  service.Unary("RenewCertificate", *this, &AgentHandlers::RenewCertificate);
  service.Bidi<v1::ConnectRequest, v1::ConnectResponse>(
      "Connect", [this](const RequestContext& context, grpc::CallbackServerContext& call) {
        return fleet_.Connect(context.principal.host, call);
      });
  return service;
}

absl::StatusOr<v1::JoinResponse> AgentHandlers::Join(const RequestContext& context,
                                                     const v1::JoinRequest& request) {
  CROFT_ASSIGN_OR_RETURN(const access::PresentedJoinToken token, access::ParseJoinToken(request.token()));
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Host> host, catalog_.GetHost(token.host));
  // Looked at before anything is signed; the engine decides whether the token can still be spent.
  if (!host || !crypto::EqualInConstantTime(host->join_secret_hash, token.secret_hash)) {
    return domain::JoinTokenInvalid();
  }
  CROFT_ASSIGN_OR_RETURN(Signed made,
                         Sign(*host, request.certificate_request(), request.server_certificate_request()));
  engine::Caller caller = context.caller;
  caller.name = HostName(host->id);
  CROFT_RETURN_IF_ERROR(event_queue_
                            .Call(std::move(caller), engine::JoinHost{.host = host->id,
                                                                      .secret_hash = token.secret_hash,
                                                                      .fingerprint = made.fingerprint})
                            .status());
  v1::JoinResponse response;
  response.set_host(HostName(host->id));
  response.set_certificate_chain(std::move(made.certificate));
  response.set_authority(AuthorityFor(request.knows_server_authority(), made));
  response.set_server_certificate(std::move(made.server_certificate));
  response.set_server_authority(made.server_authority);
  return response;
}

absl::StatusOr<v1::RenewCertificateResponse> AgentHandlers::RenewCertificate(
    const RequestContext& context, const v1::RenewCertificateRequest& request) {
  const access::Principal& agent = context.principal;
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::Host> host, catalog_.GetHost(agent.host));
  if (!host) return domain::HostNotFound(agent.host);
  CROFT_ASSIGN_OR_RETURN(Signed made,
                         Sign(*host, request.certificate_request(), request.server_certificate_request()));
  CROFT_RETURN_IF_ERROR(event_queue_
                            .Call(context.caller, engine::RenewHost{.host = host->id,
                                                                    .old_fingerprint = agent.fingerprint,
                                                                    .fingerprint = made.fingerprint})
                            .status());
  v1::RenewCertificateResponse response;
  response.set_certificate_chain(std::move(made.certificate));
  response.set_authority(AuthorityFor(request.knows_server_authority(), made));
  response.set_server_certificate(std::move(made.server_certificate));
  response.set_server_authority(made.server_authority);
  return response;
}

std::string AgentHandlers::AuthorityFor(bool knows_server_authority, const Signed& made) const {
  // An agent of the version before trusts one text for everything; it would not know its own server.
  return knows_server_authority ? trusted_authority_
                                : absl::StrCat(trusted_authority_, made.server_authority);
}

absl::StatusOr<AgentHandlers::Signed> AgentHandlers::Sign(const domain::Host& host,
                                                          const std::string& request,
                                                          const std::string& server_request) const {
  const absl::Time now = clock_.Now();
  Signed made;
  CROFT_ASSIGN_OR_RETURN(made.certificate,
                         ForField("certificate_request", authority_.SignAgent(host.id, request, now)));
  CROFT_ASSIGN_OR_RETURN(const crypto::CertificateFacts facts, crypto::ReadCertificate(made.certificate));
  made.fingerprint = facts.fingerprint;
  if (server_request.empty()) return made;
  CROFT_ASSIGN_OR_RETURN(
      made.server_certificate,
      ForField("server_certificate_request",
               authority_.SignManagedServer(host.id, server_request, host.server_names, now)));
  made.server_authority = authority_.databases_trust(now);
  return made;
}

}  // namespace croft::handlers
