#include <map>
#include <string>

#include <absl/strings/match.h>

#include "agent/backup/archive.h"
#include "agent/backup/archive_grants.h"
#include "agent/backup/archive_list.h"
#include "agent/backup/manifest.h"
#include "tests/agent/backup/memory_object.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

const std::string& Key() {
  static const std::string key(32, 'k');
  return key;
}

agent::Manifest ManifestOf(Pieces& pieces) {
  agent::Manifest manifest;
  manifest.identity = {.uid = pieces.Text(), .generation = pieces.Number(), .backup = pieces.Text()};
  manifest.database = pieces.Text();
  manifest.owner_role = pieces.Text();
  manifest.locale = pieces.Text();
  manifest.content.tables.push_back({.schema = pieces.Text(), .name = pieces.Text()});
  manifest.foreign_policies.push_back({pieces.Text(), pieces.Text(), pieces.Text()});
  manifest.all_tables_publications = {pieces.Text()};
  return manifest;
}

}  // namespace

void Manifests(absl::string_view bytes) {
  // Off a disk: nobody without the key made it.
  const auto decoded = agent::DecodeManifest(bytes, Key());
  Promise(!decoded.ok(), "no manifest can be made up");
  // One that was written comes back, and not with a byte changed.
  Pieces pieces(bytes);
  const size_t at = static_cast<uint16_t>(pieces.Number());
  std::string json = agent::EncodeManifest(ManifestOf(pieces), Key());
  Promise(agent::DecodeManifest(json, Key()).ok(), "a manifest comes back");
  const char before = json[at % json.size()];
  json[at % json.size()] = static_cast<char>(before ^ 1);
  if (agent::DecodeManifest(json, Key()).ok()) {
    // JSON may be laid out otherwise and say the same.
    Promise(before == ' ' || before == '\n' || before == '!', "a changed manifest is refused");
  }
}

void Archives(absl::string_view bytes) {
  agent::MemoryReader object{std::string(bytes)};
  const auto read = agent::ReadArchive(object, Key(), {.uid = "u", .generation = 1, .backup = "b"},
                                       [](absl::string_view) { return absl::OkStatus(); });
  Promise(!read.ok(), "no archive can be made up");
}

void ArchiveLists(absl::string_view bytes) {
  Pieces pieces(bytes);
  const agent::Manifest manifest = ManifestOf(pieces);
  const std::string text = pieces.Rest();
  const agent::RestoreLists lists = agent::PartList(text, manifest);
  Promise(lists.contents.find("EVENT TRIGGER ") == std::string::npos ||
              text.find("EVENT TRIGGER ") != std::string::npos,
          "nothing is added to a list");
  const std::map<std::string, std::string> names = {{"t_old", "t_new"}};
  for (const agent::GrantStatement& grant : agent::ReadGrants(text, names)) {
    const auto begins = [&](absl::string_view word) { return absl::StartsWith(grant.text, word); };
    Promise(begins("GRANT ") || begins("REVOKE ") || begins("ALTER DEFAULT PRIVILEGES "),
            "only grants are taken from a script");
    Promise(grant.grantee != "t_old", "old names are replaced");
  }
}

}  // namespace croft::fuzz
