#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "agent/dump_format/finding.h"
#include "agent/dump_format/toc.h"

// What a replay says about entries that did not restore at once. Pure.
namespace croft::agent {

// It restored when all else was there.
[[nodiscard]] Finding HealedByOrder(const TocEntry& entry, const absl::Status& before);

// It restored with the tenant's own search path. Names the function that relies on it, where PostgreSQL's message
// does, and how to mend it.
[[nodiscard]] Finding HealedByPath(const Toc& toc, const TocEntry& entry, const absl::Status& before);

// It did not restore.
[[nodiscard]] Finding MissingEntry(const Toc& toc, const TocEntry& entry, const absl::Status& why);

// A grant to a role that is not there, or is another tenant's.
[[nodiscard]] Finding LeftOutGrant(const TocEntry& entry, absl::string_view grantee,
                                   absl::string_view statement);

// A policy for such a role.
[[nodiscard]] Finding LeftOutPolicy(const TocEntry& entry, absl::string_view role);

}  // namespace croft::agent
