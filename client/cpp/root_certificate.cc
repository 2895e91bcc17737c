// Writes the authority of a placement to a file for libpq.

#include <string>

#include "common/crypto/hash.h"
#include "common/files.h"
#include "croft/placement.h"

namespace croft::client {
namespace {

// Of the digest; the file's name need not be secret, only the same for the same content.
constexpr size_t kNameBytes = 32;
constexpr size_t kMostBytes = 1 << 20;

std::string Quoted(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

absl::StatusOr<std::string> ConninfoWithRoot(const Placement& placement, const std::string& folder) {
  if (placement.root_certificate.empty()) return placement.conninfo;
  const std::string digest = crypto::Hex(crypto::Sha256(placement.root_certificate));
  const std::string path = folder + "/croft-root-" + digest.substr(0, kNameBytes) + ".crt";
  const absl::StatusOr<std::string> there = ReadSmallFile(path, kMostBytes);
  if (!there.ok() || *there != placement.root_certificate) {
    const absl::Status written =
        WriteFileDurably(path, placement.root_certificate, 0600, IfFileExists::kReplace);
    if (!written.ok()) return written;
  }
  return placement.conninfo + " sslrootcert=" + Quoted(path);
}

}  // namespace croft::client
