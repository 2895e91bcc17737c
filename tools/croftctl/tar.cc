// Writes the headers of a tar archive.

#include "tools/croftctl/tar.h"

#include <algorithm>
#include <cassert>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

namespace croft::ctl {
namespace {

// Fields of a ustar header: where each begins.
constexpr size_t kMode = 100;
constexpr size_t kUser = 108;
constexpr size_t kGroup = 116;
constexpr size_t kSize = 124;
constexpr size_t kTime = 136;
constexpr size_t kChecksum = 148;
constexpr size_t kType = 156;
constexpr size_t kMagic = 257;
constexpr char kFile = '0';
constexpr char kExtended = 'x';

// The most that eleven octal digits say.
constexpr int64_t kLargestSize = (int64_t{1} << 33) - 1;

void Put(std::string& block, size_t at, absl::string_view text) {
  std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
}

std::string Octal(int64_t number) { return absl::StrFormat("%011o", number); }

std::string Header(absl::string_view name, int64_t size_bytes, absl::Time time, char type) {
  std::string block(kTarBlock, '\0');
  Put(block, 0, name);
  Put(block, kMode, "0000600");
  Put(block, kUser, "0000000");
  Put(block, kGroup, "0000000");
  Put(block, kSize, Octal(size_bytes));
  Put(block, kTime, Octal(std::clamp<int64_t>(absl::ToUnixSeconds(time), 0, kLargestSize)));
  Put(block, kChecksum, "        ");
  block[kType] = type;
  Put(block, kMagic, absl::string_view("ustar\00000", 8));
  int64_t sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  Put(block, kChecksum, absl::StrFormat("%06o", sum));
  block[kChecksum + 6] = '\0';
  return block;
}

// A record says its own length.
std::string Record(absl::string_view key, int64_t value) {
  const std::string rest = absl::StrCat(" ", key, "=", value, "\n");
  size_t length = rest.size() + 1;
  while (absl::StrCat(length).size() + rest.size() != length) ++length;
  return absl::StrCat(length, rest);
}

}  // namespace

std::string TarHeader(absl::string_view name, int64_t size_bytes, absl::Time time) {
  assert(name.size() <= kMode);
  if (size_bytes <= kLargestSize) return Header(name, size_bytes, time, kFile);
  const std::string record = Record("size", size_bytes);
  const auto record_size = static_cast<int64_t>(record.size());
  return absl::StrCat(Header("pax", record_size, time, kExtended), record, TarPadding(record_size),
                      Header(name, 0, time, kFile));
}

std::string TarPadding(int64_t size_bytes) {
  const size_t over = static_cast<size_t>(size_bytes) % kTarBlock;
  return std::string(over == 0 ? 0 : kTarBlock - over, '\0');
}

std::string TarEnd() { return std::string(2 * kTarBlock, '\0'); }

}  // namespace croft::ctl
