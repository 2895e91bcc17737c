#pragma once

#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

namespace croft::agent {

// Where an S3 store lies and how it is reached.
struct S3Address {
  std::string bucket;
  // Where wrapped keys lie; `bucket` when no other is named.
  std::string keys_bucket;
  // In front of every object's name: empty, or ending with a slash.
  std::string prefix;
  std::string scheme;     // http or https
  std::string authority;  // host, or host:port, without a bucket
  std::string region;
  // Buckets are the first part of the path (true) or of the host's name.
  bool path_style = false;
  // PEM file of the authorities that may sign the endpoint's certificate; the system's when empty.
  std::string ca_file;
  // In the form of ~/.aws/credentials; the environment or the instance gives credentials when empty.
  std::string credentials_file;
  std::string profile;
};

// Reads `s3://BUCKET/PREFIX?name=value&…` with the parameters endpoint, region, addressing (path or virtual), ca-file,
// credentials-file, profile and keys-bucket. INVALID_ARGUMENT says what is wrong. Plain http is for loopback only.
[[nodiscard]] absl::StatusOr<S3Address> ParseS3Address(absl::string_view url);

// The host to connect to for `bucket`, with its port if one was named: what is signed as Host.
[[nodiscard]] std::string HostFor(const S3Address& address, absl::string_view bucket);
// The URL of `key` in `bucket`, or of the bucket when `key` is empty. `query` is encoded and sorted already.
[[nodiscard]] std::string UrlFor(const S3Address& address, absl::string_view bucket, absl::string_view key,
                                 absl::string_view query);
// `text` with everything but A-Z, a-z, 0-9, `-`, `.`, `_` and `~` as %XX: what signatures are made over.
[[nodiscard]] std::string EncodeForQuery(absl::string_view text);

}  // namespace croft::agent
