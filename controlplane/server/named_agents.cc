// Lets in agents by name while there is no catalog.

#include "controlplane/server/named_agents.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "controlplane/domain/errors.h"

namespace croft::server {
namespace {

absl::Status Rebuilding() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "the catalog is being rebuilt, and nobody but the agents is let in; ask again later",
                   {.reason = "CATALOG_REBUILDING", .retry_delay = absl::Seconds(5)});
}

}  // namespace

absl::Status NamedAgents::Identify(const access::CallCredentials& credentials,
                                   const google::protobuf::MethodDescriptor&,
                                   handlers::RequestContext& context) const {
  const auto facts = crypto::ReadCertificate(credentials.peer_certificate);
  if (!facts.ok() || !crypto::SignedBy(credentials.peer_certificate, authority_)) return Rebuilding();
  absl::string_view host = facts->common_name;
  if (!absl::ConsumePrefix(&host, "hosts/") || hosts_.count(std::string(host)) == 0) return Rebuilding();
  if (clock_.Now() >= facts->not_after) return domain::CertificateNotCurrent(host);
  {
    const MutexLock lock(mutex_);
    Shown& shown = shown_[std::string(host)];
    if (facts->not_before < shown.not_before) return domain::CertificateNotCurrent(host);
    shown = {facts->fingerprint, facts->not_before};
  }
  context.principal = {.kind = access::PrincipalKind::kAgent,
                       .name = facts->common_name,
                       .host = std::string(host),
                       .fingerprint = facts->fingerprint,
                       .expire_time = facts->not_after};
  context.caller.name = facts->common_name;
  return absl::OkStatus();
}

absl::Status NamedAgents::Permit(const google::protobuf::MethodDescriptor& method,
                                 const google::protobuf::Message&, handlers::RequestContext&) const {
  return method.full_name() == "croft.v1.AgentService.Connect" ? absl::OkStatus() : Rebuilding();
}

absl::Status NamedAgents::PermitStill(const access::CallCredentials&, const google::protobuf::Message&,
                                      const handlers::RequestContext&) const {
  return absl::OkStatus();
}

size_t NamedAgents::MostStreams(const handlers::RequestContext&) const { return 1; }

std::string NamedAgents::FingerprintOf(const std::string& host) const {
  const MutexLock lock(mutex_);
  const auto found = shown_.find(host);
  return found == shown_.end() ? std::string() : found->second.fingerprint;
}

}  // namespace croft::server
