#pragma once

#include "controlplane/access/authenticator.h"
#include "controlplane/access/policy.h"
#include "controlplane/server/adapter.h"

namespace croft::server {

// The gate of the real control plane. Thread-safe.
class AccessGate final : public Gate {
 public:
  explicit AccessGate(const access::Authenticator& authenticator) : authenticator_(authenticator) {}

  absl::Status Identify(const access::CallCredentials& credentials,
                        const google::protobuf::MethodDescriptor& method,
                        handlers::RequestContext& context) const override;
  absl::Status Permit(const google::protobuf::MethodDescriptor& method,
                      const google::protobuf::Message& request,
                      handlers::RequestContext& context) const override;

 private:
  const access::Authenticator& authenticator_;
  const access::Policy policy_{};
};

}  // namespace croft::server
