// Converts statuses with their details to the API.

#include "controlplane/wire/status.h"

#include <algorithm>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include "common/errors.h"
#include "common/utf8.h"
#include "croft/v1/error.pb.h"

namespace croft::wire {
namespace {

namespace pb = croft::v1;

// Larger trailers reach many clients as a bare RESOURCE_EXHAUSTED. The message travels twice: percent-encoded
// in a header of its own, and in the details.
constexpr size_t kMaxDetailBytes = 4096;
constexpr size_t kMaxMessageBytes = 1024;
constexpr size_t kMaxValueBytes = 256;

template <typename Detail>
void Pack(const Detail& detail, absl::string_view package, pb::Status& into) {
  auto& any = *into.add_details();
  any.set_type_url(absl::StrCat("type.googleapis.com/", package, ".", Detail::descriptor()->name()));
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

pb::Status WithDetails(const absl::Status& status, absl::string_view package, const ErrorDetails& details,
                       size_t violations, bool metadata) {
  pb::Status result;
  result.set_code(static_cast<int>(status.code()));
  result.set_message(Presentable(status.message(), kMaxMessageBytes));
  pb::ErrorInfo info = Info(status, details);
  if (!metadata) info.clear_metadata();
  Pack(info, package, result);
  if (violations > 0) {
    pb::BadRequest bad;
    for (size_t i = 0; i < violations; ++i) {
      auto& violation = *bad.add_field_violations();
      violation.set_field(Presentable(details.violations[i].field, kMaxValueBytes));
      violation.set_description(Presentable(details.violations[i].description, kMaxValueBytes));
    }
    Pack(bad, package, result);
  }
  if (details.retry_delay) {
    pb::RetryInfo retry;
    const int64_t nanos = absl::ToInt64Nanoseconds(*details.retry_delay);
    retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
    Pack(retry, package, result);
  }
  return result;
}

pb::Status ToProtoIn(absl::string_view package, const absl::Status& status) {
  if (status.ok()) return pb::Status();
  const ErrorDetails details = DetailsOf(status);
  // The first bad fields say enough when all of them are too many.
  size_t violations = details.violations.size();
  pb::Status full = WithDetails(status, package, details, violations, true);
  while (full.ByteSizeLong() > kMaxDetailBytes && violations > 1) {
    violations /= 2;
    full = WithDetails(status, package, details, violations, true);
  }
  if (full.ByteSizeLong() > kMaxDetailBytes)
    full = WithDetails(status, package, details, violations, false);
  return full;
}

}  // namespace

pb::Status ToProto(const absl::Status& status) { return ToProtoIn("croft.v1", status); }

pb::Status ToTrailer(const absl::Status& status) { return ToProtoIn("google.rpc", status); }

}  // namespace croft::wire
