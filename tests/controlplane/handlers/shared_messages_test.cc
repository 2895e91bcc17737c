#include "controlplane/handlers/shared_messages.h"

#include <memory>

#include <gtest/gtest.h>

namespace croft::handlers {
namespace {

const SharedMessages::Place kPlace{.cursor = {.sequence = 7}, .wanted = {.password = true}};
const domain::Revision kNow{1, 40};

std::shared_ptr<const PlacementMessage> NewMessage() {
  auto message = std::make_shared<PlacementMessage>();
  message->revision = kNow;
  return message;
}

TEST(SharedMessages, OneIsFoundByWhoStandsAtItsPlace) {
  SharedMessages shared;
  const auto message = NewMessage();
  shared.Keep(kPlace, message);
  EXPECT_EQ(shared.Find(kPlace, kNow), message);
}

TEST(SharedMessages, WhoStandsElsewhereOrWantsOtherThingsFindsNone) {
  SharedMessages shared;
  const auto message = NewMessage();
  shared.Keep(kPlace, message);
  EXPECT_EQ(shared.Find({.cursor = {.sequence = 8}, .wanted = kPlace.wanted}, kNow), nullptr);
  EXPECT_EQ(shared.Find({.cursor = kPlace.cursor, .wanted = {.password = false}}, kNow), nullptr);
  EXPECT_EQ(shared.Find({.cursor = kPlace.cursor, .wanted = {.role = v1::ROLE_READ_ONLY, .password = true}},
                        kNow),
            nullptr);
}

TEST(SharedMessages, OneOfAnEarlierRevisionIsNotFound) {
  SharedMessages shared;
  const auto message = NewMessage();
  shared.Keep(kPlace, message);
  EXPECT_EQ(shared.Find(kPlace, {1, 41}), nullptr);
}

TEST(SharedMessages, NoneOutlivesThoseItWasSentTo) {
  SharedMessages shared;
  shared.Keep(kPlace, NewMessage());
  EXPECT_EQ(shared.Find(kPlace, kNow), nullptr);
}

}  // namespace
}  // namespace croft::handlers
