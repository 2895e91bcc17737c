#include "controlplane/wire/enums.h"

#include <set>

#include <gtest/gtest.h>

#include "common/enums.h"

namespace croft::wire {
namespace {

template <typename Enum>
class NamedInTheApi : public ::testing::Test {};
using Enums =
    ::testing::Types<domain::TenantState, domain::LoginRole, domain::BackupState, domain::BackupOrigin,
                     domain::BackupFate, domain::HostState, domain::OperationState, domain::StepState>;
TYPED_TEST_SUITE(NamedInTheApi, Enums);

TYPED_TEST(NamedInTheApi, EveryValueIsOneOfItsOwn) {
  std::set<int> seen;
  for (const TypeParam value : AllOf<TypeParam>()) {
    const int proto = ToProto(value);
    EXPECT_NE(proto, 0) << NameOf(value) << " is unknown to the API";
    EXPECT_TRUE(seen.insert(proto).second) << NameOf(value);
  }
}

TEST(OperationKinds, AllAreNamedInTheApiButCroftsOwn) {
  for (const domain::OperationKind kind : AllOf<domain::OperationKind>()) {
    const bool own = kind == domain::OperationKind::kCleanUp;
    EXPECT_EQ(ToProto(kind) == v1::Operation::KIND_UNSPECIFIED, own) << NameOf(kind);
    EXPECT_EQ(ListedKindNamed(NameOf(kind)).has_value(), !own) << NameOf(kind);
  }
}

TEST(SuspendModes, NoneIsUnspecified) {
  EXPECT_EQ(ToProto(domain::SuspendMode::kNone), v1::SUSPEND_MODE_UNSPECIFIED);
  EXPECT_EQ(ToProto(domain::SuspendMode::kBlocked), v1::SUSPEND_MODE_BLOCKED);
  EXPECT_EQ(ToProto(domain::SuspendMode::kReadOnly), v1::SUSPEND_MODE_READ_ONLY);
}

}  // namespace
}  // namespace croft::wire
