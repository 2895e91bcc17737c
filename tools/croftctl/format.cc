// Prints messages as JSON and YAML.

#include "tools/croftctl/format.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

namespace croft::ctl {
namespace {

namespace util = google::protobuf::util;
using Json = nlohmann::ordered_json;

constexpr char kPrefix[] = "type.googleapis.com";

// Finds the messages that travel as google.rpc's in our package, and an empty message for those it does not know.
class DetailResolver : public util::TypeResolver {
 public:
  DetailResolver()
      : known_(util::NewTypeResolverForDescriptorPool(
            kPrefix, google::protobuf::DescriptorPool::generated_pool())) {}

  util::Status ResolveMessageType(const std::string& url, google::protobuf::Type* type) override {
    const std::string ours = absl::StrReplaceAll(url, {{"/google.rpc.", "/croft.v1."}});
    if (util::Status status = known_->ResolveMessageType(ours, type); status.ok()) return status;
    return known_->ResolveMessageType(absl::StrCat(kPrefix, "/google.protobuf.Empty"), type);
  }
  util::Status ResolveEnumType(const std::string& url, google::protobuf::Enum* type) override {
    return known_->ResolveEnumType(url, type);
  }

 private:
  std::unique_ptr<util::TypeResolver> known_;
};

bool IsPlainYaml(const std::string& text) {
  static const char* const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  if (text.empty() || !absl::ascii_isalpha(static_cast<unsigned char>(text[0]))) return false;
  if (std::any_of(std::begin(words), std::end(words),
                  [&](const char* word) { return absl::EqualsIgnoreCase(text, word); })) {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

void EmitYaml(const Json& json, YAML::Emitter& out) {
  if (json.is_object() && !json.empty()) {
    out << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      out << YAML::Key;
      EmitYaml(Json(key), out);
      out << YAML::Value;
      EmitYaml(value, out);
    }
    out << YAML::EndMap;
  } else if (json.is_array() && !json.empty()) {
    out << YAML::BeginSeq;
    for (const Json& value : json) EmitYaml(value, out);
    out << YAML::EndSeq;
  } else if (json.is_object()) {
    out << YAML::Flow << YAML::BeginMap << YAML::EndMap;
  } else if (json.is_array()) {
    out << YAML::Flow << YAML::BeginSeq << YAML::EndSeq;
  } else if (json.is_string()) {
    const auto text = json.get<std::string>();
    if (!IsPlainYaml(text)) out << YAML::DoubleQuoted;
    out << text;
  } else {
    out << json.dump();
  }
}

}  // namespace

absl::StatusOr<Json> ToJson(const google::protobuf::Message& message) {
  DetailResolver resolver;
  std::string text;
  const auto status =
      util::BinaryToJsonString(&resolver, absl::StrCat(kPrefix, "/", message.GetDescriptor()->full_name()),
                               message.SerializeAsString(), &text);
  if (!status.ok())
    return absl::InternalError(absl::StrCat("cannot show the answer as JSON: ", status.ToString()));
  return Json::parse(text);
}

std::string JsonText(const Json& json) { return json.dump(2) + "\n"; }

std::string YamlText(const Json& json) {
  YAML::Emitter out;
  EmitYaml(json, out);
  return absl::StrCat(out.c_str(), "\n");
}

}  // namespace croft::ctl
