#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>

// Values as they are written on the command line. `flag` is what usage errors name.
namespace croft::ctl {

// One or more of a whole number and a unit `ms`, `s`, `m`, `h`, `d` (24 hours) or `w`, such as 90s, 1h30m or
// 7d; `0` needs no unit.
[[nodiscard]] absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text, absl::string_view flag);
// The largest two units, such as `7d` or `1h30m`; tenths of a second below a minute.
[[nodiscard]] std::string DurationText(absl::Duration duration);

// RFC 3339, such as 2030-01-31T18:00:00Z.
[[nodiscard]] absl::StatusOr<absl::Time> ParseTime(absl::string_view text, absl::string_view flag);
// The same, in UTC and whole seconds: the one form in which croftctl shows times.
[[nodiscard]] std::string TimeText(absl::Time time);

// A whole number of bytes, or one with KiB, MiB, GiB or TiB behind it.
[[nodiscard]] absl::StatusOr<int64_t> ParseBytes(absl::string_view text, absl::string_view flag);
[[nodiscard]] std::string BytesText(int64_t bytes);

using Labels = std::map<std::string, std::string>;

// Each element is one or more `key=value`, separated by commas. A key given twice is an error.
[[nodiscard]] absl::StatusOr<Labels> ParseLabels(const std::vector<std::string>& pairs,
                                                 absl::string_view flag);

// A selector such as `app=shop,tier!=free,preview` (all must hold; a bare key asks that it is there) as a
// filter of the API.
[[nodiscard]] absl::StatusOr<std::string> SelectorToFilter(absl::string_view selector);

// Each element is `key=JSON`.
[[nodiscard]] absl::StatusOr<google::protobuf::Struct> ParseSettings(const std::vector<std::string>& pairs,
                                                                     absl::string_view flag);

using Features = std::map<std::string, google::protobuf::Value>;

// Each element is `name=value`; true and false become bools, numbers numbers, everything else strings.
[[nodiscard]] absl::StatusOr<Features> ParseFeatures(const std::vector<std::string>& pairs,
                                                     absl::string_view flag);

// The number of the value of `type` that `text` names; names are lower case with `-` and without `prefix`:
// `read-only` for SUSPEND_MODE_READ_ONLY with the prefix "SUSPEND_MODE_". Empty text is 0.
[[nodiscard]] absl::StatusOr<int> ParseEnumNumber(const google::protobuf::EnumDescriptor& type,
                                                  absl::string_view prefix, absl::string_view text,
                                                  absl::string_view flag);
template <class Enum>
[[nodiscard]] absl::StatusOr<Enum> ParseEnum(absl::string_view prefix, absl::string_view text,
                                             absl::string_view flag) {
  const auto number = ParseEnumNumber(*google::protobuf::GetEnumDescriptor<Enum>(), prefix, text, flag);
  if (!number.ok()) return number.status();
  return static_cast<Enum>(*number);
}

// The name of an enum's value without `prefix`, such as READY; the number where the value is not known here.
[[nodiscard]] std::string EnumName(const google::protobuf::EnumDescriptor& type, absl::string_view prefix,
                                   int number);

[[nodiscard]] google::protobuf::Duration ToProto(absl::Duration duration);
[[nodiscard]] google::protobuf::Timestamp ToProto(absl::Time time);
[[nodiscard]] absl::Time FromProto(const google::protobuf::Timestamp& time);
[[nodiscard]] absl::Duration FromProto(const google::protobuf::Duration& duration);

// A random UUID (version 4).
[[nodiscard]] std::string NewRequestId();
// The UUID that belongs to `key` under `request_id`: the same for the same two.
[[nodiscard]] std::string DerivedRequestId(absl::string_view request_id, absl::string_view key);

// `id_or_name` itself, or the last part of a full name such as `tenants/acme`.
[[nodiscard]] std::string LastPart(absl::string_view id_or_name);

}  // namespace croft::ctl
