#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/store/http_client.h"
#include "agent/store/s3_address.h"
#include "agent/store/s3_credentials.h"
#include "agent/store/store.h"
#include "common/clock.h"
#include "common/random.h"

namespace croft::agent {

// How long an S3 store waits for its server.
struct S3Timing {
  int attempts = 10;
  // The pause before the next attempt is random, at most this long, doubled with each attempt up to the longest.
  absl::Duration first_pause = absl::Milliseconds(100);
  absl::Duration longest_pause = absl::Seconds(10);
  // A transfer that moves less than 512 bytes a second for so long is cut, and tried again.
  absl::Duration stall_time = absl::Seconds(30);
  // Agents that make one store at the same moment wait so long for each other.
  absl::Duration settle_time = absl::Seconds(1);
};

// Where an object lies.
struct S3Place {
  std::string bucket;
  std::string key;
};

struct S3Block {
  std::string bytes;
  int64_t object_size = 0;
  std::string etag;
};

// The verbs of S3 that a store needs, each signed, and tried again while another attempt can help: after no or half a
// response, 5xx, 429 and SlowDown, expired credentials, a clock that is off. Then: NOT_FOUND (OBJECT_NOT_FOUND),
// ABORTED for an upload that is no more, RESOURCE_EXHAUSTED (DISK_FULL), UNIMPLEMENTED for what the server does not
// know, UNAVAILABLE (STORE_UNREACHABLE) for all else. `cancelled` may be null; see HttpRequest. Thread-safe.
class S3Client {
 public:
  S3Client(const S3Address& address, Environment environment, const Clock& clock, Random& random,
           const S3Timing& timing);

  absl::Status Put(const S3Place& place, absl::string_view body);
  // Up to `size` bytes from `offset`, which may be the object's end.
  absl::StatusOr<S3Block> Get(const S3Place& place, int64_t offset, size_t size,
                              const std::atomic<bool>* cancelled);
  // The value that CreateUpload was given for the object, or empty.
  absl::StatusOr<std::string> WriterOf(const S3Place& place);
  // OK when it is not there.
  absl::Status Delete(const S3Place& place);
  // All objects whose key begins so, by key.
  absl::StatusOr<std::vector<StoredObject>> List(const std::string& bucket, const std::string& prefix);
  // At most one page of them.
  absl::StatusOr<std::vector<StoredObject>> ListSome(const std::string& bucket, const std::string& prefix);

  // The id of an upload in parts. `writer` stays with the object.
  absl::StatusOr<std::string> CreateUpload(const S3Place& place, const std::string& writer);
  // The part's ETag. Parts count from 1.
  absl::StatusOr<std::string> UploadPart(const S3Place& place, const std::string& upload, size_t part,
                                         absl::string_view body, const std::atomic<bool>* cancelled);
  absl::Status CompleteUpload(const S3Place& place, const std::string& upload, const std::string& writer,
                              const std::vector<std::string>& etags);
  // OK when it is no more, or when the server cannot end one.
  absl::Status AbortUpload(const S3Place& place, const std::string& upload);

  // Whether the bucket keeps versions, or kept them once.
  absl::StatusOr<bool> IsVersioned(const std::string& bucket);

 private:
  struct Call {
    std::string method;
    S3Place place;
    std::string query;  // sorted, each name with its `=`
    std::vector<std::string> headers;
    absl::string_view body;
    size_t response_limit = 4 << 20;
    const std::atomic<bool>* cancelled = nullptr;
  };
  enum class Remedy { kNone, kWait, kNewCredentials, kSetClock };
  struct Failure {
    absl::Status status;
    Remedy remedy = Remedy::kNone;
    absl::Duration least_pause;
  };

  absl::StatusOr<HttpResponse> Send(const Call& call);
  absl::StatusOr<HttpResponse> SendOnce(const Call& call, const S3Credentials& credentials);
  Failure Judge(const Call& call, const absl::StatusOr<HttpResponse>& response) const;
  Failure JudgeCode(const Call& call, const HttpResponse& response) const;
  bool SetClockBy(const absl::StatusOr<HttpResponse>& response);
  absl::StatusOr<std::vector<StoredObject>> ListPages(const std::string& bucket, const std::string& prefix,
                                                      bool all);
  // Whether the pause was not cut short by `cancelled`.
  bool Pause(int attempt, absl::Duration least, const std::atomic<bool>* cancelled);

  const S3Address address_;
  const Clock& clock_;
  Random& random_;
  const S3Timing timing_;
  HttpClient http_;
  S3CredentialSource credentials_;
  // By how much the server's clock is ahead of this machine's.
  std::atomic<int64_t> clock_offset_seconds_{0};
};

}  // namespace croft::agent
