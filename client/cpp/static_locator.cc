// A locator that answers from a file, without a control plane.

#include <unordered_map>

#include <toml++/toml.h>

#include "croft/locator.h"

namespace croft::client {
namespace {

class StaticLocator final : public Locator {
 public:
  void Add(const std::string& name, std::shared_ptr<const Placement> placement) {
    placements_.emplace(name, std::move(placement));
  }
  bool Has(const std::string& name) const { return placements_.count(name) > 0; }

  absl::StatusOr<Located> Locate(std::string_view tenant) override {
    const auto found = placements_.find(std::string(tenant));
    if (found == placements_.end()) {
      return absl::NotFoundError("tenant " + std::string(tenant) + " is not in the file");
    }
    return Located{found->second, false};
  }
  absl::StatusOr<Located> OnConnectionRejected(std::string_view tenant) override { return Locate(tenant); }
  void OnChange(std::function<void(const Change&)>) override {}  // nothing ever changes
  bool WaitUntilReady(std::chrono::steady_clock::time_point) override { return true; }

 private:
  std::unordered_map<std::string, std::shared_ptr<const Placement>> placements_;
};

std::string Text(const toml::table& table, std::string_view key) {
  return table[key].value_or(std::string());
}

std::shared_ptr<const Placement> ToPlacement(const std::string& tenant, const toml::table& table) {
  auto placement = std::make_shared<Placement>();
  placement->tenant = tenant;
  placement->uid = Text(table, "uid");
  placement->generation = table["generation"].value_or(int64_t{1});
  placement->host = Text(table, "host");
  placement->port = table["port"].value_or(5432);
  placement->database = Text(table, "database");
  placement->user = Text(table, "user");
  placement->password = Text(table, "password");
  placement->sslmode = Text(table, "sslmode");
  placement->conninfo = Text(table, "conninfo");
  placement->uri = Text(table, "uri");
  placement->settings = Text(table, "settings");
  placement->features = Text(table, "features");
  return placement;
}

absl::Status AddTenant(StaticLocator& locator, const std::string& id, const toml::table& table) {
  const auto placement = ToPlacement(id, table);
  if (placement->conninfo.empty())
    return absl::InvalidArgumentError("tenants." + id + ": conninfo is missing");
  std::vector<std::string> names = {id};
  if (const toml::array* aliases = table["aliases"].as_array()) {
    for (const toml::node& alias : *aliases) names.push_back(alias.value_or(std::string()));
  }
  for (const std::string& name : names) {
    if (locator.Has(name))
      return absl::InvalidArgumentError("tenants." + id + ": " + name + " is there twice");
    locator.Add(name, placement);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Locator>> OpenStaticLocator(const std::string& path) {
  auto locator = std::make_unique<StaticLocator>();
  try {
    const toml::table file = toml::parse_file(path);
    const toml::table* tenants = file["tenants"].as_table();
    if (tenants == nullptr) return absl::InvalidArgumentError(path + ": there is no [tenants.…]");
    for (const auto& [id, node] : *tenants) {
      const toml::table* table = node.as_table();
      const std::string name(id.str());
      if (table == nullptr)
        return absl::InvalidArgumentError(path + ": tenants." + name + " is not a table");
      if (absl::Status status = AddTenant(*locator, name, *table); !status.ok()) {
        return absl::InvalidArgumentError(path + ": " + std::string(status.message()));
      }
    }
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(path + ": " + std::string(error.description()));
  }
  return locator;
}

}  // namespace croft::client
