#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>

#include "croft/v1/tenant.pb.h"

// What a tenant or a shared policy says of backups, as flags.
namespace croft::ctl {

struct PolicyFlags {
  std::string every;
  std::string cron;
  std::string time_zone;
  std::string window;
  std::string jitter;
  std::string prove_every;
  std::string copy_to;
  std::vector<std::string> prove_on;
  std::vector<std::string> skip_rows;
  int keep = 0;
  std::string keep_within;
  std::optional<int> keep_daily;
  std::optional<int> keep_weekly;
  std::optional<int> keep_monthly;
  std::optional<int> keep_yearly;
  std::vector<std::string> off;

  void AddTo(CLI::App& verb);
  // The fields that were given, by their names in the API.
  std::vector<std::string> Fields() const;
  // Puts what was given into `policy`, and the default of each field that was not.
  [[nodiscard]] absl::Status Fill(v1::BackupPolicy& policy) const;
};

// An option that can be given many times and takes one value each time.
CLI::Option* AddEach(CLI::App& verb, const std::string& name, std::vector<std::string>& values,
                     const std::string& description);

}  // namespace croft::ctl
