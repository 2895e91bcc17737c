#pragma once

#include <string>

#include <absl/strings/string_view.h>

// Whether two SQL definitions mean the same.
namespace croft::agent {

// How two definitions of the same kind of object relate.
enum class Likeness {
  kSame,  // the same text
  kEquivalent,  // but for casts, parentheses that change nothing, PostgreSQL's names for NOT NULL, and white space
  kDifferent,
};

// PostgreSQL deparses some expressions differently after they were restored once: `a = ANY (ARRAY['x'::varchar]::text[])`
// comes back as `a = ANY (ARRAY[('x'::varchar)::text])`. Any other difference counts: a literal, a name, an operator,
// an order, NOT NULL.
[[nodiscard]] Likeness CompareDefinitions(absl::string_view a, absl::string_view b);

// What CompareDefinitions compares: the tokens of `sql`, one space between two, without casts, redundant parentheses and the
// names that PostgreSQL gives NOT NULL by itself.
[[nodiscard]] std::string NormalForm(absl::string_view sql);

// The definition of a table or foreign table, with its columns and constraints, and the statements that follow, sorted
// where it inherits: a restore puts inherited columns first. Any other text as it is.
[[nodiscard]] std::string WithoutColumnOrder(absl::string_view definition);

}  // namespace croft::agent
