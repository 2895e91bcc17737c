#include "controlplane/wire/status.h"

#include <algorithm>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include "common/errors.h"
#include "croft/v1/error.pb.h"

namespace croft::wire {
namespace {

namespace pb = croft::v1;

// Larger trailers reach many clients as a bare RESOURCE_EXHAUSTED. The message travels twice: percent-encoded
// in a header of its own, and in the details.
constexpr size_t kMaxDetailBytes = 4096;
constexpr size_t kMaxMessageBytes = 1024;
constexpr size_t kMaxValueBytes = 256;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Length of the well-formed character that `text` begins with, or 0.
size_t CharacterLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xC2 && first < 0xE0   ? 2
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xF0 && first < 0xF5 ? 4
                                                        : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) >= 0xA0;
  const bool too_high = first == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_high ? 0 : length;
}

// `text` as well-formed UTF-8 of at most `limit` bytes: what an error quotes can be anything.
std::string Presentable(absl::string_view text, size_t limit) {
  constexpr absl::string_view kCut = "…";
  std::string result;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (result.size() + std::max<size_t>(length, 1) + kCut.size() > limit)
      return absl::StrCat(result, kCut);
    if (length == 0) {
      result += '?';
      text.remove_prefix(1);
    } else {
      absl::StrAppend(&result, text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return result;
}

template <typename Detail>
void Pack(const Detail& detail, pb::Status& into) {
  auto& any = *into.add_details();
  any.set_type_url(absl::StrCat("type.googleapis.com/google.rpc.", Detail::descriptor()->name()));
  any.set_value(detail.SerializeAsString());
}

pb::ErrorInfo Info(const absl::Status& status, const ErrorDetails& details) {
  pb::ErrorInfo info;
  info.set_reason(details.reason.empty() ? absl::StatusCodeToString(status.code()) : details.reason);
  info.set_domain("croft");
  for (const auto& [key, value] : details.metadata) {
    (*info.mutable_metadata())[key] = Presentable(value, kMaxValueBytes);
  }
  return info;
}

pb::Status WithDetails(const absl::Status& status, const ErrorDetails& details, size_t violations,
                       bool metadata) {
  pb::Status result;
  result.set_code(static_cast<int>(status.code()));
  result.set_message(Presentable(status.message(), kMaxMessageBytes));
  pb::ErrorInfo info = Info(status, details);
  if (!metadata) info.clear_metadata();
  Pack(info, result);
  if (violations > 0) {
    pb::BadRequest bad;
    for (size_t i = 0; i < violations; ++i) {
      auto& violation = *bad.add_field_violations();
      violation.set_field(Presentable(details.violations[i].field, kMaxValueBytes));
      violation.set_description(Presentable(details.violations[i].description, kMaxValueBytes));
    }
    Pack(bad, result);
  }
  if (details.retry_delay) {
    pb::RetryInfo retry;
    const int64_t nanos = absl::ToInt64Nanoseconds(*details.retry_delay);
    retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
    Pack(retry, result);
  }
  return result;
}

}  // namespace

pb::Status ToProto(const absl::Status& status) {
  if (status.ok()) return pb::Status();
  const ErrorDetails details = DetailsOf(status);
  // The first bad fields say enough when all of them are too many.
  size_t violations = details.violations.size();
  pb::Status full = WithDetails(status, details, violations, true);
  while (full.ByteSizeLong() > kMaxDetailBytes && violations > 1) {
    violations /= 2;
    full = WithDetails(status, details, violations, true);
  }
  if (full.ByteSizeLong() > kMaxDetailBytes) full = WithDetails(status, details, violations, false);
  return full;
}

}  // namespace croft::wire
