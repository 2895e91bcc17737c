#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "croft/v1/tenant.pb.h"
#include "tools/croftctl/tool.h"

// Which tenants a verb works on: one or more by id, or many by labels and state.
namespace croft::ctl {

struct TargetFlags {
  std::vector<std::string> ids;
  std::string selector;
  std::string state;
  int parallel = 4;
  int max_failures = 1;

  void AddTo(CLI::App& verb, const std::string& ids_help = "Ids of one or more tenants");
  // Whether -l or --state choose, and not ids.
  bool BySelector() const { return !selector.empty() || !state.empty(); }
};

struct Target {
  std::string id;
  std::string key;   // of its request id; empty where it is the only one
  std::string host;  // id of the host it lives on; empty where that is not known
};

struct Targets {
  std::vector<Target> each;
  bool many = false;  // by a selector, also when that finds one, or by several ids
  int parallel = 1;
  int max_failures = 1;
};

// Which tenants the flags mean; a selector finds retired ones only when `retired`.
[[nodiscard]] absl::StatusOr<Targets> FindTargets(Session& session, const TargetFlags& flags, bool retired);

// What a verb does that is asked about first, such as {"purges", "their databases and backups are destroyed"}.
struct Danger {
  std::string verb;
  std::string consequence;
};

// FindTargets, then asks before `danger` comes over them: one tenant's name is typed, or the number of many that are
// listed before. A usage error, before any call, where nobody can be asked and --yes was not given. --dry-run asks
// nothing.
[[nodiscard]] absl::StatusOr<Targets> FindAndConfirm(Session& session, const TargetFlags& flags,
                                                     bool retired, const Danger& danger);

[[nodiscard]] absl::StatusOr<v1::Tenant> GetTenant(Client& client, const std::string& id);

// The API's filter for tenants with these labels and in this state, as the flags have them; either may be empty.
[[nodiscard]] absl::StatusOr<std::string> TenantFilter(const std::string& selector,
                                                       const std::string& state);

}  // namespace croft::ctl
