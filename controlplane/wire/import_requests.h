#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "controlplane/domain/tenant.h"
#include "croft/v1/import.pb.h"

// Requests of croft.v1.ImportService as the control plane sees them.
namespace croft::wire {

struct BeginImport {
  domain::Tenant tenant;
  std::map<std::string, std::string> host_selector;
  v1::ArchiveFacts archive;
  int64_t database_bytes = 0;
  int64_t upload_bytes = 0;
  std::vector<v1::Finding> missing;
};
[[nodiscard]] absl::StatusOr<BeginImport> Parse(const v1::BeginImportRequest& request);

// Of an import that BeginImport named, and OK where the request is well-formed.
[[nodiscard]] absl::Status Check(const v1::AppendImportRequest& request, size_t most_bytes);
[[nodiscard]] absl::Status Check(const v1::AbandonImportRequest& request);

struct FinishImport {
  domain::Tenant tenant;
  bool allow_incomplete = false;
};
[[nodiscard]] absl::StatusOr<FinishImport> Parse(const v1::FinishImportRequest& request);

}  // namespace croft::wire
