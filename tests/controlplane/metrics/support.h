#pragma once

#include <utility>
#include <vector>

#include <absl/time/time.h>
#include <gtest/gtest.h>

#include "common/clock.h"
#include "controlplane/catalog/catalog.h"

namespace croft::metrics {

// A clock that stands still until it is set.
class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
};

// Commits `changes` and answers them, as a commit's listener gets them.
inline std::vector<catalog::Change> Commit(catalog::Catalog& catalog,
                                           std::vector<catalog::Change> changes) {
  auto transaction = catalog.Begin();
  EXPECT_TRUE(transaction.ok());
  for (const catalog::Change& change : changes) (*transaction)->Apply(change);
  EXPECT_TRUE((*transaction)->Commit().ok());
  return changes;
}

}  // namespace croft::metrics
