#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <absl/strings/str_join.h>
#include <absl/strings/string_view.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include "tools/croftctl/values.h"
#include "tools/croftctl/views.h"

// What views are made of.
namespace croft::ctl {

// Empty for a time that is not set.
[[nodiscard]] std::string When(bool is_set, const google::protobuf::Timestamp& time);

// How long ago that was; empty where the time is not set. Sorts by the time, the youngest first.
[[nodiscard]] Cell AgeCell(std::string header, const google::protobuf::Timestamp& time,
                           Shown shown = Shown::kAlways);
// An amount; empty for none. Sorts by the bytes.
[[nodiscard]] Cell BytesCell(std::string header, int64_t bytes, Shown shown = Shown::kAlways);

// A number; empty for 0. Sorts by it.
[[nodiscard]] Cell NumberCell(std::string header, int64_t number, Shown shown = Shown::kAlways);

// A field that only shows where its resource is shown alone.
[[nodiscard]] Cell Detail(std::string header, std::string text, Tone tone = Tone::kPlain);
// A field that lists show with -o wide.
[[nodiscard]] Cell Wide(std::string header, std::string text);

[[nodiscard]] std::string OrEmpty(int64_t number);
[[nodiscard]] std::string YesNo(bool yes);
[[nodiscard]] std::string Json(const google::protobuf::Message& message);

template <class Map>
[[nodiscard]] std::string Pairs(const Map& labels) {
  const std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  return absl::StrJoin(sorted, ",", absl::PairFormatter("="));
}

template <class Strings>
[[nodiscard]] std::string Joined(const Strings& strings) {
  return absl::StrJoin(strings, ",");
}

template <class Enum>
[[nodiscard]] std::string NameIn(absl::string_view prefix, Enum value) {
  return EnumName(*google::protobuf::GetEnumDescriptor<Enum>(), prefix, static_cast<int>(value));
}

// A line or more for each of the findings of a backup or an operation, under `header` and a number; `count` is how
// many there are in all. What the tenant can have written is escaped and said to be the tenant's.
void AppendFindings(const std::string& header,
                    const google::protobuf::RepeatedPtrField<v1::Finding>& findings, int count,
                    std::vector<Cell>& cells);

}  // namespace croft::ctl
