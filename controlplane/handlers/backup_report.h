#pragma once

#include <memory>

#include <absl/status/statusor.h>

#include "common/clock.h"
#include "controlplane/access/authority.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/handlers/service.h"
#include "croft/v1/backup.pb.h"

namespace croft::handlers {

// The signed report on backups and proofs of the tenants that the caller may see, in parts of some hundred tenants. The
// references outlive the feed.
absl::StatusOr<std::unique_ptr<Feed<v1::ReportBackupsResponse>>> ReportOnBackups(
    const RequestContext& context, const v1::ReportBackupsRequest& request, catalog::Catalog& catalog,
    const access::Authority& authority, const Clock& clock);

}  // namespace croft::handlers
