// Knows which versions of PostgreSQL have known holes.

#include "common/postgres_versions.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

namespace croft {
namespace {

// Majors below this one are no longer fixed by PostgreSQL.
constexpr int kOldestMended = 13;
struct Floor {
  int major;
  int minor;
};
constexpr Floor kFloors[] = {{13, 22}, {14, 19}, {15, 14}, {16, 10}, {17, 6}};

}  // namespace

bool BelowFloor(int major, int minor) {
  if (major < kOldestMended) return true;
  return std::any_of(std::begin(kFloors), std::end(kFloors),
                     [&](const Floor& floor) { return major == floor.major && minor < floor.minor; });
}

bool BelowFloor(absl::string_view version) {
  const std::vector<absl::string_view> numbers = absl::StrSplit(version, '.');
  int major = 0;
  int minor = 0;
  return numbers.size() == 2 && absl::SimpleAtoi(numbers[0], &major) &&
         absl::SimpleAtoi(numbers[1], &minor) && BelowFloor(major, minor);
}

}  // namespace croft
