#include <string>

#include "agent/backup/archive.h"
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
  manifest.facts.locale.collate = pieces.Text();
  manifest.facts.extensions.push_back(
      {.name = pieces.Text(), .version = pieces.Text(), .schema = pieces.Text()});
  manifest.facts.settings.push_back({.role = pieces.Text(), .name = pieces.Text(), .value = pieces.Text()});
  manifest.not_dumped.push_back({.object = pieces.Text(), .postgres_message = pieces.Text()});
  manifest.findings.push_back({.severity = agent::Severity::kMissing, .reason = pieces.Text()});
  return manifest;
}

}  // namespace

void Manifests(absl::string_view bytes) {
  // Off a disk: nobody without the key made it.
  const auto decoded = agent::DecodeManifest(bytes, Key());
  Check(!decoded.ok(), "no manifest can be made up");
  // Nor does reading one without its key trust it; the inventory does that.
  agent::ReadUnprovenManifest(bytes).status().IgnoreError();
  // One that was written comes back, and not with a byte changed.
  Pieces pieces(bytes);
  const size_t at = static_cast<uint16_t>(pieces.Number());
  std::string json = agent::EncodeManifest(ManifestOf(pieces), Key());
  Check(agent::DecodeManifest(json, Key()).ok(), "a manifest comes back");
  const char before = json[at % json.size()];
  json[at % json.size()] = static_cast<char>(before ^ 1);
  if (agent::DecodeManifest(json, Key()).ok()) {
    // JSON may be laid out otherwise and say the same.
    Check(before == ' ' || before == '\n' || before == '!', "a changed manifest is refused");
  }
}

void Archives(absl::string_view bytes) {
  agent::MemoryReader object{std::string(bytes)};
  const auto read = agent::ReadArchive(object, Key(), {.uid = "u", .generation = 1, .backup = "b"},
                                       [](absl::string_view) { return absl::OkStatus(); });
  Check(!read.ok(), "no archive can be made up");
}

}  // namespace croft::fuzz
