#pragma once

#include <optional>
#include <string>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/toc.h"

// Names of the objects that entries of a dump are about, as findings show them.
namespace croft::agent {

// Kind and quoted name of what `entry` is about, as findings name it: `TABLE "public"."bookings"` (also for its data),
// `POLICY "mine" ON "public"."notes"`, `COMMENT ON SCHEMA "shop"`, `GRANTS ON TABLE "public"."bookings"`,
// `LARGE OBJECT 1000`. The tenant chooses the names.
[[nodiscard]] std::string ObjectName(const TocEntry& entry);

// The table, or view, that a constraint, trigger, rule, policy or default is a part of, as its definition and tag say;
// nothing for other kinds.
[[nodiscard]] std::optional<QualifiedName> TableOfPart(const TocEntry& entry);

}  // namespace croft::agent
