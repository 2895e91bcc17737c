#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/time/time.h>

#include "croft/v1/tenant.pb.h"

// The fields of a tenant that create and update both take.
namespace croft::ctl {

struct TenantFlags {
  std::string display_name;
  std::vector<std::string> aliases;
  std::vector<std::string> labels;
  std::vector<std::string> settings;
  std::vector<std::string> features;
  std::string expire_in;
  std::string storage;
  std::string statement_timeout;
  int connections = 0;
  int keep = 0;

  void AddTo(CLI::App& verb);

  // Puts what was given into `tenant`, each key beside those that are there: settings, features and labels are
  // merged, aliases replaced. `now` is what `expire_in` counts from.
  [[nodiscard]] absl::Status Fill(v1::Tenant& tenant, absl::Time now) const;

  bool HasQuota() const { return connections != 0 || !storage.empty() || !statement_timeout.empty(); }

 private:
  absl::Status FillQuota(v1::Quota& quota) const;
};

// An option that can be given many times and takes one value each time.
CLI::Option* AddEach(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                     const std::string& description);

}  // namespace croft::ctl
