#include "tests/sim/world.h"

#include <filesystem>

#include <absl/strings/str_format.h>

#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/ids.h"

namespace croft::sim {
namespace {

constexpr size_t kEntropy = 16;

}  // namespace

std::string SignatureOf(absl::string_view text) {
  return crypto::Sha256(absl::StrCat("the control plane's key ", text));
}

World::World(uint64_t seed_of_run, const std::string& folder, bool keep_history, absl::Time start)
    : seed(seed_of_run),
      dice(seed_of_run),
      scheduler(start),
      keyring(keyring::Keyring::Generate(dice)),
      directory(folder),
      keep_history_(keep_history),
      start_(start) {
  UseTimeOf(&scheduler);
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  keys = *keyring::KeyStore::Open(absl::StrCat(directory, "/keys.db"), keyring, dice);
}

World::~World() {
  keys.reset();
  std::filesystem::remove_all(directory);
}

std::string World::NewOperationId() { return OperationIdFrom(dice.Bytes(kEntropy)); }

void World::Renumber(const std::string& uid, int64_t from, int64_t to) {
  Say("generation ", from, " of ", uid, " is generation ", to);
  bases[{uid, to}] = bases[{uid, from}];
  acknowledged[{uid, to}] = acknowledged[{uid, from}];
  tried[{uid, to}] = tried[{uid, from}];
}

engine::PreparedBackup World::PrepareBackup(const std::string& uid) {
  engine::PreparedBackup backup{.id = BackupIdFrom(scheduler.Now(), dice.Bytes(kEntropy)),
                                .tenant_uid = uid};
  std::string key = absl::StrCat(kCanary, dice.Bytes(crypto::kKeyBytes));
  key.resize(crypto::kKeyBytes);
  const auto wrapped = keys->WrapBackupKey(uid, key);
  if (wrapped.ok()) backup.wrapped_key = *wrapped;
  return backup;
}

void World::Line(const std::string& text) {
  const std::string line =
      absl::StrFormat("%12.6f %s", absl::ToDoubleSeconds(scheduler.Now() - start_), text);
  for (const char c : line) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  ++lines;
  if (keep_history_) history.push_back(line);
}

void World::Violate(int invariant, const std::string& what) {
  if (violated()) return;
  violation = absl::StrCat("invariant ", invariant, ": ", what);
  Line(violation);
}

}  // namespace croft::sim
