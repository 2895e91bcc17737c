#pragma once

#include <string>

namespace croft::ctl {

// Of this program, such as "0.1.0".
[[nodiscard]] std::string Version();

}  // namespace croft::ctl
