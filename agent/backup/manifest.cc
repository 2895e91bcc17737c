// Encodes, authenticates and reads the manifest that lies beside each archive.

#include "agent/backup/manifest.h"

#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "agent/backup/finding_json.h"
#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

using Json = nlohmann::json;

constexpr int64_t kVersion = 3;
// Of those that left no rows out: agents of the version before read them. Tables without rows would be damage to them.
constexpr int64_t kVersionWithAllRows = 2;
// Its manifests told of rows by queries of their own.
constexpr int64_t kOldVersion = 1;
constexpr char kSealContext[] = "croft-manifest";

absl::Status Damaged(absl::string_view what) {
  return MakeError(
      absl::StatusCode::kDataLoss,
      absl::StrCat("the backup's manifest is not the one that was made: ", what, "; use another backup"),
      {.reason = "MANIFEST_DAMAGED"});
}

// Keys are sorted and numbers whole, so the same manifest gives the same bytes.
std::string Bytes(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json Encode(const CatalogFacts& facts) {
  Json extensions = Json::array();
  for (const ExtensionFact& extension : facts.extensions) {
    extensions.push_back({{"name", extension.name},
                          {"version", extension.version},
                          {"schema", extension.schema},
                          {"members", extension.members}});
  }
  Json settings = Json::array();
  for (const SettingFact& setting : facts.settings) {
    settings.push_back({{"role", setting.role},
                        {"read_only_login", setting.read_only_login},
                        {"in_database", setting.in_database},
                        {"name", setting.name},
                        {"value", setting.value}});
  }
  return {{"extensions", std::move(extensions)},
          {"settings", std::move(settings)},
          {"encoding", facts.locale.encoding},
          {"locale_provider", facts.locale.provider},
          {"ctype", facts.locale.ctype},
          {"icu_locale", facts.locale.icu_locale},
          {"collation_version", facts.locale.collation_version},
          {"database_bytes", facts.database_bytes},
          {"table_count", facts.table_count}};
}

void Decode(const Json& json, CatalogFacts& facts) {
  for (const Json& extension : json.at("extensions")) {
    facts.extensions.push_back({.name = extension.at("name"),
                                .version = extension.at("version"),
                                .schema = extension.at("schema"),
                                .members = extension.at("members").get<std::vector<std::string>>()});
  }
  for (const Json& setting : json.at("settings")) {
    facts.settings.push_back({.role = setting.at("role"),
                              .read_only_login = setting.at("read_only_login"),
                              .in_database = setting.at("in_database"),
                              .name = setting.at("name"),
                              .value = setting.at("value")});
  }
  facts.locale.encoding = json.at("encoding");
  facts.locale.provider = json.at("locale_provider");
  facts.locale.ctype = json.at("ctype");
  facts.locale.icu_locale = json.at("icu_locale");
  facts.locale.collation_version = json.at("collation_version");
  facts.database_bytes = json.at("database_bytes");
  facts.table_count = json.at("table_count");
}

Json EncodeTables(const std::vector<QualifiedName>& tables) {
  Json json = Json::array();
  for (const QualifiedName& table : tables)
    json.push_back({{"schema", table.schema}, {"table", table.name}});
  return json;
}

void DecodeTables(const Json& json, std::vector<QualifiedName>& tables) {
  for (const Json& table : json) tables.push_back({table.at("schema"), table.at("table")});
}

Json Encode(const Manifest& manifest) {
  Json json = {
      {"version", kVersionWithAllRows},
      {"uid", manifest.identity.uid},
      {"generation", manifest.identity.generation},
      {"backup", manifest.identity.backup},
      {"database", manifest.database},
      {"owner_role", manifest.owner_role},
      {"reader_role", manifest.reader_role},
      {"create_time", absl::FormatTime(absl::RFC3339_full, manifest.create_time, absl::UTCTimeZone())},
      {"server_version", manifest.facts.server_version},
      {"server_major", manifest.facts.server_major},
      {"locale", manifest.facts.locale.collate},
      {"size_bytes", manifest.archive.size_bytes},
      {"sha256", manifest.archive.sha256},
      {"wrapped_key", absl::Base64Escape(manifest.wrapped_key)},
      {"table_count", manifest.table_count},
      {"row_count", manifest.row_count},
      {"facts", Encode(manifest.facts)},
      {"not_dumped", EncodeFindings(manifest.not_dumped)},
      {"findings", EncodeFindings(manifest.findings)}};
  if (!manifest.without_rows.empty()) {
    json["version"] = kVersion;
    json["without_rows"] = EncodeTables(manifest.without_rows);
  }
  return json;
}

// What only the version before wrote.
void DecodeOld(const Json& json, Manifest& manifest) {
  manifest.old = true;
  for (const std::string name : json.at("extensions")) manifest.facts.extensions.push_back({.name = name});
  for (const Json& table : json.at("content").at("tables")) {
    ++manifest.table_count;
    manifest.row_count += table.at("rows").get<int64_t>();
  }
}

absl::StatusOr<Manifest> Decode(const Json& json) {
  Manifest manifest{
      .identity = {.uid = json.at("uid"), .generation = json.at("generation"), .backup = json.at("backup")},
      .database = json.at("database"),
      .owner_role = json.at("owner_role"),
      .reader_role = json.at("reader_role"),
      .archive = {.size_bytes = json.at("size_bytes"), .sha256 = json.at("sha256")}};
  manifest.facts.server_version = json.at("server_version");
  manifest.facts.server_major = json.at("server_major");
  manifest.facts.locale.collate = json.at("locale");
  if (json.at("version").get<int64_t>() <= kOldVersion) {
    DecodeOld(json, manifest);
  } else {
    manifest.table_count = json.at("table_count");
    manifest.row_count = json.at("row_count");
    Decode(json.at("facts"), manifest.facts);
    manifest.not_dumped = DecodeFindings(json.at("not_dumped"));
    manifest.findings = DecodeFindings(json.at("findings"));
    if (const auto tables = json.find("without_rows"); tables != json.end())
      DecodeTables(*tables, manifest.without_rows);
  }
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
