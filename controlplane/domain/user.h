#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// Principals, their roles, bindings, tokens and certificates.
namespace croft::domain {

// What a principal may be. kAgent is never bound: a host's certificate alone makes an agent.
enum class Role {
  kAdmin,      // everything
  kOperator,   // tenants, backups, hosts, operations; no passwords
  kViewer,     // reads; no passwords
  kConnector,  // lookup with passwords
  kLocator,    // lookup without
  kAgent,      // acts as its own host
};

constexpr absl::string_view NameOf(Role role) {
  switch (role) {
    case Role::kAdmin: return "admin";
    case Role::kOperator: return "operator";
    case Role::kViewer: return "viewer";
    case Role::kConnector: return "connector";
    case Role::kLocator: return "locator";
    case Role::kAgent: return "agent";
  }
  return "";
}

// INVALID_ARGUMENT naming `field` for anything but a role's name.
[[nodiscard]] absl::StatusOr<Role> ParseRole(absl::string_view name, absl::string_view field);

// Which tenants a binding reaches. With kinds of their own, so that a list which becomes empty reaches no
// tenant instead of all.
struct AllTenants {
  friend bool operator==(const AllTenants&, const AllTenants&) = default;
};
struct NamedTenants {
  std::vector<std::string> ids;
  friend bool operator==(const NamedTenants&, const NamedTenants&) = default;
};
// Tenants that carry all of these.
struct LabelledTenants {
  std::map<std::string, std::string> labels;
  friend bool operator==(const LabelledTenants&, const LabelledTenants&) = default;
};
using Scope = std::variant<AllTenants, NamedTenants, LabelledTenants>;

struct Binding {
  Role role = Role::kViewer;
  Scope scope;

  friend bool operator==(const Binding&, const Binding&) = default;
};

// INVALID_ARGUMENT for a binding to `agent`, for an `admin` that is narrowed and for a scope of no tenants.
[[nodiscard]] absl::Status CheckBinding(const Binding& binding);

// What is kept of a bearer token: never its text.
struct AccessToken {
  std::string id;
  std::string hash;  // SHA-256 of its secret, in lower-case hexadecimal
  absl::Time create_time;
  std::optional<absl::Time> expire_time;     // none: it lives until it is revoked
  std::optional<absl::Time> last_used_time;  // to the hour

  friend bool operator==(const AccessToken&, const AccessToken&) = default;
};

// A client certificate that stands for its user, whoever signed it.
struct UserCertificate {
  std::string fingerprint;  // SHA-256 of the DER, in lower-case hexadecimal
  std::optional<absl::Time> expire_time;

  friend bool operator==(const UserCertificate&, const UserCertificate&) = default;
};

inline constexpr size_t kMostTokens = 32;
inline constexpr size_t kMostCertificates = 32;
inline constexpr size_t kMostBindings = 64;
inline constexpr size_t kMostTenantsInScope = 1000;

// A principal that the catalog knows: a person, a service or a script. The administrator and the agents are
// principals too, but not stored as such.
struct User {
  std::string id;
  std::string uid;
  absl::Time create_time;
  absl::Time update_time;
  int64_t version = 0;
  std::string display_name;
  std::vector<Binding> bindings;  // each once, in the order they were made
  std::vector<AccessToken> tokens;
  std::vector<UserCertificate> certificates;

  friend bool operator==(const User&, const User&) = default;
};

// INVALID_ARGUMENT naming `field` for what is no id, and for names that stand for somebody else in the audit.
[[nodiscard]] absl::Status CheckUserId(absl::string_view id, absl::string_view field);

}  // namespace croft::domain
