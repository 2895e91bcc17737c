// The verb `croftctl tenant erasure`.

#include <string>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/names.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "tools/croftctl/signed_text.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/view_parts.h"

// The verb that shows the signed record of a purge.
namespace croft::ctl {
namespace {

struct ErasureArguments {
  std::string tenant;
  std::string save;
};

absl::Status Show(Session& session, const ErasureArguments& arguments) {
  v1::GetErasureRequest request;
  request.set_name(TenantName(LastPart(arguments.tenant)));
  CROFT_ASSIGN_OR_RETURN(const v1::Erasure erasure,
                         session.client.Call(&v1::TenantService::Stub::GetErasure, request));
  if (!arguments.save.empty())
    return SaveSigned(session, arguments.save, erasure.statement(), erasure.signature());
  if (session.printer.format() != Format::kTable) return session.printer.One(erasure);
  session.printer.Text(
      absl::StrCat(erasure.statement(), "\nsignature ", absl::Base64Escape(erasure.signature()), "\n"));
  return absl::OkStatus();
}

}  // namespace

View ViewOf(const v1::Erasure& erasure) {
  return {&erasure,
          erasure.tenant(),
          {{"tenant", LastPart(erasure.tenant())},
           {"uid", erasure.uid()},
           {"operation", LastPart(erasure.operation())},
           {"erased", When(erasure.has_erase_time(), erasure.erase_time())}}};
}

void AddTenantErasure(Noun& noun) {
  auto verb = noun.AddVerb<ErasureArguments>(
      "erasure", "Print the signed record of a purge: what was destroyed, when, by whom");
  verb.app.add_option("TENANT", verb->tenant, "The purged tenant's id or uid")->required();
  verb.app.add_option("--save", verb->save,
                      "Write it to PREFIX.txt and its signature to PREFIX.sig, as openssl verifies them");
  verb.Reads(Show);
}

}  // namespace croft::ctl
