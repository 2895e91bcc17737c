#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "common/clock.h"
#include "controlplane/access/authority.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/fleet/fleet.h"
#include "controlplane/handlers/service.h"
#include "croft/v1/agent.pb.h"

namespace croft::handlers {

// AgentService: how agents get and keep their identity, and their sessions.
class AgentHandlers {
 public:
  // `trusted_authority`: PEM of whoever signs the control plane's server certificate, which may be another
  // than `authority`, who signs agents. The references outlive it.
  AgentHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog,
                const access::Authority& authority, std::string trusted_authority, fleet::Fleet& fleet,
                const Clock& clock)
      : event_queue_(event_queue),
        catalog_(catalog),
        authority_(authority),
        trusted_authority_(std::move(trusted_authority)),
        fleet_(fleet),
        clock_(clock) {}

  Service service();

  absl::StatusOr<v1::JoinResponse> Join(const RequestContext& context, const v1::JoinRequest& request);
  absl::StatusOr<v1::RenewCertificateResponse> RenewCertificate(const RequestContext& context,
                                                                const v1::RenewCertificateRequest& request);

 private:
  struct Signed {
    std::string certificate;
    std::string fingerprint;
    std::string server_certificate;  // this and the next are empty where none was asked for
    std::string server_authority;
  };
  absl::StatusOr<Signed> Sign(const domain::Host& host, const std::string& request,
                              const std::string& server_request) const;
  std::string AuthorityFor(bool knows_server_authority, const Signed& made) const;

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  const access::Authority& authority_;
  const std::string trusted_authority_;
  fleet::Fleet& fleet_;
  const Clock& clock_;
};

}  // namespace croft::handlers
