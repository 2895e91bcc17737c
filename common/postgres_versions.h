#pragma once

#include <absl/strings/string_view.h>

namespace croft {

// Whether PostgreSQL of this version has holes that are known: its dump programs run code that a hostile server or
// archive put into a dump (CVE-2025-8714, -8715), fixed in 13.22, 14.19, 15.14, 16.10, 17.6 and every later major.
[[nodiscard]] bool BelowFloor(int major, int minor);

// The same of a text such as "15.20"; false for a development version, which has no minor one.
[[nodiscard]] bool BelowFloor(absl::string_view version);

}  // namespace croft
