// Sends the requests of S3, judges the answers, and tries again what another attempt can help.

#include "agent/store/s3_client.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <absl/time/clock.h>

#include "agent/store/s3_xml.h"
#include "common/crypto/hash.h"
#include "common/errors.h"
#include "common/log.h"

namespace croft::agent {
namespace {

constexpr size_t kMaxErrorBody = 64 << 10;
// Of a failure that lasts longer than this the log tells before the call ends.
constexpr int kAttemptsInSilence = 4;
constexpr absl::Duration kPauseSlice = absl::Milliseconds(50);
constexpr absl::Duration kLongestAskedPause = absl::Seconds(30);
// Servers refuse signatures that are older than a quarter of an hour.
constexpr int64_t kOffsetWorthALine = 300;
constexpr char kWriterHeader[] = "x-amz-meta-croft-writer";

template <size_t kCount>
bool IsOneOf(absl::string_view code, const char* const (&codes)[kCount]) {
  return std::any_of(std::begin(codes), std::end(codes), [&](const char* one) { return code == one; });
}

constexpr const char* kFull[] = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull",
                                 "EntityTooLarge"};
constexpr const char* kOldCredentials[] = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired",
                                           "InvalidToken", "InvalidAccessKeyId"};
// What went wrong on the way, so that another attempt may go well.
constexpr const char* kOnTheWay[] = {"SlowDown",       "RequestTimeout", "BadDigest",
                                     "IncompleteBody", "InternalError",  "XAmzContentSHA256Mismatch",
                                     "Throttling"};

std::string Describe(const S3Place& place) { return absl::StrCat("s3://", place.bucket, "/", place.key); }

// `bytes FIRST-LAST/SIZE`
struct ContentRange {
  int64_t first = 0;
  int64_t last = 0;
  int64_t size = 0;
};

bool ParseContentRange(absl::string_view text, ContentRange& range) {
  if (!absl::ConsumePrefix(&text, "bytes ")) return false;
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == absl::string_view::npos || slash == absl::string_view::npos || dash > slash) return false;
  return absl::SimpleAtoi(text.substr(0, dash), &range.first) &&
         absl::SimpleAtoi(text.substr(dash + 1, slash - dash - 1), &range.last) &&
         absl::SimpleAtoi(text.substr(slash + 1), &range.size);
}

absl::StatusOr<S3Block> BlockOf(HttpResponse response, const S3Place& place, int64_t offset, size_t size) {
  S3Block block{.bytes = std::move(response.body), .object_size = 0, .etag = response.Header("etag")};
  const auto length = static_cast<int64_t>(block.bytes.size());
  if (response.status == 200 && offset == 0) {
    block.object_size = length;
    return block;
  }
  ContentRange range;
  const bool sound = response.status == 206 && ParseContentRange(response.Header("content-range"), range) &&
                     range.first == offset && range.last - range.first + 1 == length &&
                     length == std::min(range.size - offset, static_cast<int64_t>(size));
  if (!sound) {
    return StoreUnreachable(absl::StrCat(Describe(place), " came in another length than was asked for"));
  }
  block.object_size = range.size;
  return block;
}

}  // namespace

S3Client::S3Client(const S3Address& address, Environment environment, const Clock& clock, Random& random,
                   const S3Timing& timing)
    : address_(address),
      clock_(clock),
      random_(random),
      timing_(timing),
      credentials_(address, std::move(environment), http_, clock) {
  http_.SetStallTime(timing.stall_time);
}

absl::StatusOr<HttpResponse> S3Client::SendOnce(const Call& call, const S3Credentials& credentials) {
  const absl::Time now = clock_.Now() + absl::Seconds(clock_offset_seconds_.load());
  HttpRequest request{
      .method = call.method,
      .url = UrlFor(address_, call.place.bucket, call.place.key, call.query),
      .headers = {absl::StrCat("Host: ", HostFor(address_, call.place.bucket)),
                  absl::StrCat("X-Amz-Content-Sha256: ", crypto::Hex(crypto::Sha256(call.body))),
                  absl::StrCat("X-Amz-Date: ",
                               absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()))},
      .body = call.body,
      .response_limit = std::max(call.response_limit, kMaxErrorBody),
      .region = address_.region,
      .access_key = credentials.access_key,
      .secret_key = credentials.secret_key,
      .ca_file = address_.ca_file,
      .cancelled = call.cancelled};
  if (call.method == "PUT" || call.method == "POST" || call.method == "DELETE") {
    request.headers.push_back("Content-Type: application/octet-stream");
  }
  if (!credentials.session_token.empty()) {
    request.headers.push_back(absl::StrCat("X-Amz-Security-Token: ", credentials.session_token));
  }
  request.headers.insert(request.headers.end(), call.headers.begin(), call.headers.end());
  return http_.Send(request);
}

absl::StatusOr<HttpResponse> S3Client::Send(const Call& call) {
  bool clock_set = false;
  std::optional<S3Credentials> refused;
  for (int attempt = 1;; ++attempt) {
    Failure failure;
    absl::StatusOr<S3Credentials> credentials = credentials_.Get();
    if (credentials.ok() && refused == *credentials) {
      return StoreUnreachable("the credentials have expired or are unknown to the server; renew them");
    }
    if (credentials.ok()) {
      absl::StatusOr<HttpResponse> response = SendOnce(call, *credentials);
      failure = Judge(call, response);
      if (failure.status.ok()) return response;
      if (failure.remedy == Remedy::kNewCredentials) {
        refused = *credentials;
        credentials_.Discard(credentials->access_key);
      } else if (failure.remedy == Remedy::kSetClock) {
        if (std::exchange(clock_set, true) || !SetClockBy(response)) return failure.status;
      }
    } else {
      failure = {.status = credentials.status(), .remedy = Remedy::kWait};
    }
    if (failure.remedy == Remedy::kNone || attempt >= timing_.attempts) return failure.status;
    if (attempt == kAttemptsInSilence) {
      log::Warning("the backup store is asked again", {{"error", log::Text(failure.status)}});
    }
    if (failure.remedy == Remedy::kWait && !Pause(attempt, failure.least_pause, call.cancelled)) {
      return failure.status;
    }
  }
}

S3Client::Failure S3Client::Judge(const Call& call, const absl::StatusOr<HttpResponse>& response) const {
  if (!response.ok()) {
    return {.status = StoreUnreachable(
                absl::StrCat(HostFor(address_, call.place.bucket), ": ", response.status().message())),
            .remedy = Remedy::kWait};
  }
  if (response->status >= 200 && response->status < 300) {
    // Joining parts can fail after the response has begun.
    if (call.method != "POST" || S3ErrorCode(response->body).empty()) return {};
  }
  return JudgeCode(call, *response);
}

S3Client::Failure S3Client::JudgeCode(const Call& call, const HttpResponse& response) const {
  const std::string code = S3ErrorCode(response.body);
  absl::Status unreachable =
      StoreUnreachable(absl::StrCat(call.method, " ", Describe(call.place), " was answered with ",
                                    response.status, code.empty() ? "" : " ", code));
  if (code == "NoSuchBucket") {
    return {.status = StoreUnreachable(absl::StrCat("there is no bucket ", call.place.bucket, " at ",
                                                    address_.authority, "; make it, or name another"))};
  }
  if (code == "NoSuchUpload") return {.status = absl::AbortedError("the upload is no more")};
  if (response.status == 404) return {.status = ObjectNotFound(call.place.key)};
  if (response.status == 416) return {.status = absl::OutOfRangeError("beyond the object's end")};
  if (response.status == 405 || response.status == 501 || code == "NotImplemented") {
    return {.status = absl::UnimplementedError(unreachable.message())};
  }
  if (response.status == 507 || IsOneOf(code, kFull)) return {.status = DiskFull(Describe(call.place))};
  if (code == "RequestTimeTooSkewed") {
    return {
        .status = StoreUnreachable("this machine's clock and the server's differ too much; set the clock"),
        .remedy = Remedy::kSetClock};
  }
  if (IsOneOf(code, kOldCredentials)) return {.status = unreachable, .remedy = Remedy::kNewCredentials};
  if (response.status < 500 && response.status != 429 && response.status >= 300 &&
      !IsOneOf(code, kOnTheWay)) {
    return {.status = std::move(unreachable)};
  }
  Failure again{.status = std::move(unreachable), .remedy = Remedy::kWait};
  int64_t seconds = 0;
  if (absl::SimpleAtoi(response.Header("retry-after"), &seconds) && seconds > 0) {
    again.least_pause = std::min(absl::Seconds(seconds), kLongestAskedPause);
  }
  return again;
}

bool S3Client::SetClockBy(const absl::StatusOr<HttpResponse>& response) {
  absl::Time server;
  std::string error;
  if (!response.ok() ||
      !absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", response->Header("date"), &server, &error)) {
    return false;
  }
  const int64_t offset = absl::ToInt64Seconds(server - clock_.Now());
  clock_offset_seconds_ = offset;
  if (std::abs(offset) > kOffsetWorthALine) {
    log::Warning("this machine's clock differs from the backup store's; set it",
                 {{"store_is_ahead_by_seconds", absl::StrCat(offset)}});
  }
  return true;
}

bool S3Client::Pause(int attempt, absl::Duration least, const std::atomic<bool>* cancelled) {
  const absl::Duration most =
      std::min(timing_.first_pause * (int64_t{1} << std::min(attempt - 1, 20)), timing_.longest_pause);
  uint32_t draw = 0;
  std::memcpy(&draw, random_.Bytes(sizeof draw).data(), sizeof draw);
  const absl::Time until = absl::Now() + std::max(least, most * (draw / 4294967296.0));
  while (absl::Now() < until) {
    if (cancelled != nullptr && cancelled->load()) return false;
    absl::SleepFor(std::min(kPauseSlice, until - absl::Now()));
  }
  return true;
}

absl::Status S3Client::Put(const S3Place& place, absl::string_view body) {
  return Send({.method = "PUT", .place = place, .query = {}, .headers = {}, .body = body}).status();
}

absl::StatusOr<S3Block> S3Client::Get(const S3Place& place, int64_t offset, size_t size,
                                      const std::atomic<bool>* cancelled) {
  const std::string range =
      absl::StrCat("Range: bytes=", offset, "-", offset + static_cast<int64_t>(size) - 1);
  absl::StatusOr<HttpResponse> response = Send({.method = "GET",
                                                .place = place,
                                                .query = {},
                                                .headers = {range},
                                                .body = {},
                                                .response_limit = size,
                                                .cancelled = cancelled});
  if (absl::IsOutOfRange(response.status())) return S3Block{.bytes = {}, .object_size = offset, .etag = {}};
  CROFT_RETURN_IF_ERROR(response.status());
  return BlockOf(*std::move(response), place, offset, size);
}

absl::StatusOr<std::string> S3Client::WriterOf(const S3Place& place) {
  CROFT_ASSIGN_OR_RETURN(const HttpResponse response, Send({.method = "HEAD", .place = place}));
  return response.Header(kWriterHeader);
}

absl::Status S3Client::Delete(const S3Place& place) {
  const absl::Status status = Send({.method = "DELETE", .place = place}).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::StatusOr<std::vector<StoredObject>> S3Client::ListPages(const std::string& bucket,
                                                              const std::string& prefix, bool all) {
  std::vector<StoredObject> objects;
  for (;;) {
    std::string query =
        absl::StrCat("list-type=2", all ? "" : "&max-keys=10", "&prefix=", EncodeForQuery(prefix));
    if (!objects.empty()) absl::StrAppend(&query, "&start-after=", EncodeForQuery(objects.back().name));
    CROFT_ASSIGN_OR_RETURN(const HttpResponse response,
                           Send({.method = "GET", .place = {bucket, ""}, .query = query}));
    CROFT_ASSIGN_OR_RETURN(S3Listing page, ParseListing(response.body));
    // A server that does not know `start-after` would give the first page for ever.
    if (!objects.empty() && !page.objects.empty() && page.objects.front().name <= objects.back().name) {
      return StoreUnreachable("the server's listing does not go on where it was asked to");
    }
    std::move(page.objects.begin(), page.objects.end(), std::back_inserter(objects));
    if (!page.truncated || !all) return objects;
  }
}

absl::StatusOr<std::vector<StoredObject>> S3Client::List(const std::string& bucket,
                                                         const std::string& prefix) {
  return ListPages(bucket, prefix, true);
}

absl::StatusOr<std::vector<StoredObject>> S3Client::ListSome(const std::string& bucket,
                                                             const std::string& prefix) {
  return ListPages(bucket, prefix, false);
}

absl::StatusOr<std::string> S3Client::CreateUpload(const S3Place& place, const std::string& writer) {
  CROFT_ASSIGN_OR_RETURN(const HttpResponse response,
                         Send({.method = "POST",
                               .place = place,
                               .query = "uploads=",
                               .headers = {absl::StrCat(kWriterHeader, ": ", writer)}}));
  return ParseUploadId(response.body);
}

absl::StatusOr<std::string> S3Client::UploadPart(const S3Place& place, const std::string& upload,
                                                 size_t part, absl::string_view body,
                                                 const std::atomic<bool>* cancelled) {
  CROFT_ASSIGN_OR_RETURN(
      const HttpResponse response,
      Send({.method = "PUT",
            .place = place,
            .query = absl::StrCat("partNumber=", part, "&uploadId=", EncodeForQuery(upload)),
            .headers = {},
            .body = body,
            .cancelled = cancelled}));
  std::string etag = response.Header("etag");
  if (etag.empty()) return StoreUnreachable("the server took a part and named no ETag for it");
  return etag;
}

absl::Status S3Client::CompleteUpload(const S3Place& place, const std::string& upload,
                                      const std::string& writer, const std::vector<std::string>& etags) {
  const std::string body = CompleteUploadBody(etags);
  const absl::Status status = Send({.method = "POST",
                                    .place = place,
                                    .query = absl::StrCat("uploadId=", EncodeForQuery(upload)),
                                    .headers = {},
                                    .body = body})
                                  .status();
  if (status.ok()) return status;
  // An attempt whose response was lost may have joined the parts: then the object says whose it is.
  const absl::StatusOr<std::string> there = WriterOf(place);
  return there.ok() && *there == writer ? absl::OkStatus() : status;
}

absl::Status S3Client::AbortUpload(const S3Place& place, const std::string& upload) {
  const absl::Status status =
      Send({.method = "DELETE", .place = place, .query = absl::StrCat("uploadId=", EncodeForQuery(upload))})
          .status();
  const bool gone = absl::IsAborted(status) || absl::IsNotFound(status) || absl::IsUnimplemented(status);
  return gone ? absl::OkStatus() : status;
}

absl::StatusOr<bool> S3Client::IsVersioned(const std::string& bucket) {
  const absl::StatusOr<HttpResponse> response =
      Send({.method = "GET", .place = {bucket, ""}, .query = "versioning="});
  // What keeps no versions need not know the question.
  if (absl::IsUnimplemented(response.status())) return false;
  CROFT_RETURN_IF_ERROR(response.status());
  return ParseVersioned(response->body);
}

}  // namespace croft::agent
