#include <random>

#include <gtest/gtest.h>

#include "common/errors.h"
#include "controlplane/wire/requests.h"
#include "controlplane/wire/tenant.h"
#include "controlplane/wire/tenant_requests.h"

namespace croft::wire {
namespace {

constexpr int kRounds = 3000;

const PageTokens& Tokens() {
  static const PageTokens tokens(std::string(32, 'k'));
  return tokens;
}

template <typename Request>
absl::Status ParseAny(const Request& request) {
  if constexpr (requires { request.page_token(); }) {
    return Parse(request, Tokens()).status();
  } else {
    return Parse(request).status();
  }
}

// Bytes flipped, cut, doubled or put in: what comes of it must be parsed or refused, and a refusal names a field.
template <typename Request>
void ExpectNoMutationHurts(const Request& seed, unsigned number) {
  std::mt19937 random(number);
  const std::string good = seed.SerializeAsString();
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = good;
    for (unsigned edits = 1 + random() % 8; edits > 0; --edits) {
      const size_t at = bytes.empty() ? 0 : random() % bytes.size();
      switch (random() % 4) {
        case 0: bytes.insert(at, 1, static_cast<char>(random())); break;
        case 1: bytes.erase(at, random() % 5); break;
        case 2: bytes.insert(at, bytes.substr(at, random() % 20)); break;
        default:
          if (!bytes.empty()) bytes[at] = static_cast<char>(random());
      }
    }
    Request request;
    request.ParsePartialFromString(bytes);  // what was read before an error is a message too
    const absl::Status status = ParseAny(request);
    if (status.ok()) continue;
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    ASSERT_FALSE(DetailsOf(status).violations.empty()) << status;
  }
}

TEST(MutationTest, TenantRequestsAreParsedOrRefused) {
  v1::CreateTenantRequest create;
  create.set_tenant_id("acme");
  create.mutable_tenant()->set_display_name("Acm\xC3\xA9");
  create.mutable_tenant()->add_aliases("shop.acme.com");
  create.mutable_tenant()->add_extensions("citext");
  create.mutable_tenant()->set_locale("C.UTF-8");
  (*create.mutable_tenant()->mutable_labels())["app"] = "shop";
  auto& settings = *create.mutable_tenant()->mutable_settings()->mutable_fields();
  settings["a"].mutable_list_value()->add_values()->set_number_value(1e-300);
  (*settings["b"].mutable_struct_value()->mutable_fields())["c"].set_string_value("x");
  (*create.mutable_tenant()->mutable_features())["beta"].set_bool_value(true);
  create.mutable_tenant()->mutable_expire_time()->set_seconds(4102444800);
  create.mutable_tenant()->mutable_quota()->mutable_statement_timeout()->set_seconds(5);
  ExpectNoMutationHurts(create, 1);

  v1::UpdateTenantRequest update;
  *update.mutable_tenant() = create.tenant();
  update.mutable_tenant()->set_name("tenants/acme");
  for (const char* path : {"labels.app", "features.beta", "settings", "quota"}) {
    update.mutable_update_mask()->add_paths(path);
  }
  ExpectNoMutationHurts(update, 2);

  v1::RestoreTenantRequest restore;
  restore.set_name("tenants/acme");
  restore.set_backup("tenants/acme/backups/20261123t031100z-abcd");
  restore.set_new_tenant_id("copy");
  restore.set_host("hosts/h1");
  restore.set_etag("\"7\"");
  ExpectNoMutationHurts(restore, 3);
}

TEST(MutationTest, ListsAreParsedOrRefused) {
  v1::ListTenantsRequest tenants;
  tenants.set_filter(R"(state = READY AND labels.app : "sh\"op" AND create_time >= 2026-01-01T00:00:00Z)");
  tenants.set_page_token(NextPageToken(tenants, Tokens(), "acme"));
  tenants.set_page_size(7);
  ExpectNoMutationHurts(tenants, 4);
  v1::ListOperationsRequest operations;
  operations.set_filter("target = tenants/acme AND done != true AND kind = CREATE");
  ExpectNoMutationHurts(operations, 5);
  v1::ListHostsRequest hosts;
  hosts.set_filter("labels:zone AND state != UP");
  ExpectNoMutationHurts(hosts, 6);
}

TEST(MutationTest, HostRequestsAreParsedOrRefused) {
  v1::UpdateHostRequest update;
  update.mutable_host()->set_name("hosts/h1");
  update.mutable_host()->mutable_limits()->set_databases(5);
  update.mutable_update_mask()->add_paths("limits");
  ExpectNoMutationHurts(update, 7);
  v1::CreateJoinTokenRequest token;
  token.set_host("hosts/h1");
  token.add_server_names("db.example.com");
  token.add_server_names("::1");
  ExpectNoMutationHurts(token, 8);
}

TEST(MutationTest, WhatWasAcceptedCanBeShown) {
  v1::CreateTenantRequest create;
  create.set_tenant_id("acme");
  (*create.mutable_tenant()->mutable_settings()->mutable_fields())["k"].set_string_value("v");
  (*create.mutable_tenant()->mutable_features())["f"].set_number_value(0.5);
  const std::string good = create.SerializeAsString();
  std::mt19937 random(9);
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    v1::CreateTenantRequest request;
    request.ParsePartialFromString(bytes);
    const auto parsed = Parse(request);
    if (!parsed.ok()) continue;
    const v1::Tenant shown = ToProto(parsed->tenant, {});
    EXPECT_EQ(shown.settings().fields_size(), request.tenant().settings().fields_size());
    EXPECT_EQ(shown.features().size(), request.tenant().features().size());
  }
}

}  // namespace
}  // namespace croft::wire
