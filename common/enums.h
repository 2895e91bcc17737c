#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <absl/strings/string_view.h>

// Names of enumerators, from one table. An enum that has names declares beside itself
//
//   constexpr absl::string_view NameOf(Colour colour) { switch (colour) { case Colour::kRed: return "RED"; } return ""; }
//
// with a case for every enumerator and no default, so that one left out does not compile. Its enumerators count from 0
// without gaps. The way back and the list of all are derived.
namespace croft {

// Every enumerator, in order.
template <typename Enum>
constexpr size_t CountOf() {
  size_t count = 0;
  while (!NameOf(static_cast<Enum>(count)).empty()) ++count;
  return count;
}

template <typename Enum>
std::vector<Enum> AllOf() {
  std::vector<Enum> all;
  for (size_t i = 0; i < CountOf<Enum>(); ++i) all.push_back(static_cast<Enum>(i));
  return all;
}

// The enumerator called `name`; nullopt when there is none.
template <typename Enum>
constexpr std::optional<Enum> FromName(absl::string_view name) {
  for (size_t i = 0; !NameOf(static_cast<Enum>(i)).empty(); ++i) {
    if (NameOf(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace croft
