// Fills one page of ListTenants.

#include "controlplane/handlers/tenant_page.h"

#include <algorithm>
#include <utility>

#include "common/errors.h"
#include "controlplane/access/policy.h"
#include "controlplane/handlers/service.h"

namespace croft::handlers {
namespace {

// So that a page takes milliseconds and every client takes it: over 4 MiB most do not, and the settings of one tenant
// may be 64 KiB.
constexpr size_t kPageBytes = 192 << 10;
constexpr int32_t kMostRows = 600;  // read at once; as many as usually fill a page

}  // namespace

TenantPage::TenantPage(const RequestContext& context, const Presenter& presenter,
                       Presenter::HostsById hosts, int32_t wanted)
    : context_(context),
      presenter_(presenter),
      hosts_(std::move(hosts)),
      wanted_(wanted),
      response_(*google::protobuf::Arena::CreateMessage<v1::ListTenantsResponse>(&arena_)) {}

int32_t TenantPage::rows_wanted() const { return std::min(wanted_ - response_.tenants_size(), kMostRows); }

absl::Status TenantPage::Add(const catalog::TenantPage& found) {
  const access::Policy policy;
  // Fewer than were wanted: the catalog looked at enough for one page.
  bool gap = static_cast<int32_t>(found.tenants.size()) == rows_wanted();
  next_after_ = found.next_after;
  for (const domain::Tenant& row : found.tenants) {
    if (!policy.Sees(context_.principal, context_.caller.method, row.id, &row.labels)) {
      gap = true;  // rows out of sight do not shorten a page
      continue;
    }
    v1::Tenant& shown = *response_.add_tenants();
    CROFT_RETURN_IF_ERROR(presenter_.Show(row, hosts_, shown));
    bytes_ += shown.ByteSizeLong();
    if (bytes_ < kPageBytes) continue;
    if (&row != &found.tenants.back()) next_after_ = row.id;
    break;
  }
  complete_ = !next_after_ || !gap || bytes_ >= kPageBytes || rows_wanted() == 0;
  return absl::OkStatus();
}

absl::StatusOr<grpc::ByteBuffer> TenantPage::Finish(const std::string& next_page_token) {
  response_.set_next_page_token(next_page_token);
  return Serialize(response_);
}

}  // namespace croft::handlers
