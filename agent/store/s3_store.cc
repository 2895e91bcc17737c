// Keeps backups in a bucket of S3.

#include "agent/store/s3_store.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>

#include "agent/store/file_store.h"
#include "agent/store/s3_transfer.h"
#include "common/errors.h"
#include "common/ids.h"

namespace croft::agent {
namespace {

constexpr char kNotes[] = ".incoming/";
constexpr char kClaims[] = ".claims/";
constexpr size_t kMarkerLimit = 256;
// An agent whose server is slow waits longer for the others.
constexpr int kSettleRequests = 10;

// Of an object of two parts, such as a tenant's key, nothing may be left once it is deleted or replaced; of the others
// a bucket may keep former versions.
bool MustBeDestroyable(absl::string_view name) { return std::count(name.begin(), name.end(), '/') == 1; }

absl::Status KeysKeepVersions(const std::string& bucket) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("bucket ", bucket, " keeps former versions of objects, so a tenant's key could ",
                   "not be destroyed; name a bucket without versions with keys-bucket"),
      {.reason = "KEYS_KEEP_VERSIONS", .metadata = {{"bucket", bucket}}});
}

absl::Status NotAStore(absl::string_view where, absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat(where, " ", why),
                   {.reason = "NOT_A_STORE", .metadata = {{"path", std::string(where)}}});
}

bool NameComesFirst(const StoredObject& a, const StoredObject& b) { return a.name < b.name; }

class S3Store final : public Store {
 public:
  S3Store(S3Address address, Environment environment, const Clock& clock, Random& random,
          const S3Timing& timing)
      : address_(std::move(address)),
        random_(random),
        timing_(timing),
        client_(address_, std::move(environment), clock, random, timing) {}

  absl::Status Open() {
    CROFT_RETURN_IF_ERROR(CheckKeys());
    absl::StatusOr<std::string> id = ReadMarker();
    if (absl::IsNotFound(id.status())) id = MakeMarker();
    CROFT_RETURN_IF_ERROR(id.status());
    id_ = *std::move(id);
    return absl::OkStatus();
  }

  const std::string& id() const override { return id_; }

  absl::StatusOr<std::unique_ptr<ObjectWriter>> Put(absl::string_view name, int64_t size_hint) override {
    CROFT_RETURN_IF_ERROR(CheckObjectName(name));
    if (size_hint > MaxS3ObjectBytes()) return DiskFull(name);
    // The bucket's owner may have turned versions on since the store was opened.
    if (MustBeDestroyable(name)) CROFT_RETURN_IF_ERROR(CheckKeys());
    return NewS3Writer(client_, PlaceOf(name), NoteOf(name), NewId());
  }

  absl::StatusOr<std::unique_ptr<ObjectReader>> Get(absl::string_view name) override {
    CROFT_RETURN_IF_ERROR(CheckObjectName(name));
    absl::StatusOr<std::unique_ptr<ObjectReader>> reader = NewS3Reader(client_, PlaceOf(name));
    if (absl::IsNotFound(reader.status())) return ObjectNotFound(name);
    return reader;
  }

  absl::StatusOr<std::vector<StoredObject>> List(absl::string_view uid) override {
    std::string start = address_.prefix;
    if (!uid.empty()) {
      CROFT_RETURN_IF_ERROR(CheckObjectOwner(uid));
      absl::StrAppend(&start, uid, "/");
    }
    std::vector<StoredObject> objects;
    for (const std::string& bucket : Buckets()) {
      CROFT_ASSIGN_OR_RETURN(std::vector<StoredObject> found, client_.List(bucket, start));
      for (StoredObject& object : found) {
        object.name = std::string(absl::StripPrefix(object.name, address_.prefix));
        if (CheckObjectName(object.name).ok()) objects.push_back(std::move(object));
      }
    }
    std::sort(objects.begin(), objects.end(), NameComesFirst);
    const auto same_name = [](const StoredObject& a, const StoredObject& b) { return a.name == b.name; };
    objects.erase(std::unique(objects.begin(), objects.end(), same_name), objects.end());
    return objects;
  }

  absl::Status Delete(absl::string_view name) override {
    CROFT_RETURN_IF_ERROR(CheckObjectName(name));
    CROFT_RETURN_IF_ERROR(EndS3Writer(client_, PlaceOf(name), NoteOf(name)));
    return client_.Delete(PlaceOf(name));
  }

  absl::Status DeleteAll(absl::string_view uid) override {
    CROFT_RETURN_IF_ERROR(CheckObjectOwner(uid));
    // Writers first, so that none of them commits after its object was looked for.
    CROFT_RETURN_IF_ERROR(EndWriters(uid));
    for (const std::string& bucket : Buckets()) {
      // By its name, whatever a listing shows.
      CROFT_RETURN_IF_ERROR(client_.Delete({bucket, absl::StrCat(address_.prefix, uid, "/key")}));
      const std::string start = absl::StrCat(address_.prefix, uid, "/");
      CROFT_ASSIGN_OR_RETURN(const std::vector<StoredObject> found, client_.List(bucket, start));
      for (const StoredObject& object : found) {
        CROFT_RETURN_IF_ERROR(client_.Delete({bucket, object.name}));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> FreeBytes() override { return MaxS3ObjectBytes(); }

 private:
  std::string NewId() { return UidFrom(random_.Bytes(16)); }

  std::string Where() const { return absl::StrCat("s3://", address_.bucket, "/", address_.prefix); }

  S3Place PlaceOf(absl::string_view name) const {
    return {MustBeDestroyable(name) ? address_.keys_bucket : address_.bucket,
            absl::StrCat(address_.prefix, name)};
  }

  S3Place NoteOf(absl::string_view name) const {
    return {address_.bucket, absl::StrCat(address_.prefix, kNotes, name)};
  }

  S3Place Marker() const { return {address_.bucket, absl::StrCat(address_.prefix, kStoreMarker)}; }

  std::vector<std::string> Buckets() const {
    if (address_.bucket == address_.keys_bucket) return {address_.bucket};
    return {address_.bucket, address_.keys_bucket};
  }

  absl::Status CheckKeys() {
    CROFT_ASSIGN_OR_RETURN(const bool versioned, client_.IsVersioned(address_.keys_bucket));
    return versioned ? KeysKeepVersions(address_.keys_bucket) : absl::OkStatus();
  }

  absl::Status EndWriters(absl::string_view uid) {
    const std::string start = absl::StrCat(address_.prefix, kNotes);
    CROFT_ASSIGN_OR_RETURN(const std::vector<StoredObject> notes,
                           client_.List(address_.bucket, absl::StrCat(start, uid, "/")));
    for (const StoredObject& note : notes) {
      const absl::string_view name = absl::StripPrefix(note.name, start);
      if (!CheckObjectName(name).ok()) continue;
      CROFT_RETURN_IF_ERROR(EndS3Writer(client_, PlaceOf(name), NoteOf(name)));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadMarker() {
    CROFT_ASSIGN_OR_RETURN(const S3Block block, client_.Get(Marker(), 0, kMarkerLimit, nullptr));
    const absl::string_view id = absl::StripAsciiWhitespace(block.bytes);
    if (CheckObjectOwner(id).ok()) return std::string(id);
    return NotAStore(absl::StrCat(Where(), kStoreMarker),
                     "does not hold the id of a backup store; restore it from another copy");
  }

  absl::Status RefuseForeignContent() {
    CROFT_ASSIGN_OR_RETURN(const std::vector<StoredObject> found,
                           client_.ListSome(address_.bucket, address_.prefix));
    for (const StoredObject& object : found) {
      const absl::string_view name = absl::StripPrefix(object.name, address_.prefix);
      // Another agent may be making the store at the same moment.
      if (absl::StartsWith(name, kClaims) || absl::StartsWith(name, kNotes) || name == kStoreMarker)
        continue;
      return NotAStore(Where(), absl::StrCat("holds other objects and no ", kStoreMarker,
                                             "; name an empty prefix for backups"));
    }
    return absl::OkStatus();
  }

  // S3 cannot create an object only where there is none on every server, so agents that come at once settle it among
  // themselves: each writes a claim, waits for the others' to appear, and takes the least. Who comes later than that
  // finds the marker.
  absl::StatusOr<std::string> MakeMarker() {
    const absl::Status foreign = RefuseForeignContent();
    if (!foreign.ok()) {
      // Unless another agent has made it a store, and used it, since the first look.
      absl::StatusOr<std::string> made = ReadMarker();
      if (absl::IsNotFound(made.status())) return foreign;
      return made;
    }
    const std::string claims = absl::StrCat(address_.prefix, kClaims);
    const std::string own = absl::StrCat("store-", NewId());
    const absl::Time begun = absl::Now();
    CROFT_RETURN_IF_ERROR(client_.Put({address_.bucket, claims + own}, own));
    absl::SleepFor(std::max(timing_.settle_time, kSettleRequests * (absl::Now() - begun)));
    CROFT_ASSIGN_OR_RETURN(const std::vector<StoredObject> found, client_.List(address_.bucket, claims));
    absl::StatusOr<std::string> id = ReadMarker();
    if (absl::IsNotFound(id.status())) {
      std::string least = own;
      for (const StoredObject& claim : found) {
        least = std::min(least, std::string(absl::StripPrefix(claim.name, claims)));
      }
      CROFT_RETURN_IF_ERROR(client_.Put(Marker(), least + "\n"));
      id = ReadMarker();
    }
    CROFT_RETURN_IF_ERROR(id.status());
    CROFT_RETURN_IF_ERROR(client_.Delete({address_.bucket, claims + own}));
    return id;
  }

  const S3Address address_;
  Random& random_;
  const S3Timing timing_;
  S3Client client_;
  std::string id_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenS3Store(const S3Address& address, Environment environment,
                                                   const Clock& clock, Random& random,
                                                   const S3Timing& timing) {
  auto store = std::make_unique<S3Store>(address, std::move(environment), clock, random, timing);
  CROFT_RETURN_IF_ERROR(store->Open());
  return store;
}

}  // namespace croft::agent
