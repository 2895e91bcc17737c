#pragma once

#include <functional>
#include <string>
#include <utility>

#include "controlplane/access/authenticator.h"
#include "controlplane/access/policy.h"
#include "controlplane/handlers/call_log.h"
#include "controlplane/server/adapter.h"
#include "controlplane/server/affected_tenants.h"
#include "controlplane/server/call_limits.h"

// Lets a call in or refuses it.
namespace croft::server {

// Is told of every call that shows a token. Thread-safe.
using OnToken = std::function<void(const std::string& user, const std::string& token)>;

// The gate of the real control plane. Thread-safe.
class AccessGate final : public Gate {
 public:
  // All outlive it.
  AccessGate(const access::Authenticator& authenticator, const TenantFacts& facts, CallLimits& limits,
             handlers::CallLog& log, OnToken on_token)
      : authenticator_(authenticator),
        facts_(facts),
        limits_(limits),
        log_(log),
        on_token_(std::move(on_token)) {}

  absl::Status Identify(const access::CallCredentials& credentials,
                        const google::protobuf::MethodDescriptor& method,
                        handlers::RequestContext& context) const override;
  absl::Status Permit(const google::protobuf::MethodDescriptor& method,
                      const google::protobuf::Message& request,
                      handlers::RequestContext& context) const override;
  absl::Status PermitStill(const access::CallCredentials& credentials,
                           const google::protobuf::Message& request,
                           const handlers::RequestContext& context) const override;
  size_t MostStreams(const handlers::RequestContext& context) const override;

 private:
  absl::Status Judge(const access::Principal& principal, const std::string& method,
                     const google::protobuf::Message& request) const;

  const access::Authenticator& authenticator_;
  const TenantFacts& facts_;
  CallLimits& limits_;
  handlers::CallLog& log_;
  const OnToken on_token_;
  const access::Policy policy_{};
};

}  // namespace croft::server
