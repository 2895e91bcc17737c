// Makes the report on backups and proofs, part by part.

#include "controlplane/handlers/backup_report.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/domain/backup_report.h"
#include "controlplane/wire/requests.h"

namespace croft::handlers {
namespace {

constexpr int32_t kTenantsInPart = 200;

class ReportFeed final : public Feed<v1::ReportBackupsResponse> {
 public:
  ReportFeed(const RequestContext& context, catalog::TenantQuery query, std::string head,
             crypto::TextSigner signer, catalog::Catalog& catalog, const Clock& clock)
      : context_(context),
        query_(std::move(query)),
        text_(std::move(head)),
        signer_(std::move(signer)),
        catalog_(catalog),
        clock_(clock) {}

  Pulled<v1::ReportBackupsResponse> Next() override {
    if (ended_) return EndOfStream{absl::OkStatus()};
    absl::StatusOr<v1::ReportBackupsResponse> part = NextPart();
    if (!part.ok()) return EndOfStream{part.status()};
    return *std::move(part);
  }

 private:
  absl::StatusOr<v1::ReportBackupsResponse> NextPart() {
    CROFT_ASSIGN_OR_RETURN(const catalog::TenantPage page, catalog_.ListTenants(query_));
    CROFT_ASSIGN_OR_RETURN(const std::vector<domain::BackupPolicy> policies, catalog_.ListBackupPolicies());
    const access::Policy policy;
    for (const domain::Tenant& tenant : page.tenants) {
      if (!policy.Sees(context_.principal, context_.caller.method, tenant.id, &tenant.labels)) continue;
      CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Backup> backups,
                             catalog_.ListBackups(tenant.id, {}, std::numeric_limits<int32_t>::max()));
      text_ += report_.Lines(tenant, domain::InForce(tenant, policies), backups, clock_.Now());
    }
    if (page.next_after) query_.after_id = *page.next_after;
    ended_ = !page.next_after;
    if (ended_) text_ += report_.Totals(clock_.Now());
    signer_.Add(text_);
    v1::ReportBackupsResponse part;
    part.set_text(std::exchange(text_, ""));
    if (ended_) {
      CROFT_ASSIGN_OR_RETURN(*part.mutable_signature(), signer_.Finish());
    }
    return part;
  }

  const RequestContext context_;
  catalog::TenantQuery query_;
  std::string text_;  // of the next part, as far as it is made
  crypto::TextSigner signer_;
  catalog::Catalog& catalog_;
  const Clock& clock_;
  domain::BackupReport report_;
  bool ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Feed<v1::ReportBackupsResponse>>> ReportOnBackups(
    const RequestContext& context, const v1::ReportBackupsRequest& request, catalog::Catalog& catalog,
    const access::Authority& authority, const Clock& clock) {
  CROFT_ASSIGN_OR_RETURN(catalog::TenantQuery query, wire::Parse(request));
  query.limit = kTenantsInPart;
  CROFT_ASSIGN_OR_RETURN(crypto::TextSigner signer, authority.BeginStatement());
  return std::make_unique<ReportFeed>(
      context, std::move(query),
      domain::BackupReport::Head(clock.Now(), context.caller.name, request.filter()), std::move(signer),
      catalog, clock);
}

}  // namespace croft::handlers
