#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/domain/backup.h"
#include "controlplane/domain/backup_policy.h"
#include "controlplane/domain/tenant.h"

// A report for auditors: of each tenant its newest backup and its last proof. Text, whose parts follow one another.
namespace croft::domain {

class BackupReport {
 public:
  // What comes first: what it is, who asked for it, and of which tenants it is. An empty filter is all.
  [[nodiscard]] static std::string Head(absl::Time now, const std::string& caller,
                                        const std::string& filter);

  // The lines on a tenant, for which `policy` is in force and which is counted; `backups` are its own, newest first.
  [[nodiscard]] std::string Lines(const Tenant& tenant, const PolicyInForce& policy,
                                  const std::vector<Backup>& backups, absl::Time now);

  // What comes last: what was counted.
  [[nodiscard]] std::string Totals(absl::Time now) const;

 private:
  int64_t tenants_ = 0;
  int64_t with_backup_ = 0;
  int64_t passed_ = 0;
  int64_t failed_ = 0;
  std::optional<absl::Time> oldest_backup_;  // of the newest ones of all tenants
  std::optional<absl::Time> oldest_proof_;   // of the last ones of all tenants, that passed
};

}  // namespace croft::domain
