// Writes environment variables, password files and URIs for libpq.

#include "tools/croftctl/libpq.h"

#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "tools/croftctl/files.h"

namespace croft::ctl {
namespace {

std::string PassfileField(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {":", "\\:"}});
}

std::string UriEscaped(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = absl::ascii_isalnum(byte) || absl::StrContains("-._~/", absl::string_view(&c, 1));
    absl::StrAppend(&escaped, plain ? std::string(1, c) : absl::StrFormat("%%%02X", byte));
  }
  return escaped;
}

// Where the authorities were written; empty where the placement names none.
absl::StatusOr<std::string> WriteRoot(const v1::LookupResponse& placement, const std::string& folder) {
  const std::string& root = placement.root_certificate();
  if (root.empty()) return std::string();
  const std::string path =
      absl::StrCat(folder, "/roots/", crypto::Hex(crypto::Sha256(root)).substr(0, 32), ".pem");
  CROFT_RETURN_IF_ERROR(WritePrivateFile(path, root));
  return path;
}

absl::StatusOr<std::string> WritePassfile(const v1::LookupResponse& placement, const std::string& folder) {
  const auto lines_with = [&](const std::string& password) {
    return absl::StrJoin(placement.endpoints(), "", [&](std::string* out, const v1::Endpoint& endpoint) {
      absl::StrAppend(out, PassfileLine(endpoint, password), "\n");
    });
  };
  // By the whole of what it is for: two control planes may have logins of the same name.
  const std::string path =
      absl::StrCat(folder, "/passwords/", placement.endpoints(0).user(), "-",
                   crypto::Hex(crypto::Sha256(lines_with(""))).substr(0, 16), ".pgpass");
  CROFT_RETURN_IF_ERROR(WritePrivateFile(path, lines_with(placement.password())));
  return path;
}

absl::Status CheckEndpoints(const v1::LookupResponse& placement) {
  if (placement.endpoints().empty())
    return absl::UnavailableError(absl::StrCat(placement.tenant(), " has no endpoint"));
  // The login names a file; it comes from the control plane, but it must not name one elsewhere.
  if (absl::StrContains(placement.endpoints(0).user(), "/"))
    return absl::InternalError("the login's name is not usable");
  return absl::OkStatus();
}

}  // namespace

std::string ShellQuoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string PassfileLine(const v1::Endpoint& endpoint, absl::string_view password) {
  return absl::StrCat(PassfileField(endpoint.host()), ":", endpoint.port(), ":",
                      PassfileField(endpoint.database()), ":", PassfileField(endpoint.user()), ":",
                      PassfileField(password));
}

absl::StatusOr<Variables> ConnectionVariables(const v1::LookupResponse& placement,
                                              const std::string& folder) {
  CROFT_RETURN_IF_ERROR(CheckEndpoints(placement));
  CROFT_ASSIGN_OR_RETURN(const std::string root, WriteRoot(placement, folder));
  const auto joined = [&](const auto& value_of) {
    return absl::StrJoin(placement.endpoints(), ",", [&](std::string* out, const v1::Endpoint& endpoint) {
      absl::StrAppend(out, value_of(endpoint));
    });
  };
  const v1::Endpoint& first = placement.endpoints(0);
  Variables variables = {{"PGHOST", joined([](const v1::Endpoint& endpoint) { return endpoint.host(); })},
                         {"PGPORT", joined([](const v1::Endpoint& endpoint) { return endpoint.port(); })},
                         {"PGDATABASE", first.database()},
                         {"PGUSER", first.user()},
                         {"PGSSLMODE", placement.sslmode()}};
  if (!root.empty()) variables.emplace_back("PGSSLROOTCERT", root);
  if (!placement.password().empty()) {
    CROFT_ASSIGN_OR_RETURN(std::string passfile, WritePassfile(placement, folder));
    variables.emplace_back("PGPASSFILE", std::move(passfile));
  }
  return variables;
}

absl::StatusOr<std::string> ConnectionUri(const v1::LookupResponse& placement, const std::string& folder) {
  CROFT_RETURN_IF_ERROR(CheckEndpoints(placement));
  CROFT_ASSIGN_OR_RETURN(const std::string root, WriteRoot(placement, folder));
  if (root.empty()) return placement.uri();
  const char* const separator = absl::StrContains(placement.uri(), "?") ? "&" : "?";
  return absl::StrCat(placement.uri(), separator, "sslrootcert=", UriEscaped(root));
}

}  // namespace croft::ctl
