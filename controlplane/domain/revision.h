#pragma once

#include <compare>
#include <cstdint>

// Where a change stands in the catalog's history.
namespace croft::domain {

// A point in the catalog's history. `epoch` rises when a control plane takes over or a catalog is restored;
// revisions of different epochs do not compare.
struct Revision {
  int64_t epoch = 0;
  int64_t revision = 0;

  friend bool operator==(const Revision&, const Revision&) = default;
};

}  // namespace croft::domain
