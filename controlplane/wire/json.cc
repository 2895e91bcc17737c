// Converts Struct and Value to and from canonical JSON.

#include "controlplane/wire/json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <google/protobuf/util/json_util.h>

#include "common/utf8.h"
#include "controlplane/wire/fields.h"

namespace croft::wire {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kLongestSettings = 64 * 1024;
constexpr size_t kDeepest = 16;
constexpr size_t kMostFeatures = 128;
constexpr size_t kLongestFeature = 1024;

// Writes JSON until something is wrong or the text grows beyond the limit.
class Writer {
 public:
  explicit Writer(size_t limit) : limit_(limit) {}

  void Object(const google::protobuf::Map<std::string, Value>& fields, size_t depth) {
    // The message's own order changes from process to process.
    std::map<absl::string_view, const Value*> sorted;
    for (const auto& [key, value] : fields) sorted.emplace(key, &value);
    Put("{");
    for (const auto& [key, value] : sorted) {
      if (text_.back() != '{') Put(",");
      String(key);
      Put(":");
      Any(*value, depth);
      if (!problem_.empty()) return;
    }
    Put("}");
  }

  void Any(const Value& value, size_t depth) {
    switch (value.kind_case()) {
      case Value::kNullValue: return Put("null");
      case Value::kBoolValue: return Put(value.bool_value() ? "true" : "false");
      case Value::kNumberValue: return Number(value.number_value());
      case Value::kStringValue: return String(value.string_value());
      case Value::kStructValue:
        return depth < kDeepest ? Object(value.struct_value().fields(), depth + 1) : TooDeep();
      case Value::kListValue: return depth < kDeepest ? List(value.list_value(), depth + 1) : TooDeep();
      case Value::KIND_NOT_SET: break;
    }
    Fail("must not hold a Value without a kind");
  }

  // Empty while all is well.
  const std::string& problem() const { return problem_; }
  std::string text() && { return std::move(text_); }

 private:
  void List(const google::protobuf::ListValue& list, size_t depth) {
    Put("[");
    for (const Value& value : list.values()) {
      if (text_.back() != '[') Put(",");
      Any(value, depth);
      if (!problem_.empty()) return;
    }
    Put("]");
  }

  void Number(double number) {
    if (!std::isfinite(number)) return Fail("must hold finite numbers only");
    std::array<char, 32> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
    Put(absl::string_view(digits.data(), static_cast<size_t>(end - digits.data())));
  }

  void String(absl::string_view string) {
    if (!IsUtf8(string)) return Fail("must be UTF-8");
    if (string.find('\0') != absl::string_view::npos) return Fail("must not hold NUL");
    if (text_.size() + string.size() > limit_) return TooLong();
    text_ += '"';
    for (const char c : string) {
      if (c == '"' || c == '\\') {
        text_ += '\\';
        text_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        absl::StrAppendFormat(&text_, "\\u%04x", static_cast<int>(c));
      } else {
        text_ += c;
      }
    }
    Put("\"");
  }

  void Put(absl::string_view piece) {
    absl::StrAppend(&text_, piece);
    if (text_.size() > limit_) TooLong();
  }

  void TooLong() { Fail(absl::StrCat("must be at most ", limit_, " bytes as JSON")); }
  void TooDeep() { Fail(absl::StrCat("must be at most ", kDeepest, " levels deep")); }
  void Fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  const size_t limit_;
  std::string text_;
  std::string problem_;
};

std::string Finish(Writer writer, absl::string_view field, Violations& violations) {
  if (writer.problem().empty()) return std::move(writer).text();
  violations.Add(field, writer.problem());
  return "";
}

}  // namespace

std::string ParseSettings(const Struct& settings, absl::string_view field, Violations& violations) {
  if (settings.fields().empty()) return "";
  Writer writer(kLongestSettings);
  writer.Object(settings.fields(), 1);
  return Finish(std::move(writer), field, violations);
}

std::string ParseSetting(const Value& value, absl::string_view field, Violations& violations) {
  Writer writer(kLongestSettings);
  writer.Any(value, 1);
  return Finish(std::move(writer), field, violations);
}

std::string ParseFeatures(const ProtoFeatures& features, absl::string_view field, Violations& violations) {
  if (features.empty()) return "";
  if (features.size() > kMostFeatures) {
    violations.Add(field, absl::StrCat("must be at most ", kMostFeatures, " flags"));
    return "";
  }
  bool good = true;
  Violations found;
  for (const auto& [key, value] : features) {
    if (IsLabelKey(key)) {
      ParseFeature(value, absl::StrCat(field, ".", key), found);
    } else {
      found.Add(field, "keys must be 1 to 63 characters A-Z, a-z, 0-9, ., _ and -");
    }
    good = good && found.empty();
  }
  if (!good) {
    violations.Take(found.ToStatus());
    return "";
  }
  Writer writer(kMostFeatures * (kLongestFeature * 6 + 128));
  writer.Object(features, 1);
  return Finish(std::move(writer), field, violations);
}

std::string ParseFeature(const Value& value, absl::string_view field, Violations& violations) {
  const bool scalar = value.kind_case() == Value::kBoolValue || value.kind_case() == Value::kNumberValue ||
                      value.kind_case() == Value::kStringValue;
  if (!scalar) {
    violations.Add(field, "must be a bool, a number or a string");
    return "";
  }
  if (value.string_value().size() > kLongestFeature) {
    violations.Add(field, absl::StrCat("must be at most ", kLongestFeature, " bytes"));
    return "";
  }
  Writer writer(kLongestFeature * 6 + 2);
  writer.Any(value, 1);
  return Finish(std::move(writer), field, violations);
}

Struct SettingsToProto(absl::string_view json) {
  Struct settings;
  if (json.empty()) return settings;
  const auto status = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &settings);
  if (!status.ok()) settings.Clear();
  return settings;
}

ProtoFeatures FeaturesToProto(absl::string_view json) {
  return std::move(*SettingsToProto(json).mutable_fields());
}

}  // namespace croft::wire
