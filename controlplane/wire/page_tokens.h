#pragma once

#include <cstdint>
#include <string>

#include <absl/strings/string_view.h>

#include "controlplane/wire/violations.h"

namespace croft::wire {

// Page tokens: sealed, so that they are opaque, cannot be changed and open only with the query they were made
// for. Thread-safe.
class PageTokens {
 public:
  // `key` is 32 random bytes. Tokens made with another key are refused.
  explicit PageTokens(std::string key) : key_(std::move(key)) {}

  // `query` is everything that the next page must be asked with; `position` where it begins.
  std::string Make(absl::string_view query, absl::string_view position) const;
  // The position; empty for an empty token. Notes a violation of `page_token` for any token that was not made
  // here for `query`.
  std::string Parse(absl::string_view token, absl::string_view query, Violations& violations) const;

 private:
  const std::string key_;
};

// 0 is 100, over 1000 is 1000; notes a violation of `page_size` below 0.
int32_t ParsePageSize(int32_t page_size, Violations& violations);

}  // namespace croft::wire
