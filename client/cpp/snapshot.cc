// Writes and reads the encrypted file of last known placements.

#include "client/cpp/snapshot.h"

#include <nlohmann/json.hpp>

#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/files.h"

namespace croft::client {
namespace {

using Json = nlohmann::json;

constexpr char kContext[] = "croft placement snapshot 1";
constexpr size_t kMaxBytes = size_t{1} << 30;

Json ToJson(const SnapshotFile::Entry& entry) {
  const Placement& p = entry.placement;
  return {{"tenant", p.tenant},
          {"uid", p.uid},
          {"generation", p.generation},
          {"host", p.host},
          {"port", p.port},
          {"database", p.database},
          {"user", p.user},
          {"password", p.password},
          {"sslmode", p.sslmode},
          {"root", p.root_certificate},
          {"conninfo", p.conninfo},
          {"uri", p.uri},
          {"settings", p.settings},
          {"features", p.features},
          {"closed_for_growth", p.closed_for_growth},
          {"epoch", p.epoch},
          {"revision", p.revision},
          {"aliases", entry.aliases}};
}

SnapshotFile::Entry FromJson(const Json& json) {
  SnapshotFile::Entry entry;
  Placement& p = entry.placement;
  p.tenant = json.at("tenant");
  p.uid = json.at("uid");
  p.generation = json.at("generation");
  p.host = json.at("host");
  p.port = json.at("port");
  p.database = json.at("database");
  p.user = json.at("user");
  p.password = json.at("password");
  p.sslmode = json.at("sslmode");
  p.root_certificate = json.at("root");
  p.conninfo = json.at("conninfo");
  p.uri = json.at("uri");
  p.settings = json.at("settings");
  p.features = json.at("features");
  p.closed_for_growth = json.value("closed_for_growth", false);  // earlier versions do not write it
  p.epoch = json.at("epoch");
  p.revision = json.at("revision");
  entry.aliases = json.at("aliases").get<std::vector<std::string>>();
  return entry;
}

}  // namespace

SnapshotFile::SnapshotFile(std::string path, const std::string& secret, const std::string& view)
    : path_(std::move(path)),
      key_(crypto::Sha256(std::string(kContext) + secret)),
      context_(std::string(kContext) + " " + view) {}

absl::Status SnapshotFile::Write(const std::vector<Entry>& entries) const {
  Json json = Json::array();
  for (const Entry& entry : entries) json.push_back(ToJson(entry));
  const std::string sealed =
      crypto::Seal(key_, json.dump(-1, ' ', false, Json::error_handler_t::replace), context_);
  return WriteFileDurably(path_, sealed, 0600, IfFileExists::kReplace);
}

absl::StatusOr<std::vector<SnapshotFile::Entry>> SnapshotFile::Read() const {
  CROFT_ASSIGN_OR_RETURN(const std::string sealed, ReadPrivateFile(path_, kMaxBytes));
  CROFT_ASSIGN_OR_RETURN(const std::string text, crypto::Open(key_, sealed, context_));
  std::vector<Entry> entries;
  try {
    for (const Json& one : Json::parse(text)) entries.push_back(FromJson(one));
  } catch (const Json::exception& error) {
    // Authentic, so written by another version of this library.
    return absl::DataLossError(std::string("the snapshot file is of another version: ") + error.what());
  }
  return entries;
}

}  // namespace croft::client
