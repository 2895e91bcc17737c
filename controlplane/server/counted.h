#pragma once

#include <string>

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

namespace croft::server {

// A number with its noun, for people: `1 tenant`, `2 tenants`.
template <typename Number>
std::string Counted(Number number, absl::string_view noun) {
  return absl::StrCat(number, " ", noun, number == 1 ? "" : "s");
}

}  // namespace croft::server
