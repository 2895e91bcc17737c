#include "controlplane/domain/lifecycle.h"

#include <map>
#include <utility>

#include <gtest/gtest.h>

namespace croft::domain {
namespace {

constexpr TenantState kStates[] = {TenantState::kCreating, TenantState::kReady,  TenantState::kSuspended,
                                   TenantState::kRetired,  TenantState::kFailed, TenantState::kPurged};
constexpr TenantEvent kEvents[] = {
    TenantEvent::kCreated, TenantEvent::kCreateFailed, TenantEvent::kSuspend, TenantEvent::kResume,
    TenantEvent::kRetire,  TenantEvent::kUndelete,     TenantEvent::kPurge};
// Written by hand from the design, not read from the table.
TEST(TenantLife, EveryPairLeadsWhereTheDesignSays) {
  const std::map<std::pair<TenantState, TenantEvent>, TenantState> expected = {
      {{TenantState::kCreating, TenantEvent::kCreated}, TenantState::kReady},
      {{TenantState::kCreating, TenantEvent::kCreateFailed}, TenantState::kFailed},
      {{TenantState::kReady, TenantEvent::kSuspend}, TenantState::kSuspended},
      {{TenantState::kReady, TenantEvent::kRetire}, TenantState::kRetired},
      {{TenantState::kSuspended, TenantEvent::kSuspend}, TenantState::kSuspended},
      {{TenantState::kSuspended, TenantEvent::kResume}, TenantState::kReady},
      {{TenantState::kSuspended, TenantEvent::kRetire}, TenantState::kRetired},
      {{TenantState::kRetired, TenantEvent::kRetire}, TenantState::kRetired},
      {{TenantState::kRetired, TenantEvent::kUndelete}, TenantState::kReady},
      {{TenantState::kRetired, TenantEvent::kPurge}, TenantState::kPurged},
      {{TenantState::kFailed, TenantEvent::kPurge}, TenantState::kPurged},
  };
  for (const TenantState state : kStates) {
    for (const TenantEvent event : kEvents) {
      const auto row = expected.find({state, event});
      const std::optional<TenantState> want =
          row == expected.end() ? std::nullopt : std::optional(row->second);
      EXPECT_EQ(Next(state, event), want) << static_cast<int>(state) << " " << static_cast<int>(event);
    }
  }
}

TEST(TenantLife, NothingLeavesPurged) {
  for (const TenantEvent event : kEvents) EXPECT_FALSE(Next(TenantState::kPurged, event));
}

}  // namespace
}  // namespace croft::domain
