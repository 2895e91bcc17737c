#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "agent/store/s3_store.h"
#include "common/ids.h"
#include "tests/agent/store/store_contract.h"

namespace croft::agent {

inline std::string FromEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Of a server of tests/stores/serve, which must be there.
inline std::string Served(const char* name) {
  const std::string value = FromEnvironment(name);
  EXPECT_FALSE(value.empty()) << name << " is not set: run this by tests/stores/serve";
  return value;
}

inline S3Timing ShortTiming() {
  return {.attempts = 6,
          .first_pause = absl::Milliseconds(1),
          .longest_pause = absl::Milliseconds(20),
          .stall_time = absl::Seconds(20),
          .settle_time = absl::Milliseconds(100)};
}

// A new prefix of the served bucket.
struct S3Home final : StoreKind::Home {
  std::string Url(const std::string& endpoint, const std::string& more = "") const {
    return absl::StrCat("s3://croft/", prefix, "?endpoint=", endpoint, more);
  }
  S3Address Address(const std::string& endpoint, const std::string& more = "") const {
    const auto address = ParseS3Address(Url(endpoint, more));
    EXPECT_TRUE(address.ok()) << address.status();
    return address.value_or(S3Address{});
  }
  absl::StatusOr<std::unique_ptr<Store>> OpenAt(const std::string& endpoint, const std::string& more = "",
                                                const S3Timing& timing = ShortTiming()) {
    return OpenS3Store(Address(endpoint, more), environment, *clock, random, timing);
  }
  std::unique_ptr<Store> Open() override {
    auto store = OpenAt(Served("CROFT_S3_ENDPOINT"));
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  SystemRandom random;
  SystemClock system_clock;
  const Clock* clock = &system_clock;
  Environment environment = &FromEnvironment;
  std::string prefix = UidFrom(random.Bytes(16));
};

}  // namespace croft::agent
