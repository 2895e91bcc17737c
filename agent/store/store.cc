// Names and errors that all backup stores share.

#include "agent/store/store.h"

#include <algorithm>
#include <iterator>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr size_t kMaxPart = 100;

bool IsPartCharacter(char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; }

bool IsPart(absl::string_view part) {
  return !part.empty() && part.size() <= kMaxPart && part.front() != '.' &&
         std::all_of(part.begin(), part.end(), IsPartCharacter);
}

}  // namespace

absl::Status Store::VisitTenants(
    const std::function<absl::Status(const std::vector<StoredObject>&)>& visit) {
  CROFT_ASSIGN_OR_RETURN(std::vector<StoredObject> objects, List(""));
  const auto owner = [](const StoredObject& object) {
    return absl::string_view(object.name).substr(0, object.name.find('/'));
  };
  for (auto first = objects.begin(); first != objects.end();) {
    const auto next = std::find_if(
        first, objects.end(), [&](const StoredObject& object) { return owner(object) != owner(*first); });
    const std::vector<StoredObject> of_one(std::make_move_iterator(first), std::make_move_iterator(next));
    CROFT_RETURN_IF_ERROR(visit(of_one));
    first = next;
  }
  return absl::OkStatus();
}

absl::Status CheckObjectName(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() >= 2 && parts.size() <= 4 && std::all_of(parts.begin(), parts.end(), IsPart)) {
    return absl::OkStatus();
  }
  return InvalidField("object",
                      absl::StrCat("`", name, "` is not the name of an object in a backup store"));
}

absl::Status CheckObjectOwner(absl::string_view uid) {
  if (IsPart(uid)) return absl::OkStatus();
  return InvalidField("uid", absl::StrCat("`", uid, "` is not the uid of a tenant"));
}

absl::Status WriteObject(Store& store, absl::string_view name, absl::string_view content) {
  CROFT_ASSIGN_OR_RETURN(const auto writer, store.Put(name, static_cast<int64_t>(content.size())));
  CROFT_RETURN_IF_ERROR(writer->Append(content));
  return writer->Commit();
}

absl::StatusOr<std::string> ReadObject(Store& store, absl::string_view name, size_t limit) {
  CROFT_ASSIGN_OR_RETURN(const auto reader, store.Get(name));
  // One byte over what is expected shows whether there is more.
  const size_t expected = std::min(limit, static_cast<size_t>(reader->size_bytes()));
  std::string content(expected + 1, '\0');
  size_t filled = 0;
  while (filled < content.size()) {
    CROFT_ASSIGN_OR_RETURN(const size_t got,
                           reader->Read(content.data() + filled, content.size() - filled));
    if (got == 0) break;
    filled += got;
  }
  if (filled > expected) {
    return MakeError(absl::StatusCode::kDataLoss, absl::StrCat(name, " is larger than it can be"),
                     {.reason = "OBJECT_TOO_LARGE", .metadata = {{"object", std::string(name)}}});
  }
  content.resize(filled);
  return content;
}

absl::Status DiskFull(absl::string_view where) {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("no room left in ", where, "; free some space or enlarge the disk"),
                   {.reason = "DISK_FULL", .metadata = {{"path", std::string(where)}}});
}

absl::Status StoreUnreachable(absl::string_view what) {
  return MakeError(absl::StatusCode::kUnavailable, absl::StrCat("the backup store cannot be used: ", what),
                   {.reason = "STORE_UNREACHABLE"});
}

absl::Status ObjectNotFound(absl::string_view name) {
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat(name, " is not in the backup store"),
                   {.reason = "OBJECT_NOT_FOUND", .metadata = {{"object", std::string(name)}}});
}

}  // namespace croft::agent
