#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/map.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/timestamp.pb.h>

#include "controlplane/wire/violations.h"

// Checks and conversions of single fields. Each notes what is wrong under `field` and then answers an empty
// value. Safe for any bytes.
namespace croft::wire {

// Text that people read: UTF-8 without control characters, at most `limit` characters.
std::string ParseText(absl::string_view text, size_t limit, absl::string_view field,
                      Violations& violations);

// A UUID, or empty.
std::string ParseRequestId(absl::string_view text, Violations& violations);

// `"7"` for version 7.
std::string EtagOf(int64_t version);
// The version in decimal, as the engine compares it; empty for an empty etag.
std::string ParseEtag(absl::string_view etag, absl::string_view field, Violations& violations);

// A label's key or value: `A-Z`, `a-z`, `0-9`, `.`, `_`, `-`.
[[nodiscard]] bool IsLabelKey(absl::string_view text);
[[nodiscard]] bool IsLabelValue(absl::string_view text);
using ProtoLabels = google::protobuf::Map<std::string, std::string>;
std::map<std::string, std::string> ParseLabels(const ProtoLabels& labels, absl::string_view field,
                                               Violations& violations);

// In lower case; empty where the text is none. Host names and outside ids of 1 to 253 characters `a-z`, `0-9`,
// `.`, `_`, `:` and `-`.
[[nodiscard]] std::string NormalAlias(absl::string_view text);
std::vector<std::string> ParseAliases(const google::protobuf::RepeatedPtrField<std::string>& aliases,
                                      absl::string_view field, Violations& violations);

// Names of extensions that a database's owner may create, being trusted in every supported PostgreSQL.
std::vector<std::string> ParseExtensions(const google::protobuf::RepeatedPtrField<std::string>& extensions,
                                         absl::string_view field, Violations& violations);

// Such as `C`, `C.UTF-8` or `de_DE.UTF-8@euro`; or empty.
std::string ParseLocale(absl::string_view locale, absl::string_view field, Violations& violations);

// The id of a backup store, or a name of one: 1 to 100 characters `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
std::string ParseStore(absl::string_view text, absl::string_view field, Violations& violations);

// DNS names and IP addresses.
std::vector<std::string> ParseServerNames(const google::protobuf::RepeatedPtrField<std::string>& names,
                                          absl::string_view field, Violations& violations);

// `value` where it is inside [least, most]; else 0.
int64_t ParseInteger(int64_t value, int64_t least, int64_t most, absl::string_view field,
                     Violations& violations);

google::protobuf::Timestamp ToProto(absl::Time time);
// Years 1 to 9999; to the microsecond, as the catalog keeps it, rounded down.
absl::Time ParseTime(const google::protobuf::Timestamp& time, absl::string_view field,
                     Violations& violations);

google::protobuf::Duration ToProto(absl::Duration duration);
// Inside [zero, most].
absl::Duration ParseDuration(const google::protobuf::Duration& duration, absl::Duration most,
                             absl::string_view field, Violations& violations);

}  // namespace croft::wire
