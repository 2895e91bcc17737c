// Encodes what only one kind of task or operation has as JSON.

#include "controlplane/catalog/sqlite/payloads.h"

#include <optional>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "controlplane/catalog/sqlite/columns.h"

namespace croft::catalog {
namespace {

using Json = nlohmann::json;

// Calls `field` with the key and the value of each stored member of `object`.
template <typename T, typename Field>
void ForEachField(T& object, Field& field) {
  using Type = std::remove_const_t<T>;
  static_assert(domain::kStoresAllMembers<Type>, "a member is not in kStored");
  if constexpr (!std::is_empty_v<Type>) {
    std::apply([&](const auto&... stored) { (field(stored.key, object.*stored.member), ...); },
               Type::kStored);
  }
}

// --- Writing.

class JsonWriter {
 public:
  template <typename T>
  void operator()(const char* key, const T& value) {
    json_[key] = ToJson(value);
  }
  template <typename T>
  void operator()(const char* key, const std::optional<T>& value) {
    if (value) (*this)(key, *value);
  }
  Json Take() { return std::move(json_); }

  template <typename T>
  static Json ObjectOf(const T& value) {
    JsonWriter writer;
    ForEachField(value, writer);
    return writer.Take();
  }

 private:
  static Json ToJson(bool value) { return value; }
  static Json ToJson(int32_t value) { return value; }
  static Json ToJson(int64_t value) { return value; }
  static Json ToJson(const std::string& value) { return value; }
  static Json ToJson(const std::vector<std::string>& value) { return value; }
  static Json ToJson(absl::Duration value) { return sqlite::ToColumn(value); }
  static Json ToJson(absl::Time value) { return sqlite::ToColumn(value); }
  template <typename T>
  static Json ToJson(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return std::string(NameOf(value));
    } else {
      return ObjectOf(value);
    }
  }

  Json json_ = Json::object();
};

std::string Text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// --- Reading.

class JsonReader {
 public:
  explicit JsonReader(const Json& json) : json_(json), ok_(json.is_object()) {}

  template <typename T>
  void operator()(const char* key, T& value) {
    if (!ok_) return;
    const auto found = json_.find(key);
    if (found != json_.end() && !FromJson(*found, value)) ok_ = false;
  }
  template <typename T>
  void operator()(const char* key, std::optional<T>& value) {
    if (ok_ && json_.contains(key)) (*this)(key, value.emplace());
  }

  template <typename T>
  static bool ReadObject(const Json& json, T& value) {
    JsonReader reader(json);
    if (reader.ok_) ForEachField(value, reader);
    return reader.ok_;
  }

 private:
  static bool FromJson(const Json& json, bool& value) {
    if (!json.is_boolean()) return false;
    value = json.get<bool>();
    return true;
  }
  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) static bool FromJson(const Json& json,
                                                                                   T& value) {
    if (!json.is_number_integer()) return false;
    value = json.get<T>();
    return true;
  }
  static bool FromJson(const Json& json, std::string& value) {
    if (!json.is_string()) return false;
    value = json.get_ref<const std::string&>();
    return true;
  }
  static bool FromJson(const Json& json, std::vector<std::string>& value) {
    return DecodeList(json.dump(), value).ok();
  }
  static bool FromJson(const Json& json, absl::Duration& value) {
    if (!json.is_number_integer()) return false;
    value = sqlite::DurationFromColumn(json.get<int64_t>());
    return true;
  }
  static bool FromJson(const Json& json, absl::Time& value) {
    if (!json.is_number_integer()) return false;
    value = sqlite::TimeFromColumn(json.get<int64_t>());
    return true;
  }
  template <typename T>
  requires std::is_enum_v<T>
  static bool FromJson(const Json& json, T& value) {
    return json.is_string() && DecodeEnum(json.get_ref<const std::string&>(), value).ok();
  }
  template <typename T>
  requires std::is_class_v<T>
  static bool FromJson(const Json& json, T& value) { return ReadObject(json, value); }

  const Json& json_;
  bool ok_;
};

Json Parsed(absl::string_view text) {
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

// The details of the one type, of all from the Ith on, that `json` names; false when it names none of them.
template <size_t I = 1>
bool ReadDetails(const Json& json, domain::OperationDetails& details) {
  if constexpr (I < std::variant_size_v<domain::OperationDetails>) {
    std::variant_alternative_t<I, domain::OperationDetails> one;
    const auto found = json.find(one.kKey);
    if (found == json.end()) return ReadDetails<I + 1>(json, details);
    if (!JsonReader::ReadObject(*found, one)) return false;
    details = std::move(one);
    return true;
  } else {
    return false;
  }
}

}  // namespace

std::string EncodeTask(const domain::Task& task) {
  return std::visit(
      [](const auto& one) {
        if constexpr (std::is_empty_v<std::decay_t<decltype(one)>>) return std::string("{}");
        return Text(JsonWriter::ObjectOf(one));
      },
      task);
}

absl::Status DecodeTask(absl::string_view text, domain::Task& task) {
  if (text == "{}") return absl::OkStatus();
  const Json json = Parsed(text);
  const bool read = std::visit([&](auto& one) { return JsonReader::ReadObject(json, one); }, task);
  return read ? absl::OkStatus() : Undecodable(text);
}

std::string EncodeDetails(const domain::OperationDetails& details) {
  return std::visit(
      [](const auto& one) {
        if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::monostate>) {
          return std::string("{}");
        } else {
          Json named = Json::object();
          named[one.kKey] = JsonWriter::ObjectOf(one);
          return Text(named);
        }
      },
      details);
}

absl::Status DecodeDetails(absl::string_view text, domain::OperationDetails& details) {
  details = std::monostate();
  if (text == "{}") return absl::OkStatus();
  const Json json = Parsed(text);
  return json.is_object() && ReadDetails(json, details) ? absl::OkStatus() : Undecodable(text);
}

std::string EncodeKeptDatabases(const std::vector<domain::KeptDatabase>& kept) {
  if (kept.empty()) return "[]";
  Json list = Json::array();
  for (const domain::KeptDatabase& one : kept) list.push_back(JsonWriter::ObjectOf(one));
  return Text(list);
}

absl::Status DecodeKeptDatabases(absl::string_view text, std::vector<domain::KeptDatabase>& kept) {
  kept.clear();
  if (text == "[]") return absl::OkStatus();
  const Json json = Parsed(text);
  if (!json.is_array()) return Undecodable(text);
  for (const Json& item : json) {
    if (!JsonReader::ReadObject(item, kept.emplace_back())) return Undecodable(text);
  }
  return absl::OkStatus();
}

}  // namespace croft::catalog
