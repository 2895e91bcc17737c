#pragma once

#include <functional>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "agent/store/http_client.h"
#include "agent/store/s3_address.h"
#include "common/clock.h"
#include "common/sync.h"

namespace croft::agent {

struct S3Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty for keys that last
  absl::Time expire_time = absl::InfiniteFuture();

  friend bool operator==(const S3Credentials&, const S3Credentials&) = default;
};

// Value of an environment variable, or empty.
using Environment = std::function<std::string(const char* name)>;

// Finds credentials where the first of these gives a place to look, and gets new ones before they expire:
//   credentials-file of the address, in the form of ~/.aws/credentials, private to the agent's user;
//   AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY and perhaps AWS_SESSION_TOKEN;
//   AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN, at the STS of the region or at AWS_ENDPOINT_URL_STS;
//   AWS_CONTAINER_CREDENTIALS_FULL_URI with AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
//   the instance's metadata (IMDSv2), at AWS_EC2_METADATA_SERVICE_ENDPOINT if it is set.
// Errors are UNAVAILABLE (STORE_UNREACHABLE) and hold no secret. Thread-safe.
class S3CredentialSource {
 public:
  S3CredentialSource(const S3Address& address, Environment environment, HttpClient& http,
                     const Clock& clock);

  absl::StatusOr<S3Credentials> Get();
  // The server took those for expired or unknown: the next Get looks again.
  void Discard(absl::string_view access_key);

 private:
  absl::StatusOr<S3Credentials> Load();
  absl::StatusOr<S3Credentials> FromFile();
  absl::StatusOr<S3Credentials> FromEnvironment();
  absl::StatusOr<S3Credentials> FromWebIdentity();
  absl::StatusOr<S3Credentials> FromContainer();
  absl::StatusOr<S3Credentials> FromInstance();
  absl::StatusOr<std::string> Fetch(const HttpRequest& request);

  const S3Address address_;
  const Environment environment_;
  HttpClient& http_;
  const Clock& clock_;
  Mutex mutex_;
  S3Credentials current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::agent
