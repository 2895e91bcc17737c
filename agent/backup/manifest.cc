#include "agent/backup/manifest.h"

#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

using Json = nlohmann::json;

constexpr int64_t kVersion = 1;
constexpr char kSealContext[] = "croft-manifest";

absl::Status Damaged(absl::string_view what) {
  return MakeError(
      absl::StatusCode::kDataLoss,
      absl::StrCat("the backup's manifest is not the one that was made: ", what, "; use another backup"),
      {.reason = "MANIFEST_DAMAGED"});
}

// Keys are sorted and numbers whole, so the same manifest gives the same bytes.
std::string Bytes(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json Encode(const Content& content) {
  Json tables = Json::array();
  for (const TableContent& table : content.tables) {
    tables.push_back(
        {{"schema", table.schema}, {"name", table.name}, {"rows", table.rows}, {"digest", table.digest}});
  }
  return {{"tables", std::move(tables)},
          {"large_objects", content.large_objects},
          {"large_objects_digest", content.large_objects_digest},
          {"objects", content.objects}};
}

Content DecodeContent(const Json& json) {
  Content content{.large_objects = json.at("large_objects"),
                  .large_objects_digest = json.at("large_objects_digest"),
                  .objects = json.at("objects").get<std::map<std::string, int64_t>>()};
  for (const Json& table : json.at("tables")) {
    content.tables.push_back({.schema = table.at("schema"),
                              .name = table.at("name"),
                              .rows = table.at("rows"),
                              .digest = table.at("digest")});
  }
  return content;
}

Json Encode(const std::vector<PolicyName>& policies) {
  Json json = Json::array();
  for (const PolicyName& policy : policies) json.push_back({policy.schema, policy.table, policy.policy});
  return json;
}

std::vector<PolicyName> DecodePolicies(const Json& json) {
  std::vector<PolicyName> policies;
  for (const Json& policy : json) policies.push_back({policy.at(0), policy.at(1), policy.at(2)});
  return policies;
}

Json Encode(const Manifest& manifest) {
  return {{"version", kVersion},
          {"uid", manifest.identity.uid},
          {"generation", manifest.identity.generation},
          {"backup", manifest.identity.backup},
          {"database", manifest.database},
          {"owner_role", manifest.owner_role},
          {"reader_role", manifest.reader_role},
          {"create_time", absl::FormatTime(absl::RFC3339_full, manifest.create_time, absl::UTCTimeZone())},
          {"server_version", manifest.server_version},
          {"server_major", manifest.server_major},
          {"locale", manifest.locale},
          {"size_bytes", manifest.archive.size_bytes},
          {"sha256", manifest.archive.sha256},
          {"wrapped_key", absl::Base64Escape(manifest.wrapped_key)},
          {"content", Encode(manifest.content)},
          {"extensions", manifest.extensions},
          {"all_tables_publications", manifest.all_tables_publications},
          {"foreign_roles", manifest.foreign_roles},
          {"foreign_policies", Encode(manifest.foreign_policies)}};
}

absl::StatusOr<Manifest> Decode(const Json& json) {
  Manifest manifest{
      .identity = {.uid = json.at("uid"), .generation = json.at("generation"), .backup = json.at("backup")},
      .database = json.at("database"),
      .owner_role = json.at("owner_role"),
      .reader_role = json.at("reader_role"),
      .server_version = json.at("server_version"),
      .server_major = json.at("server_major"),
      .locale = json.at("locale"),
      .archive = {.size_bytes = json.at("size_bytes"), .sha256 = json.at("sha256")},
      .content = DecodeContent(json.at("content")),
      .extensions = json.at("extensions").get<std::vector<std::string>>(),
      .all_tables_publications = json.at("all_tables_publications").get<std::vector<std::string>>(),
      .foreign_roles = json.at("foreign_roles").get<std::vector<std::string>>(),
      .foreign_policies = DecodePolicies(json.at("foreign_policies"))};
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, json.at("create_time").get<std::string>(), &manifest.create_time,
                       &error) ||
      !absl::Base64Unescape(json.at("wrapped_key").get<std::string>(), &manifest.wrapped_key)) {
    return Damaged("a field is malformed");
  }
  return manifest;
}

absl::Status CheckVersion(const Json& json) {
  if (json.at("version").get<int64_t>() <= kVersion) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "the backup was made by a newer version of Croft; update this agent",
                   {.reason = "MANIFEST_NEWER"});
}

absl::StatusOr<Manifest> DecodeSealed(Json json, absl::string_view key) {
  CROFT_RETURN_IF_ERROR(CheckVersion(json));
  std::string seal;
  if (!absl::Base64Unescape(json.at("seal").get<std::string>(), &seal))
    return Damaged("its seal is malformed");
  json.erase("seal");
  const absl::StatusOr<std::string> digest = crypto::Open(key, seal, kSealContext);
  if (!digest.ok() || *digest != crypto::Sha256(Bytes(json))) {
    return Damaged("its seal is not of this backup's key");
  }
  return Decode(json);
}

}  // namespace

std::string ArchiveObject(absl::string_view uid, absl::string_view backup) {
  return absl::StrCat(uid, "/", backup, "/archive");
}
std::string ManifestObject(absl::string_view uid, absl::string_view backup) {
  return absl::StrCat(uid, "/", backup, "/manifest.json");
}
std::string KeyObject(absl::string_view uid) { return absl::StrCat(uid, "/key"); }

std::string EncodeManifest(const Manifest& manifest, absl::string_view key) {
  Json json = Encode(manifest);
  // Names can hold any bytes; what was replaced once stays as it is.
  json = Json::parse(Bytes(json));
  json["seal"] = absl::Base64Escape(crypto::Seal(key, crypto::Sha256(Bytes(json)), kSealContext));
  return json.dump(1) + "\n";
}

namespace {

template <typename Read>
absl::StatusOr<Manifest> Parse(absl::string_view text, const Read& read) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) return Damaged("it is no JSON");
  try {
    return read(std::move(json));
  } catch (const Json::exception&) {
    return Damaged("a field is missing or of another type");
  }
}

}  // namespace

absl::StatusOr<Manifest> DecodeManifest(absl::string_view text, absl::string_view key) {
  return Parse(text, [key](Json json) { return DecodeSealed(std::move(json), key); });
}

absl::StatusOr<Manifest> ReadUnprovenManifest(absl::string_view text) {
  return Parse(text, [](const Json& json) -> absl::StatusOr<Manifest> {
    CROFT_RETURN_IF_ERROR(CheckVersion(json));
    return Decode(json);
  });
}

}  // namespace croft::agent
