// Parses and prints durations, sizes, labels and times.

#include "tools/croftctl/values.h"

#include <array>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <google/protobuf/util/json_util.h>

#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/random.h"
#include "tools/croftctl/exit_code.h"

namespace croft::ctl {
namespace {

struct Unit {
  absl::string_view name;
  absl::Duration length;
};
// Largest first, which DurationText relies on.
constexpr int kUnits = 6;
const std::array<Unit, kUnits>& Units() {
  static const std::array<Unit, kUnits> units = {{{"w", absl::Hours(168)},
                                                  {"d", absl::Hours(24)},
                                                  {"h", absl::Hours(1)},
                                                  {"m", absl::Minutes(1)},
                                                  {"s", absl::Seconds(1)},
                                                  {"ms", absl::Milliseconds(1)}}};
  return units;
}

constexpr std::pair<absl::string_view, int64_t> kByteUnits[] = {{"TiB", int64_t{1} << 40},
                                                                {"GiB", int64_t{1} << 30},
                                                                {"MiB", int64_t{1} << 20},
                                                                {"KiB", int64_t{1} << 10}};

// Takes the leading digits off `text`; false when there are none or they are too many.
bool TakeNumber(absl::string_view& text, int64_t& number) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) ++digits;
  const bool good = digits > 0 && digits <= 12 && absl::SimpleAtoi(text.substr(0, digits), &number);
  text.remove_prefix(digits);
  return good;
}

const Unit* TakeUnit(absl::string_view& text) {
  size_t letters = 0;
  while (letters < text.size() && absl::ascii_isalpha(static_cast<unsigned char>(text[letters]))) ++letters;
  const absl::string_view name = text.substr(0, letters);
  text.remove_prefix(letters);
  for (const Unit& unit : Units()) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

struct Pair {
  std::string key;
  std::string value;
};

absl::StatusOr<Pair> SplitPair(absl::string_view text, absl::string_view flag, absl::string_view shape) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (!absl::StrContains(text, '=') || parts.first.empty()) {
    return UsageError(absl::StrCat(flag, " wants ", shape, ", not '", text, "'"));
  }
  return Pair{std::string(parts.first), std::string(parts.second)};
}

absl::Status GivenTwice(absl::string_view flag, absl::string_view key) {
  return UsageError(absl::StrCat(flag, " has '", key, "' twice"));
}

std::string Quoted(absl::string_view value) {
  return absl::StrCat("\"", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

std::string TermToFilter(absl::string_view term) {
  for (const absl::string_view op : {"!=", "="}) {
    const std::vector<absl::string_view> parts = absl::StrSplit(term, absl::MaxSplits(op, 1));
    if (parts.size() == 2) return absl::StrCat("labels.", parts[0], " ", op, " ", Quoted(parts[1]));
  }
  return absl::StrCat("labels:", term);
}

bool IsLabelKey(absl::string_view key) {
  return !key.empty() &&
         key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
             absl::string_view::npos;
}

std::string FlagName(absl::string_view name, absl::string_view prefix) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(absl::StripPrefix(name, prefix)), {{"_", "-"}});
}

// 16 bytes in the usual form, marked as of `version`.
std::string FormatUuid(std::string bytes, int version) {
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  const std::string hex = absl::BytesToHexString(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20, 12));
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text, absl::string_view flag) {
  const absl::Status bad =
      UsageError(absl::StrCat(flag, " wants a duration such as 90s, 1h30m or 7d, not '", text, "'"));
  if (text == "0") return absl::ZeroDuration();
  if (text.empty()) return bad;
  absl::Duration sum;
  for (absl::string_view rest = text; !rest.empty();) {
    int64_t number = 0;
    if (!TakeNumber(rest, number)) return bad;
    const Unit* unit = TakeUnit(rest);
    if (unit == nullptr) return bad;
    sum += number * unit->length;
  }
  // What google.protobuf.Duration can carry.
  if (sum > absl::Seconds(315576000000)) return bad;
  return sum;
}

std::string DurationText(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", DurationText(-duration));
  if (duration < absl::Minutes(1)) return absl::StrFormat("%.3gs", absl::ToDoubleSeconds(duration));
  std::string text;
  int shown = 0;
  for (const Unit& unit : Units()) {
    if (unit.length > absl::Hours(24) || unit.length < absl::Seconds(1)) continue;
    const int64_t count = absl::IDivDuration(duration, unit.length, &duration);
    if (count > 0) absl::StrAppend(&text, count, unit.name);
    if (!text.empty() && ++shown == 2) break;
  }
  return text;
}

absl::StatusOr<absl::Time> ParseTime(absl::string_view text, absl::string_view flag) {
  absl::Time time;
  std::string why;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &why)) return time;
  return UsageError(absl::StrCat(flag, " wants a time such as 2030-01-31T18:00:00Z, not '", text, "'"));
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::StatusOr<int64_t> ParseBytes(absl::string_view text, absl::string_view flag) {
  const absl::Status bad =
      UsageError(absl::StrCat(flag, " wants bytes such as 1048576, 512MiB or 10GiB, not '", text, "'"));
  absl::string_view rest = text;
  int64_t number = 0;
  if (!TakeNumber(rest, number)) return bad;
  if (rest.empty()) return number;
  for (const auto& [name, size] : kByteUnits) {
    if (rest == name && number <= (int64_t{1} << 62) / size) return number * size;
  }
  return bad;
}

std::string BytesText(int64_t bytes) {
  for (const auto& [name, size] : kByteUnits) {
    if (bytes >= size)
      return absl::StrFormat("%.1f %s", static_cast<double>(bytes) / static_cast<double>(size), name);
  }
  return absl::StrCat(bytes, " B");
}

absl::StatusOr<Labels> ParseLabels(const std::vector<std::string>& pairs, absl::string_view flag) {
  Labels labels;
  for (const std::string& element : pairs) {
    for (const absl::string_view text : absl::StrSplit(element, ',', absl::SkipEmpty())) {
      CROFT_ASSIGN_OR_RETURN(Pair pair, SplitPair(text, flag, "key=value"));
      if (!labels.emplace(pair.key, pair.value).second) return GivenTwice(flag, pair.key);
    }
  }
  return labels;
}

absl::StatusOr<std::string> SelectorToFilter(absl::string_view selector) {
  std::vector<std::string> terms;
  for (const absl::string_view raw : absl::StrSplit(selector, ',')) {
    const absl::string_view term = absl::StripAsciiWhitespace(raw);
    const absl::string_view key = term.substr(0, term.find_first_of("!="));
    if (!IsLabelKey(key)) {
      return UsageError(absl::StrCat(
          "--selector wants terms such as app=shop, tier!=free or preview, joined by commas, not '",
          selector, "'"));
    }
    terms.push_back(TermToFilter(term));
  }
  return absl::StrJoin(terms, " AND ");
}

absl::StatusOr<google::protobuf::Struct> ParseSettings(const std::vector<std::string>& pairs,
                                                       absl::string_view flag) {
  google::protobuf::Struct settings;
  for (const std::string& text : pairs) {
    CROFT_ASSIGN_OR_RETURN(Pair pair, SplitPair(text, flag, "key=JSON"));
    google::protobuf::Value value;
    if (!google::protobuf::util::JsonStringToMessage(pair.value, &value).ok()) {
      return UsageError(absl::StrCat(flag, " ", pair.key, ": '", pair.value,
                                     "' is not JSON; a string keeps its quotation marks: ", pair.key,
                                     "='\"text\"'"));
    }
    if (!settings.mutable_fields()->insert({pair.key, value}).second) return GivenTwice(flag, pair.key);
  }
  return settings;
}

absl::StatusOr<Features> ParseFeatures(const std::vector<std::string>& pairs, absl::string_view flag) {
  Features features;
  for (const std::string& text : pairs) {
    CROFT_ASSIGN_OR_RETURN(Pair pair, SplitPair(text, flag, "name=value"));
    google::protobuf::Value value;
    if (double number = 0; pair.value == "true" || pair.value == "false") {
      value.set_bool_value(pair.value == "true");
    } else if (absl::ascii_isalpha(static_cast<unsigned char>((pair.value + "x")[0])) == 0 &&
               absl::SimpleAtod(pair.value, &number)) {
      value.set_number_value(number);
    } else {
      value.set_string_value(pair.value);
    }
    if (!features.emplace(pair.key, value).second) return GivenTwice(flag, pair.key);
  }
  return features;
}

absl::StatusOr<int> ParseEnumNumber(const google::protobuf::EnumDescriptor& type, absl::string_view prefix,
                                    absl::string_view text, absl::string_view flag) {
  if (text.empty()) return 0;
  std::vector<std::string> choices;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    choices.push_back(FlagName(type.value(i)->name(), prefix));
    if (choices.back() == FlagName(text, "")) return type.value(i)->number();
  }
  return UsageError(
      absl::StrCat(flag, " wants one of ", absl::StrJoin(choices, ", "), ", not '", text, "'"));
}

std::string EnumName(const google::protobuf::EnumDescriptor& type, absl::string_view prefix, int number) {
  const auto* value = type.FindValueByNumber(number);
  return value == nullptr ? absl::StrCat(number) : std::string(absl::StripPrefix(value->name(), prefix));
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  proto.set_seconds(absl::ToUnixSeconds(time));
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(proto.seconds()))));
  return proto;
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

std::string NewRequestId() { return FormatUuid(SystemRandom().Bytes(16), 4); }

std::string DerivedRequestId(absl::string_view request_id, absl::string_view key) {
  return FormatUuid(crypto::Sha256(absl::StrCat(request_id, "\n", key)).substr(0, 16), 5);
}

std::string LastPart(absl::string_view id_or_name) {
  return std::string(id_or_name.substr(id_or_name.find_last_of('/') + 1));
}

}  // namespace croft::ctl
