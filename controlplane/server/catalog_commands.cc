// The command restore-catalog of croftd.

#include "controlplane/server/catalog_commands.h"

#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/files.h"
#include "controlplane/catalog/sqlite/catalog_copy.h"
#include "controlplane/catalog/sqlite/meta.h"
#include "controlplane/server/counted.h"

namespace croft::server {
namespace {

constexpr size_t kMaxDigestBytes = 4096;
constexpr size_t kDigestLetters = 64;

// From a file as sha256sum writes it. Empty where there is none.
absl::StatusOr<std::string> DigestBeside(const std::string& file) {
  const std::string path = absl::StrCat(file, ".sha256");
  const absl::StatusOr<std::string> text = ReadSmallFile(path, kMaxDigestBytes);
  if (absl::IsNotFound(text.status())) return std::string();
  if (!text.ok()) return text.status();
  const std::vector<std::string> words = absl::StrSplit(*text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  if (!words.empty() && words.front().size() == kDigestLetters) return words.front();
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(path, " does not begin with a SHA-256; fix it, or name the digest with --sha256"),
      {.reason = "DIGEST_UNREADABLE", .metadata = {{"path", path}}});
}

}  // namespace

absl::StatusOr<std::string> RestoreCatalog(const StateDirectory& state, const std::string& file,
                                           const std::string& sha256) {
  CROFT_RETURN_IF_ERROR(CheckStateDirectory(state));
  std::string wanted = sha256;
  if (wanted.empty()) {
    CROFT_ASSIGN_OR_RETURN(wanted, DigestBeside(file));
  }
  CROFT_ASSIGN_OR_RETURN(
      const catalog::RestoredCatalog restored,
      catalog::RestoreCatalog(
          state.catalog,
          {.copy = file, .sha256 = wanted, .machine_id = catalog::ReadMachineId(), .now = absl::Now()}));
  std::string summary =
      absl::StrCat("restored ", file, ", revision ", restored.copied.epoch, ".", restored.copied.revision,
                   ": ", Counted(restored.tenants, "tenant"), " on ", Counted(restored.hosts, "host"),
                   "; the epoch is ", restored.epoch, " now\n");
  if (wanted.empty()) absl::StrAppend(&summary, "its digest was not known, so it was not compared\n");
  if (restored.operations > 0)
    absl::StrAppend(&summary, restored.operations,
                    " operations that were under way in it have ended as failed\n");
  if (!restored.set_aside.empty())
    absl::StrAppend(&summary, "the catalog that was there is ", restored.set_aside, " now\n");
  return absl::StrCat(
      summary,
      "start croftd serve: each host is used again once its agent has shown what it holds; then see "
      "croftctl admin check-fleet\n");
}

}  // namespace croft::server
