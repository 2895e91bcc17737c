// Converts the domain's values to and from columns.

#include "controlplane/catalog/sqlite/columns.h"

#include <cstddef>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"

namespace croft::catalog {
namespace {

using Json = nlohmann::json;

// Takes `"…"` off the front of `text`, where there are no escapes.
bool ConsumePlainString(absl::string_view& text, absl::string_view& value) {
  if (!absl::ConsumePrefix(&text, "\"")) return false;
  const size_t end = text.find('"');
  if (end == absl::string_view::npos) return false;
  value = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

// Lists and maps without escapes, which nearly all are: a million tenants are read at every start. False for
// any other text.
bool DecodePlainList(absl::string_view text, std::vector<std::string>& list) {
  if (text.find('\\') != absl::string_view::npos || !absl::ConsumePrefix(&text, "[")) return false;
  absl::string_view item;
  do {
    if (!ConsumePlainString(text, item)) return false;
    list.emplace_back(item);
  } while (absl::ConsumePrefix(&text, ","));
  return text == "]";
}

bool DecodePlainMap(absl::string_view text, Labels& map) {
  if (text.find('\\') != absl::string_view::npos || !absl::ConsumePrefix(&text, "{")) return false;
  absl::string_view key, value;
  do {
    if (!ConsumePlainString(text, key) || !absl::ConsumePrefix(&text, ":") ||
        !ConsumePlainString(text, value)) {
      return false;
    }
    map.emplace_hint(map.end(), key, value);
  } while (absl::ConsumePrefix(&text, ","));
  return text == "}";
}

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

absl::Status Undecodable(absl::string_view text) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("the catalog is damaged: no value of its column is written \"", text, "\""),
                   {.reason = "DATABASE_CORRUPT"});
}

std::string EncodeRole(domain::Role role) { return absl::AsciiStrToUpper(NameOf(role)); }

absl::Status DecodeRole(absl::string_view text, domain::Role& role) {
  return DecodeEnum(absl::AsciiStrToLower(text), role);
}

std::string EncodeList(const std::vector<std::string>& list) { return list.empty() ? "[]" : Dump(list); }

std::string EncodeMap(const Labels& map) { return map.empty() ? "{}" : Dump(map); }

absl::Status DecodeList(absl::string_view text, std::vector<std::string>& list) {
  list.clear();
  if (text == "[]") return absl::OkStatus();
  if (DecodePlainList(text, list)) return absl::OkStatus();
  list.clear();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return Undecodable(text);
  for (const Json& item : json) {
    if (!item.is_string()) return Undecodable(text);
    list.push_back(item.get_ref<const std::string&>());
  }
  return absl::OkStatus();
}

absl::Status DecodeMap(absl::string_view text, Labels& map) {
  map.clear();
  if (text == "{}") return absl::OkStatus();
  if (DecodePlainMap(text, map)) return absl::OkStatus();
  map.clear();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Undecodable(text);
  for (const auto& [key, item] : json.items()) {
    if (!item.is_string()) return Undecodable(text);
    map.emplace_hint(map.end(), key, item.get_ref<const std::string&>());
  }
  return absl::OkStatus();
}

namespace {

// Reads `key` of `object` where it is text; false where it is none.
bool ReadText(const Json& object, const char* key, std::string& text) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return false;
  text = found->get_ref<const std::string&>();
  return true;
}

bool ReadFinding(const Json& json, domain::Finding& finding) {
  std::string severity;
  return json.is_object() && ReadText(json, "severity", severity) &&
         DecodeEnum(severity, finding.severity).ok() && ReadText(json, "reason", finding.reason) &&
         ReadText(json, "object", finding.object) && ReadText(json, "owner", finding.owner) &&
         ReadText(json, "message", finding.message) &&
         ReadText(json, "postgres_message", finding.postgres_message) &&
         ReadText(json, "remedy", finding.remedy);
}

bool ReadMissingRight(const Json& json, domain::MissingRight& right) {
  if (!json.is_object() || !ReadText(json, "right", right.right) ||
      !ReadText(json, "consequence", right.consequence) || !ReadText(json, "remedy", right.remedy)) {
    return false;
  }
  const auto kinds = json.find("task_kinds");
  return kinds != json.end() && DecodeList(kinds->dump(), right.task_kinds).ok();
}

// Left alone where `key` is not there.
bool ReadTime(const Json& object, const char* key, std::optional<absl::Time>& time) {
  const auto found = object.find(key);
  if (found == object.end()) return true;
  if (!found->is_number_integer()) return false;
  time = sqlite::TimeFromColumn(found->get<int64_t>());
  return true;
}

bool ReadTime(const Json& object, const char* key, absl::Time& time) {
  std::optional<absl::Time> read;
  if (!ReadTime(object, key, read) || !read) return false;
  time = *read;
  return true;
}

bool ReadCopy(const Json& json, domain::BackupCopy& copy) {
  std::string state;
  if (!json.is_object() || !ReadText(json, "state", state) || !DecodeEnum(state, copy.state).ok())
    return false;
  const auto failures = json.find("failures");
  if (failures == json.end() || !failures->is_number_integer()) return false;
  copy.failures = failures->get<int32_t>();
  return ReadText(json, "store", copy.store) && ReadText(json, "store_name", copy.store_name) &&
         ReadText(json, "failure", copy.failure) && ReadTime(json, "create_time", copy.create_time) &&
         ReadTime(json, "retry_time", copy.retry_time) && ReadTime(json, "copy_time", copy.copy_time) &&
         ReadTime(json, "verify_time", copy.verify_time);
}

// A list whose items `read` takes one by one.
template <typename Item, typename Read>
absl::Status DecodeItems(absl::string_view text, std::vector<Item>& items, Read read) {
  items.clear();
  if (text == "[]") return absl::OkStatus();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return Undecodable(text);
  for (const Json& item : json) {
    if (!read(item, items.emplace_back())) return Undecodable(text);
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeFindings(const std::vector<domain::Finding>& findings) {
  Json list = Json::array();
  for (const domain::Finding& finding : findings) {
    list.push_back({{"severity", std::string(NameOf(finding.severity))},
                    {"reason", finding.reason},
                    {"object", finding.object},
                    {"owner", finding.owner},
                    {"message", finding.message},
                    {"postgres_message", finding.postgres_message},
                    {"remedy", finding.remedy}});
  }
  return Dump(list);
}

absl::Status DecodeFindings(absl::string_view text, std::vector<domain::Finding>& findings) {
  return DecodeItems(text, findings, ReadFinding);
}

std::string EncodeMissingRights(const std::vector<domain::MissingRight>& rights) {
  Json list = Json::array();
  for (const domain::MissingRight& right : rights) {
    list.push_back({{"right", right.right},
                    {"consequence", right.consequence},
                    {"remedy", right.remedy},
                    {"task_kinds", right.task_kinds}});
  }
  return Dump(list);
}

absl::Status DecodeMissingRights(absl::string_view text, std::vector<domain::MissingRight>& rights) {
  return DecodeItems(text, rights, ReadMissingRight);
}

std::string EncodeCopies(const std::vector<domain::BackupCopy>& copies) {
  if (copies.empty()) return "[]";
  Json list = Json::array();
  for (const domain::BackupCopy& copy : copies) {
    Json item = {{"store", copy.store},
                 {"store_name", copy.store_name},
                 {"state", std::string(NameOf(copy.state))},
                 {"create_time", sqlite::ToColumn(copy.create_time)},
                 {"failures", copy.failures},
                 {"retry_time", sqlite::ToColumn(copy.retry_time)},
                 {"failure", copy.failure}};
    if (copy.copy_time) item["copy_time"] = sqlite::ToColumn(*copy.copy_time);
    if (copy.verify_time) item["verify_time"] = sqlite::ToColumn(*copy.verify_time);
    list.push_back(std::move(item));
  }
  return Dump(list);
}

absl::Status DecodeCopies(absl::string_view text, std::vector<domain::BackupCopy>& copies) {
  return DecodeItems(text, copies, ReadCopy);
}

}  // namespace croft::catalog
