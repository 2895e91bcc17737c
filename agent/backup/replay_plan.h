#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/finding.h"
#include "agent/dump_format/toc.h"

// What a restore does with each entry of a dump. Pure.
namespace croft::agent {

// Croft's own, where a host narrows the extensions that tenants may install. Never restored.
inline constexpr absl::string_view kOwnEventTrigger = "croft_guard_extensions";

struct ReplayRoles {
  // As the archive names them.
  std::string old_owner;
  std::string old_reader;
  // As they are called where it is restored.
  std::string new_owner;
  std::string new_reader;

  RoleNames NewNames() const { return {{old_owner, new_owner}, {old_reader, new_reader}}; }
};

// How an extension comes back.
struct ExtensionPlan {
  enum class How {
    kByTenant,     // as the archive's entry says, with `version`
    kMade,         // it is there already
    kNotPossible,  // `finding` says why
  };
  How how = How::kByTenant;
  std::string version;  // empty: the default one
  Finding finding;      // with kNotPossible; else a note, where there is one
};

struct ReplayPlan {
  // Each in the order of the archive.
  std::vector<const TocEntry*> before_data;
  std::vector<const TocEntry*> data;
  std::vector<const TocEntry*> after_data;
  std::vector<const TocEntry*> grants;
  std::vector<const TocEntry*> refreshes;  // of materialized views
  // What is left out, and why. What the agent has made before is neither here nor in any other list.
  std::vector<const TocEntry*> left_out;
  std::vector<Finding> findings;
  // Roles that own schemas of the archive and are not the tenant's; the restored schemas are.
  std::vector<std::string> foreign_schema_owners;
  // The archive has no schema `public`; a new database does.
  bool drop_public = false;
};

// `extensions` by name; one that is not in it is made as its entry says.
[[nodiscard]] ReplayPlan PlanReplay(const Toc& toc, const ReplayRoles& roles,
                                    const std::map<std::string, ExtensionPlan>& extensions);

}  // namespace croft::agent
