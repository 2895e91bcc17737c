#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// What stands between the contents of a tar archive (POSIX pax).
namespace croft::ctl {

inline constexpr size_t kTarBlock = 512;

// What precedes a file's contents: of mode 0600, nobody's. `name` has at most 100 bytes.
[[nodiscard]] std::string TarHeader(absl::string_view name, int64_t size_bytes, absl::Time time);
// What follows them, up to the next block.
[[nodiscard]] std::string TarPadding(int64_t size_bytes);
// What ends the archive.
[[nodiscard]] std::string TarEnd();

}  // namespace croft::ctl
