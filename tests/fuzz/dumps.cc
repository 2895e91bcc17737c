// Fuzzes the reading, comparing and writing of pg_dump's custom format.

#include <string>

#include "agent/dump_format/compare.h"
#include "agent/dump_format/definition.h"
#include "agent/dump_format/normal_form.h"
#include "agent/dump_format/object_name.h"
#include "tests/agent/support/dump/digest_of.h"
#include "tests/agent/support/dump/parsed_dump.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

void CheckDefinition(const agent::TocEntry& entry) {
  Check(agent::CompareDefinitions(entry.definition, "\n" + entry.definition) != agent::Likeness::kDifferent,
        "white space before a definition changes nothing");
  (void)agent::SplitStatements(entry.definition);
  (void)agent::ObjectName(entry);
  for (const std::string& role : agent::RolesNamed(entry)) {
    for (const std::string& remaining :
         agent::RolesNamed(agent::WithRoles(entry, {{role, "another role"}}))) {
      Check(remaining != role || role == "another role", "a role that is replaced is named no more");
    }
  }
}

}  // namespace

void Dumps(absl::string_view bytes) {
  const absl::StatusOr<agent::DumpDigest> whole = agent::DigestOf(bytes, bytes.size() + 1);
  const absl::StatusOr<agent::DumpDigest> chunked = agent::DigestOf(bytes, 7);
  Check(whole.status() == chunked.status(), "the result does not depend on the chunk size");
  if (!whole.ok()) return;
  Check(agent::CompareDumps(*whole, *chunked, {}).empty(), "a dump is equal to itself");
  for (const agent::TocEntry& entry : whole->entries) CheckDefinition(entry);
  const absl::StatusOr<agent::ParsedDump> parsed = agent::ParseDump(bytes);
  Check(parsed.ok(), "what can be digested can be read");
  const std::string written = agent::WriteDump(*parsed, {.minor = parsed->toc.version.minor});
  const absl::StatusOr<agent::ParsedDump> again = agent::ParseDump(written, 11);
  Check(again.ok() && again->toc.entries == parsed->toc.entries && again->tables == parsed->tables &&
            again->large_objects == parsed->large_objects,
        "what is written comes back");
}

}  // namespace croft::fuzz
