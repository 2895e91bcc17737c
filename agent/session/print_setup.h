#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "agent/postgres/external_setup.h"

namespace croft::agent {

// ExternalSetup with the password of `password_file`; one is made and put there (0600) where there is no such file. With
// an empty name the SQL sets no password. FAILED_PRECONDITION (FILE_NOT_PRIVATE) when others can read the file.
[[nodiscard]] absl::StatusOr<std::string> SetupWithPassword(ExternalSetupOptions options,
                                                            const std::string& password_file);

}  // namespace croft::agent
