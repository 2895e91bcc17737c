#include "agent/session/inventory_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::agent {
namespace {

const Fencing kFencing{.epoch = 3, .operation = "inventory_1"};

TEST(InventoryWire, AnEmptyOneIsOnePart) {
  const std::vector<v1::Inventory> parts = InventoryParts(kFencing, {});
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].fencing().operation(), "inventory_1");
  EXPECT_EQ(parts[0].fencing().epoch(), 3);
}

TEST(InventoryWire, EverythingThatWasFoundIsTold) {
  InventoryTaken taken;
  taken.databases = {{.name = "d",
                      .uid = "u",
                      .generation = 2,
                      .allows_connections = true,
                      .invalid = true,
                      .size_bytes = 5,
                      .owner = "o",
                      .missing_grants = {"CONNECT to r"}}};
  taken.roles = {{.name = "r",
                  .can_login = true,
                  .expired = true,
                  .overprivileged = true,
                  .verifier_digest = "v",
                  .held_by = {"h"}}};
  taken.backups = {{.store = "s",
                    .uid = "u",
                    .backup = "b",
                    .has_archive = true,
                    .has_manifest = true,
                    .size_bytes = 9}};
  taken.backups[0].manifest =
      InventoryManifest{.generation = 4, .sha256 = "h", .wrapped_key = "k", .row_count = 7};
  taken.keys = {{.store = "s", .uid = "u", .wrapped_data_key = "w"}};
  taken.stores = {{.store = "s", .problem = "p"}};
  taken.orphan_directories = {"16384"};
  const v1::Inventory part = InventoryParts(kFencing, taken).at(0);
  EXPECT_EQ(part.databases(0).name(), "d");
  EXPECT_EQ(part.databases(0).uid(), "u");
  EXPECT_EQ(part.databases(0).generation(), 2);
  EXPECT_TRUE(part.databases(0).allows_connections());
  EXPECT_TRUE(part.databases(0).invalid());
  EXPECT_EQ(part.databases(0).size_bytes(), 5);
  EXPECT_EQ(part.databases(0).owner(), "o");
  EXPECT_EQ(part.databases(0).missing_grants(0), "CONNECT to r");
  EXPECT_EQ(part.roles(0).name(), "r");
  EXPECT_TRUE(part.roles(0).can_login());
  EXPECT_TRUE(part.roles(0).expired());
  EXPECT_TRUE(part.roles(0).overprivileged());
  EXPECT_EQ(part.roles(0).held_by(0), "h");
  EXPECT_EQ(part.roles(0).verifier_digest(), "v");
  EXPECT_EQ(part.backups(0).backup(), "b");
  EXPECT_TRUE(part.backups(0).archive_found());
  EXPECT_TRUE(part.backups(0).manifest_found());
  EXPECT_EQ(part.backups(0).size_bytes(), 9);
  EXPECT_EQ(part.backups(0).manifest().generation(), 4);
  EXPECT_EQ(part.backups(0).manifest().sha256(), "h");
  EXPECT_EQ(part.backups(0).manifest().wrapped_key(), "k");
  EXPECT_EQ(part.backups(0).manifest().row_count(), 7);
  EXPECT_EQ(part.keys(0).wrapped_data_key(), "w");
  EXPECT_EQ(part.stores(0).problem(), "p");
  EXPECT_EQ(part.orphan_directories(0), "16384");
}

TEST(InventoryWire, ALargeOneComesInPartsThatAStreamTakes) {
  InventoryTaken taken;
  constexpr size_t kBackups = 50'000;
  for (size_t i = 0; i < kBackups; ++i) {
    taken.backups.push_back({.store = "store-aaaaaaaaaaaaaaaa",
                             .uid = "aaaaaaaaaaaaaaaa",
                             .backup = "20261123t031100z-" + std::to_string(i)});
  }
  const std::vector<v1::Inventory> parts = InventoryParts(kFencing, taken);
  EXPECT_GT(parts.size(), 1u);
  size_t backups = 0;
  for (const v1::Inventory& part : parts) {
    EXPECT_LT(part.ByteSizeLong(), 1u << 20);
    EXPECT_EQ(part.fencing().operation(), "inventory_1");
    backups += static_cast<size_t>(part.backups_size());
  }
  EXPECT_EQ(backups, kBackups);
}

}  // namespace
}  // namespace croft::agent
