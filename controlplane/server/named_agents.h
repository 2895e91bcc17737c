#pragma once

#include <map>
#include <set>
#include <string>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/server/adapter.h"

namespace croft::server {

// The gate while there is no catalog to say whose certificates are current: lets in agents of the hosts that were
// named, by any certificate that the authority signed for them and that has not ended. Of several that one host shows,
// the one made last counts, and an older one is refused from then on. Thread-safe.
class NamedAgents final : public Gate {
 public:
  // `authority`: PEM. `clock` outlives it.
  NamedAgents(std::string authority, std::set<std::string> hosts, const Clock& clock)
      : authority_(std::move(authority)), hosts_(std::move(hosts)), clock_(clock) {}

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

  // Of the certificate that counts; empty where none was shown.
  std::string FingerprintOf(const std::string& host) const;

 private:
  struct Shown {
    std::string fingerprint;
    absl::Time not_before = absl::InfinitePast();
  };

  const std::string authority_;
  const std::set<std::string> hosts_;
  const Clock& clock_;
  mutable Mutex mutex_;
  mutable std::map<std::string, Shown> shown_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::server
