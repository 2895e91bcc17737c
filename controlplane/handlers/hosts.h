#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/clock.h"
#include "common/random.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/presenter.h"
#include "controlplane/handlers/service.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/host.pb.h"

// HostService.
namespace croft::handlers {

// What a join token tells an agent of this control plane.
struct JoinTerms {
  std::vector<std::string> servers;  // `host:port`, at least one
  std::string authority;             // PEM
};

// croft.v1.HostService. Thread-safe.
class HostHandlers {
 public:
  HostHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog, const Presenter& presenter,
               const wire::PageTokens& tokens, Random& random, const Clock& clock, JoinTerms terms)
      : event_queue_(event_queue),
        catalog_(catalog),
        presenter_(presenter),
        tokens_(tokens),
        random_(random),
        clock_(clock),
        terms_(std::move(terms)) {}

  Service service();

 private:
  template <typename T>
  using Answered = absl::StatusOr<T>;
  using Context = RequestContext;

  Answered<v1::Host> GetHost(const Context& context, const v1::GetHostRequest& request);
  Answered<v1::ListHostsResponse> ListHosts(const Context& context, const v1::ListHostsRequest& request);
  Answered<v1::Host> UpdateHost(const Context& context, const v1::UpdateHostRequest& request);
  Answered<v1::Host> CordonHost(const Context& context, const v1::CordonHostRequest& request);
  Answered<v1::Host> UncordonHost(const Context& context, const v1::UncordonHostRequest& request);
  Answered<v1::RemoveHostResponse> RemoveHost(const Context& context, const v1::RemoveHostRequest& request);
  Answered<v1::Host> AcceptMissingHost(const Context& context, const v1::AcceptMissingHostRequest& request);
  Answered<v1::Host> AcceptHostIdentity(const Context& context,
                                        const v1::AcceptHostIdentityRequest& request);
  Answered<v1::CreateJoinTokenResponse> CreateJoinToken(const Context& context,
                                                        const v1::CreateJoinTokenRequest& request);

  // Parses, asks and shows the host as it is then.
  template <typename Request>
  Answered<v1::Host> Change(const Context& context, const Request& request);

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  const Presenter& presenter_;
  const wire::PageTokens& tokens_;
  Random& random_;
  const Clock& clock_;
  const JoinTerms terms_;
};

}  // namespace croft::handlers
