#pragma once

#include <absl/status/statusor.h>

#include "common/clock.h"
#include "common/random.h"
#include "controlplane/access/authority.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/engine/event_queue.h"
#include "controlplane/handlers/service.h"
#include "controlplane/wire/page_tokens.h"
#include "croft/v1/access.pb.h"

namespace croft::handlers {

// croft.v1.AccessService. Thread-safe.
class AccessHandlers {
 public:
  // All outlive it.
  AccessHandlers(engine::EventQueue& event_queue, catalog::Catalog& catalog,
                 const access::Authority& authority, const wire::PageTokens& tokens, Random& random,
                 const Clock& clock)
      : event_queue_(event_queue),
        catalog_(catalog),
        authority_(authority),
        tokens_(tokens),
        random_(random),
        clock_(clock) {}

  Service service();

 private:
  template <typename T>
  using Answered = absl::StatusOr<T>;
  using Context = RequestContext;

  Answered<v1::Principal> CreatePrincipal(const Context& context,
                                          const v1::CreatePrincipalRequest& request);
  Answered<v1::Principal> GetPrincipal(const Context& context, const v1::GetPrincipalRequest& request);
  Answered<v1::ListPrincipalsResponse> ListPrincipals(const Context& context,
                                                      const v1::ListPrincipalsRequest& request);
  Answered<v1::DeletePrincipalResponse> DeletePrincipal(const Context& context,
                                                        const v1::DeletePrincipalRequest& request);
  Answered<v1::CreateTokenResponse> CreateToken(const Context& context,
                                                const v1::CreateTokenRequest& request);
  Answered<v1::RevokeTokenResponse> RevokeToken(const Context& context,
                                                const v1::RevokeTokenRequest& request);
  Answered<v1::CreateCertificateResponse> CreateCertificate(const Context& context,
                                                            const v1::CreateCertificateRequest& request);
  Answered<v1::RevokeCertificateResponse> RevokeCertificate(const Context& context,
                                                            const v1::RevokeCertificateRequest& request);
  Answered<v1::Principal> BindRole(const Context& context, const v1::BindRoleRequest& request);
  Answered<v1::Principal> UnbindRole(const Context& context, const v1::UnbindRoleRequest& request);
  Answered<v1::WhoAmIResponse> WhoAmI(const Context& context, const v1::WhoAmIRequest& request);

  // Asks and shows the principal as it is then.
  Answered<v1::Principal> Change(const Context& context, engine::RequestBody body, const std::string& id);

  engine::EventQueue& event_queue_;
  catalog::Catalog& catalog_;
  const access::Authority& authority_;
  const wire::PageTokens& tokens_;
  Random& random_;
  const Clock& clock_;
};

}  // namespace croft::handlers
