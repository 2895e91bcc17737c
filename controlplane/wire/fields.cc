// Checks and converts single fields of requests.

#include "controlplane/wire/fields.h"

#include <algorithm>
#include <array>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <arpa/inet.h>

#include "common/utf8.h"

namespace croft::wire {
namespace {

constexpr size_t kMostLabels = 32;
constexpr size_t kLongestLabel = 63;
constexpr size_t kMostAliases = 20;
constexpr size_t kLongestAlias = 253;
constexpr size_t kMostServerNames = 20;
constexpr size_t kLongestLocale = 63;

// Extensions of PostgreSQL's own contrib that are `trusted` in 15, 16, 17 and 18 alike. plpgsql is in every
// database already.
constexpr std::array kTrustedExtensions = {
    "btree_gin",       "btree_gist", "citext",    "cube", "dict_int", "fuzzystrmatch",
    "hstore",          "intarray",   "isn",       "lo",   "ltree",    "pg_trgm",
    "pgcrypto",        "seg",        "tablefunc", "tcn",  "unaccent", "tsm_system_rows",
    "tsm_system_time", "uuid-ossp",
};

// C0, DEL and C1 controls, and the two separators that end a line.
bool IsControl(absl::string_view sequence) {
  const uint8_t first = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  const uint8_t second = static_cast<uint8_t>(sequence[1]);
  if (sequence.size() == 2) return first == 0xC2 && second < 0xA0;
  const uint8_t third = static_cast<uint8_t>(sequence[2]);
  return sequence.size() == 3 && first == 0xE2 && second == 0x80 && (third == 0xA8 || third == 0xA9);
}

bool IsLabelCharacter(char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; }

bool IsUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !absl::ascii_isxdigit(text[i])) return false;
  }
  return true;
}

bool IsDnsName(absl::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '-'; })) {
      return false;
    }
  }
  return true;
}

bool IsAddress(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  // An embedded NUL would end the text early for inet_pton.
  return name.find('\0') == std::string::npos && (inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
                                                  inet_pton(AF_INET6, name.c_str(), address.data()) == 1);
}

std::string At(absl::string_view field, size_t index) { return absl::StrCat(field, "[", index, "]"); }

}  // namespace

std::string ParseText(absl::string_view text, size_t limit, absl::string_view field,
                      Violations& violations) {
  size_t characters = 0;
  for (absl::string_view rest = text; !rest.empty(); ++characters) {
    const size_t length = Utf8CharacterLength(rest);
    if (length == 0) {
      violations.Add(field, "must be UTF-8");
      return "";
    }
    if (IsControl(rest.substr(0, length))) {
      violations.Add(field, "must not hold control characters or line breaks");
      return "";
    }
    if (characters == limit) {
      violations.Add(field, absl::StrCat("must be at most ", limit, " characters"));
      return "";
    }
    rest.remove_prefix(length);
  }
  return std::string(text);
}

std::string ParseRequestId(absl::string_view text, Violations& violations) {
  if (text.empty() || IsUuid(text)) return absl::AsciiStrToLower(text);
  violations.Add("request_id", "must be a UUID such as 6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  return "";
}

std::string EtagOf(int64_t version) { return absl::StrCat("\"", version, "\""); }

std::string ParseEtag(absl::string_view etag, absl::string_view field, Violations& violations) {
  if (etag.empty()) return "";
  int64_t version = 0;
  const bool quoted = etag.size() > 2 && etag.size() < 24 && etag.front() == '"' && etag.back() == '"';
  if (quoted && absl::SimpleAtoi(etag.substr(1, etag.size() - 2), &version) && EtagOf(version) == etag) {
    return absl::StrCat(version);
  }
  violations.Add(field, "must be an etag that this service answered, quotes included, or empty");
  return "";
}

bool IsLabelKey(absl::string_view text) { return !text.empty() && IsLabelValue(text); }

bool IsLabelValue(absl::string_view text) {
  return text.size() <= kLongestLabel && std::all_of(text.begin(), text.end(), IsLabelCharacter);
}

std::map<std::string, std::string> ParseLabels(const ProtoLabels& labels, absl::string_view field,
                                               Violations& violations) {
  if (labels.size() > kMostLabels) {
    violations.Add(field, absl::StrCat("must be at most ", kMostLabels, " labels"));
    return {};
  }
  std::map<std::string, std::string> parsed;
  for (const auto& [key, value] : labels) {
    if (!IsLabelKey(key)) {
      violations.Add(field, "keys must be 1 to 63 characters A-Z, a-z, 0-9, ., _ and -");
    } else if (!IsLabelValue(value)) {
      violations.Add(absl::StrCat(field, ".", key),
                     "must be at most 63 characters A-Z, a-z, 0-9, ., _ and -");
    } else {
      parsed[key] = value;
    }
  }
  return parsed;
}

std::string NormalAlias(absl::string_view text) {
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == ':' || c == '-';
  };
  if (text.size() > kLongestAlias || !std::all_of(text.begin(), text.end(), allowed)) return "";
  return absl::AsciiStrToLower(text);
}

std::vector<std::string> ParseAliases(const google::protobuf::RepeatedPtrField<std::string>& aliases,
                                      absl::string_view field, Violations& violations) {
  if (static_cast<size_t>(aliases.size()) > kMostAliases) {
    violations.Add(field, absl::StrCat("must be at most ", kMostAliases, " aliases"));
    return {};
  }
  std::vector<std::string> parsed;
  for (const std::string& text : aliases) {
    const std::string at = At(field, parsed.size());
    parsed.push_back(NormalAlias(text));
    if (parsed.back().empty()) {
      violations.Add(at, "must be 1 to 253 characters a-z, 0-9, ., _, : and -");
    } else if (std::count(parsed.begin(), parsed.end(), parsed.back()) > 1) {
      violations.Add(at, "is there twice");
    }
  }
  return parsed;
}

std::vector<std::string> ParseExtensions(const google::protobuf::RepeatedPtrField<std::string>& extensions,
                                         absl::string_view field, Violations& violations) {
  std::vector<std::string> parsed;
  std::set<absl::string_view> seen;
  if (static_cast<size_t>(extensions.size()) > kTrustedExtensions.size()) {
    violations.Add(field, "names more extensions than there are trusted ones");
    return {};
  }
  for (const std::string& name : extensions) {
    const std::string at = At(field, parsed.size());
    parsed.push_back(name);
    if (std::find(kTrustedExtensions.begin(), kTrustedExtensions.end(), name) == kTrustedExtensions.end()) {
      violations.Add(at, "must be a trusted extension of PostgreSQL, such as pg_trgm or citext");
    } else if (!seen.insert(name).second) {
      violations.Add(at, "is there twice");
    }
  }
  return parsed;
}

std::string ParseLocale(absl::string_view locale, absl::string_view field, Violations& violations) {
  absl::string_view rest = locale;
  const auto skip = [&rest](auto allowed) {
    const size_t before = rest.size();
    while (!rest.empty() && allowed(rest.front())) rest.remove_prefix(1);
    return before > rest.size();
  };
  const auto consume = [&rest](char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  };
  const auto is_letter = [](char c) { return absl::ascii_isalpha(c); };
  const auto is_codeset = [](char c) { return absl::ascii_isalnum(c) || c == '-'; };
  const auto is_modifier = [](char c) { return absl::ascii_isalnum(c); };

  bool well_formed = locale.size() <= kLongestLocale;
  if (!locale.empty()) {
    well_formed = well_formed && skip(is_letter);
    if (consume('_')) well_formed = well_formed && skip(is_letter);
    if (consume('.')) well_formed = well_formed && skip(is_codeset);
    if (consume('@')) well_formed = well_formed && skip(is_modifier);
    well_formed = well_formed && rest.empty();
  }
  if (well_formed) return std::string(locale);
  violations.Add(field, "must be a locale such as C.UTF-8 or de_DE.UTF-8, or empty");
  return "";
}

std::string ParseStore(absl::string_view text, absl::string_view field, Violations& violations) {
  constexpr size_t kLongestStore = 100;
  const bool sound = !text.empty() && text.size() <= kLongestStore &&
                     std::all_of(text.begin(), text.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
                     });
  if (!sound) {
    violations.Add(field,
                   "must be the id or name of a store: 1 to 100 characters A-Z, a-z, 0-9, ., _ and -");
    return "";
  }
  return std::string(text);
}

std::vector<std::string> ParseServerNames(const google::protobuf::RepeatedPtrField<std::string>& names,
                                          absl::string_view field, Violations& violations) {
  if (static_cast<size_t>(names.size()) > kMostServerNames) {
    violations.Add(field, absl::StrCat("must be at most ", kMostServerNames, " names"));
    return {};
  }
  std::vector<std::string> parsed;
  for (const std::string& name : names) {
    if (!IsDnsName(name) && !IsAddress(name)) {
      violations.Add(At(field, parsed.size()), "must be a DNS name or an IP address");
    }
    parsed.push_back(absl::AsciiStrToLower(name));
  }
  return parsed;
}

int64_t ParseInteger(int64_t value, int64_t least, int64_t most, absl::string_view field,
                     Violations& violations) {
  if (value >= least && value <= most) return value;
  violations.Add(field, absl::StrCat("must be ", least, " to ", most));
  return 0;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);  // rounds down
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

absl::Time ParseTime(const google::protobuf::Timestamp& time, absl::string_view field,
                     Violations& violations) {
  constexpr int64_t kFirst = -62135596800;  // 0001-01-01T00:00:00Z
  constexpr int64_t kLast = 253402300799;   // 9999-12-31T23:59:59Z
  if (time.seconds() < kFirst || time.seconds() > kLast || time.nanos() < 0 || time.nanos() > 999999999) {
    violations.Add(field, "must be a time in the years 1 to 9999 with nanoseconds of 0 to 999,999,999");
    return absl::Time();
  }
  return absl::FromUnixSeconds(time.seconds()) + absl::Microseconds(time.nanos() / 1000);
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  absl::Duration rest;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

absl::Duration ParseDuration(const google::protobuf::Duration& duration, absl::Duration most,
                             absl::string_view field, Violations& violations) {
  const bool sane = duration.seconds() >= 0 && duration.nanos() >= 0 && duration.nanos() <= 999999999;
  const absl::Duration parsed = absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
  if (sane && parsed <= most) return parsed;
  violations.Add(field, absl::StrCat("must be a duration of 0 to ", absl::FormatDuration(most)));
  return absl::ZeroDuration();
}

}  // namespace croft::wire
