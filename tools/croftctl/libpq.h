#pragma once

#include <map>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "croft/v1/lookup.pb.h"

// How libpq's programs are told where a tenant lives and how to get in.
namespace croft::ctl {

// `text` as one word of a POSIX shell.
[[nodiscard]] std::string ShellQuoted(absl::string_view text);

// One line of a password file, without its end.
[[nodiscard]] std::string PassfileLine(const v1::Endpoint& endpoint, absl::string_view password);

// Writes what libpq wants as a file, the authorities to trust and, where `placement` carries one, the password,
// below `folder`, both 0600 and named by their contents or login, so that those of other tenants and of a login
// that was replaced stay. Returns libpq's variables, PGHOST to PGPASSFILE, never the password itself.
using Variables = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] absl::StatusOr<Variables> ConnectionVariables(const v1::LookupResponse& placement,
                                                            const std::string& folder);

// The placement's URI with the file of the authorities, which is written below `folder`.
[[nodiscard]] absl::StatusOr<std::string> ConnectionUri(const v1::LookupResponse& placement,
                                                        const std::string& folder);

}  // namespace croft::ctl
