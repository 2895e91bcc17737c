// Encodes what only one kind of task or operation has as JSON.

#include "controlplane/catalog/sqlite/payloads.h"

#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "controlplane/catalog/sqlite/columns.h"

namespace croft::catalog {
namespace {

using Json = nlohmann::json;

// --- The fields of each type, for reading and for writing.

template <typename Field, typename T>
requires std::is_empty_v<std::remove_const_t<T>>
void Describe(Field&, T&) {}

template <typename T, typename Of>
concept Is = std::is_same_v<std::remove_const_t<T>, Of>;

template <typename Field>
void Describe(Field& field, Is<domain::FenceTask> auto& task) {
  field("allow_readers", task.allow_readers);
}
template <typename Field>
void Describe(Field& field, Is<domain::UnfenceTask> auto& task) {
  field("logins", task.logins);
}
template <typename Field>
void Describe(Field& field, Is<domain::DropTask> auto& task) {
  field("databases", task.databases);
  field("roles", task.roles);
  field("undo_copy", task.undo_copy);
}
template <typename Field>
void Describe(Field& field, Is<domain::BackUpTask> auto& task) {
  field("backup", task.backup);
  field("sealed", task.sealed);
  field("max_duration", task.max_duration);
}
template <typename Field>
void Describe(Field& field, Is<domain::VerifyTask> auto& task) {
  field("backup", task.backup);
}
template <typename Field>
void Describe(Field& field, Is<domain::RestoreTask> auto& task) {
  field("backup", task.backup);
  field("allow_incomplete", task.allow_incomplete);
}
template <typename Field>
void Describe(Field& field, Is<domain::RotateTask> auto& task) {
  field("login", task.login);
  field("enable", task.enable);
}
template <typename Field>
void Describe(Field& field, Is<domain::DeleteBackupTask> auto& task) {
  field("backup", task.backup);
  field("all", task.all);
}
template <typename Field>
void Describe(Field& field, Is<domain::LimitGrowthTask> auto& task) {
  field("closed", task.closed);
}
template <typename Field>
void Describe(Field& field, Is<domain::BackupRef> auto& backup) {
  field("tenant", backup.tenant);
  field("id", backup.id);
}
template <typename Field>
void Describe(Field& field, Is<domain::Quota> auto& quota) {
  field("connections", quota.connections);
  field("storage_bytes", quota.storage_bytes);
  field("statement_timeout", quota.statement_timeout);
}
template <typename Field>
void Describe(Field& field, Is<domain::ConfigureDetails> auto& details) {
  field("previous_quota", details.previous_quota);
}
template <typename Field>
void Describe(Field& field, Is<domain::SuspendDetails> auto& details) {
  field("previous_state", details.previous_state);
  field("previous_mode", details.previous_mode);
}
template <typename Field>
void Describe(Field& field, Is<domain::RotateDetails> auto& details) {
  field("overlap", details.overlap);
}
template <typename Field>
void Describe(Field& field, Is<domain::PurgeDetails> auto& details) {
  field("waiver", details.waiver);
}
template <typename Field>
void Describe(Field& field, Is<domain::LimitGrowthDetails> auto& details) {
  field("previously_closed", details.previously_closed);
}

const char* KeyOf(const domain::ConfigureDetails&) { return "configure"; }
const char* KeyOf(const domain::SuspendDetails&) { return "suspend"; }
const char* KeyOf(const domain::RotateDetails&) { return "rotate"; }
const char* KeyOf(const domain::PurgeDetails&) { return "purge"; }
const char* KeyOf(const domain::LimitGrowthDetails&) { return "limit_growth"; }

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
    Describe(writer, value);
    return writer.Take();
  }

 private:
  static Json ToJson(bool value) { return value; }
  static Json ToJson(int32_t value) { return value; }
  static Json ToJson(int64_t value) { return value; }
  static Json ToJson(const std::string& value) { return value; }
  static Json ToJson(const std::vector<std::string>& value) { return value; }
  static Json ToJson(absl::Duration value) { return sqlite::ToColumn(value); }
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
    if (reader.ok_) Describe(reader, value);
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
    const auto found = json.find(KeyOf(one));
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
          named[KeyOf(one)] = JsonWriter::ObjectOf(one);
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

}  // namespace croft::catalog
