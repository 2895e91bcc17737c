#pragma once

#include <string>

namespace croft::domain {

// Something of the fleet that is not well, in words for an operator. proto/croft/v1/admin.proto says what each part means.
struct Attention {
  std::string subject;
  std::string message;
  std::string remedy;

  friend bool operator==(const Attention&, const Attention&) = default;
};

}  // namespace croft::domain
