#include <string>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "controlplane/wire/filter.h"
#include "controlplane/wire/page_tokens.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

void ExpectRefused(const absl::Status& status) {
  Check(status.code() == absl::StatusCode::kInvalidArgument, "a bad filter is INVALID_ARGUMENT");
}

}  // namespace

void Filters(absl::string_view bytes) {
  const auto conditions = wire::ParseFilter(bytes);
  if (!conditions.ok()) ExpectRefused(conditions.status());
  const auto tenants = wire::ParseTenantFilter(bytes);
  const auto hosts = wire::ParseHostFilter(bytes);
  const auto operations = wire::ParseOperationFilter(bytes);
  const auto audit = wire::ParseAuditFilter(bytes);
  for (const absl::Status& status :
       {tenants.status(), hosts.status(), operations.status(), audit.status()}) {
    if (!status.ok()) ExpectRefused(status);
    Check(!status.ok() || conditions.ok(), "what is no filter is none of any resource");
  }
  domain::Host host{.id = "h1", .labels = {{"app", "shop"}}};
  if (hosts.ok()) (*hosts)(host);
  domain::Operation operation{.id = "op-aaaaaaaaaaaaaaaa"};
  if (operations.ok()) operations->matches(operation);
  domain::AuditRow row{.sequence = 1, .event = {.caller = "shop", .resource = "tenants/acme tenants/b"}};
  if (audit.ok()) (*audit)(row);
}

void PageTokens(absl::string_view bytes) {
  static const wire::PageTokens tokens(std::string(32, 'k'));
  static const wire::PageTokens others(std::string(32, 'o'));
  Pieces pieces(bytes);
  const std::string query = pieces.Text();
  const std::string position = pieces.Rest();
  // Whatever comes, as it is: not made here, so refused.
  wire::Violations forged;
  const std::string accepted = tokens.Parse(position, query, forged);
  Check(position.empty() || (accepted.empty() && !forged.ToStatus().ok()), "no token can be made up");
  // One made here comes back whole, with its own query and key alone.
  const std::string token = tokens.Make(query, position);
  wire::Violations none, other_query, other_key;
  Check(tokens.Parse(token, query, none) == position && none.ToStatus().ok(), "a token comes back");
  tokens.Parse(token, absl::StrCat(query, "x"), other_query);
  others.Parse(token, query, other_key);
  Check(!other_query.ToStatus().ok() && !other_key.ToStatus().ok(), "a token is bound to query and key");
}

}  // namespace croft::fuzz
