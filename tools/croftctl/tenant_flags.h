#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "croft/v1/tenant.pb.h"
#include "tools/croftctl/policy_flags.h"

// The fields of a tenant that create and update both take.
namespace croft::ctl {

struct TenantFlags {
  std::string display_name;
  std::vector<std::string> aliases;
  std::vector<std::string> labels;
  std::vector<std::string> settings;
  std::vector<std::string> features;
  std::string expire_in;
  std::string expire_time;
  std::string statement_timeout;
  std::string storage;
  std::string delete_protection;
  PolicyFlags backups;
  int connections = 0;

  // `aliases_help` says what --alias does to those that are there.
  void AddTo(CLI::App& verb, const std::string& aliases_help);

  // Puts what was given into `tenant`, each key beside those that are there: settings, features and labels are
  // merged, aliases replaced. `now` is what `expire_in` counts from.
  [[nodiscard]] absl::Status Fill(v1::Tenant& tenant, absl::Time now) const;

  // When the tenant is to end by itself; nullopt where the flags do not say.
  [[nodiscard]] absl::StatusOr<std::optional<absl::Time>> ExpireTime(absl::Time now) const;

  // What is carried to the host; `storage` is not.
  bool HasQuota() const { return connections != 0 || !statement_timeout.empty(); }
  bool HasExpiry() const { return !expire_in.empty() || !expire_time.empty(); }

 private:
  absl::Status FillQuota(v1::Quota& quota) const;
};

}  // namespace croft::ctl
