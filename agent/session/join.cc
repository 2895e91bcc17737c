// Joins a control plane with a token, and renews the certificates.

#include "agent/session/join.h"

#include <chrono>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <grpcpp/client_context.h>

#include "agent/session/channel.h"
#include "agent/session/wire.h"
#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/agent.grpc.pb.h"

namespace croft::agent {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(15);
constexpr absl::Duration kRetryDelay = absl::Milliseconds(500);

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + kCallTimeout));
}

SignedCertificates Signed(const auto& response) {
  return {.agent = response.certificate_chain(),
          .server = response.server_certificate(),
          .authority = response.authority(),
          .server_authority = response.server_authority()};
}

absl::StatusOr<v1::JoinResponse> CallJoin(const std::string& address, const JoinToken& token,
                                          const v1::JoinRequest& request) {
  const auto stub = v1::AgentService::NewStub(NewChannel(address, token.authority, "", ""));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::JoinResponse response;
  CROFT_RETURN_IF_ERROR(Annotate(StatusFromGrpc(stub->Join(&context, request, &response)),
                                 absl::StrCat("joining by the control plane at ", address)));
  return response;
}

}  // namespace

absl::Status Join(const IdentityFiles& files, absl::string_view token_text,
                  const std::vector<std::string>& servers, absl::Time deadline) {
  const std::string text(absl::StripAsciiWhitespace(token_text));
  CROFT_ASSIGN_OR_RETURN(const JoinToken token, DecodeJoinToken(text));
  CROFT_ASSIGN_OR_RETURN(const CertificateRequests requests, files.Requests(token.host));
  v1::JoinRequest request;
  request.set_token(text);
  request.set_certificate_request(requests.agent);
  request.set_server_certificate_request(requests.server);
  request.set_knows_server_authority(true);
  const std::vector<std::string>& addresses = servers.empty() ? token.servers : servers;
  absl::StatusOr<v1::JoinResponse> response =
      absl::UnavailableError("no address of a control plane is known");
  for (;;) {
    for (const std::string& address : addresses) {
      response = CallJoin(address, token, request);
      if (!absl::IsUnavailable(response.status())) break;
    }
    if (!absl::IsUnavailable(response.status()) || absl::Now() + kRetryDelay >= deadline) break;
    absl::SleepFor(kRetryDelay);
  }
  CROFT_RETURN_IF_ERROR(response.status());
  if (response->host() != HostName(token.host)) {
    return absl::InternalError(
        absl::StrCat("the control plane answered for another host, ", response->host()));
  }
  return files.Save(token.host, addresses, Signed(*response));
}

absl::Status Renew(const IdentityFiles& files, const Identity& identity, const std::string& address) {
  CROFT_ASSIGN_OR_RETURN(const CertificateRequests requests, files.Requests(identity.host));
  v1::RenewCertificateRequest request;
  request.set_certificate_request(requests.agent);
  request.set_server_certificate_request(requests.server);
  request.set_knows_server_authority(true);
  const auto stub = v1::AgentService::NewStub(NewChannel(address, identity));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::RenewCertificateResponse response;
  CROFT_RETURN_IF_ERROR(StatusFromGrpc(stub->RenewCertificate(&context, request, &response)));
  return files.Save(identity.host, identity.servers, Signed(response));
}

}  // namespace croft::agent
