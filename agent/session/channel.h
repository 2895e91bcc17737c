#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>

#include "agent/session/identity.h"

namespace croft::agent {

// A channel of its own to one control plane, trusting `authority` and nobody else. `key` and `certificate_chain`
// are empty before the agent has joined. A dead peer is noticed within half a minute.
[[nodiscard]] std::shared_ptr<grpc::Channel> NewChannel(const std::string& address,
                                                        const std::string& authority,
                                                        const std::string& key,
                                                        const std::string& certificate_chain);

[[nodiscard]] inline std::shared_ptr<grpc::Channel> NewChannel(const std::string& address,
                                                               const Identity& identity) {
  return NewChannel(address, identity.authority, identity.key, identity.certificate_chain);
}

}  // namespace croft::agent
