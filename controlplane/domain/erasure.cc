// Words of the record of a purge.

#include "controlplane/domain/erasure.h"

#include <absl/strings/str_cat.h>

#include "common/names.h"

namespace croft::domain {

std::string StatementOf(const Erasure& erasure, const std::string& account) {
  return absl::StrCat("croft erasure record\ntenant ", TenantName(erasure.tenant), "\nuid ", erasure.uid,
                      "\noperation ", OperationName(erasure.operation), "\nerased ",
                      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", erasure.time, absl::UTCTimeZone()), "\n",
                      account);
}

}  // namespace croft::domain
