// Seals and opens page tokens.

#include "controlplane/wire/page_tokens.h"

#include <algorithm>

#include <absl/status/statusor.h>
#include <absl/strings/escaping.h>

#include "common/crypto/seal.h"

namespace croft::wire {
namespace {

constexpr int32_t kUsualPage = 100;
constexpr int32_t kLargestPage = 1000;
constexpr size_t kLongestToken = 1024;

}  // namespace

std::string PageTokens::Make(absl::string_view query, absl::string_view position) const {
  return absl::WebSafeBase64Escape(crypto::Seal(key_, position, query));
}

std::string PageTokens::Parse(absl::string_view token, absl::string_view query,
                              Violations& violations) const {
  if (token.empty()) return "";
  std::string sealed;
  if (token.size() <= kLongestToken && absl::WebSafeBase64Unescape(token, &sealed) &&
      absl::WebSafeBase64Escape(sealed) == token) {
    absl::StatusOr<std::string> position = crypto::Open(key_, sealed, query);
    if (position.ok()) return *std::move(position);
  }
  violations.Add("page_token", "must be the next_page_token of a call with the same parent and filter");
  return "";
}

int32_t ParsePageSize(int32_t page_size, Violations& violations) {
  if (page_size < 0) violations.Add("page_size", "must not be negative");
  return page_size <= 0 ? kUsualPage : std::min(page_size, kLargestPage);
}

}  // namespace croft::wire
