// The verb status.

#include "common/errors.h"
#include "croft/v1/admin.grpc.pb.h"
#include "tools/croftctl/verbs.h"

namespace croft::ctl {

void AddStatus(Noun& root) {
  auto verb = root.AddVerb<NoArguments>("status", "Show the control plane, and who you are to it");
  verb.Reads([](Session& session, const NoArguments&) -> absl::Status {
    CROFT_ASSIGN_OR_RETURN(const v1::GetStatusResponse status,
                           session.client.Call(&v1::AdminService::Stub::GetStatus, v1::GetStatusRequest()));
    return session.printer.One(status);
  });
}

}  // namespace croft::ctl
