// Reads s3:// URLs, and makes URLs of requests.

#include "agent/store/s3_address.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

absl::Status Wrong(absl::string_view what) { return InvalidField("store", what); }

bool IsUnreserved(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

// The rules of AWS for new buckets: a bucket is also a part of a host's name.
bool IsBucket(absl::string_view name) {
  return name.size() >= 3 && name.size() <= 63 && absl::ascii_isalnum(name.front()) &&
         absl::ascii_isalnum(name.back()) && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.';
         });
}

bool IsPrefix(absl::string_view prefix) {
  for (const absl::string_view part : absl::StrSplit(prefix, '/')) {
    if (part.empty() || part.front() == '.' || !std::all_of(part.begin(), part.end(), IsUnreserved)) {
      return false;
    }
  }
  return true;
}

bool IsLoopback(absl::string_view authority) {
  const absl::string_view host = authority.substr(0, authority.rfind(':'));
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]" ||
         absl::EndsWith(host, ".localhost");
}

absl::Status SetEndpoint(absl::string_view url, S3Address& address) {
  absl::string_view rest = url;
  if (absl::ConsumePrefix(&rest, "https://")) {
    address.scheme = "https";
  } else if (absl::ConsumePrefix(&rest, "http://")) {
    address.scheme = "http";
  } else {
    return Wrong(absl::StrCat("endpoint `", url, "` does not begin with https://"));
  }
  absl::ConsumeSuffix(&rest, "/");
  if (rest.empty() || rest.find_first_of("/?#@ ") != absl::string_view::npos) {
    return Wrong(absl::StrCat("endpoint `", url, "` is not of the form https://HOST:PORT"));
  }
  if (address.scheme == "http" && !IsLoopback(rest)) {
    return Wrong(absl::StrCat("endpoint `", url, "` is not encrypted; use https"));
  }
  address.authority = absl::AsciiStrToLower(rest);
  return absl::OkStatus();
}

absl::Status SetParameter(absl::string_view name, absl::string_view value, S3Address& address) {
  if (value.empty()) return Wrong(absl::StrCat("parameter ", name, " has no value"));
  if (name == "endpoint") return SetEndpoint(value, address);
  if (name == "region") {
    if (!std::all_of(value.begin(), value.end(), IsUnreserved)) {
      return Wrong(absl::StrCat("`", value, "` is not a region"));
    }
    address.region = std::string(value);
  } else if (name == "addressing") {
    if (value != "path" && value != "virtual") return Wrong("addressing is either path or virtual");
    address.path_style = value == "path";
  } else if (name == "ca-file") {
    address.ca_file = std::string(value);
  } else if (name == "credentials-file") {
    address.credentials_file = std::string(value);
  } else if (name == "profile") {
    address.profile = std::string(value);
  } else if (name == "keys-bucket") {
    if (!IsBucket(value)) return Wrong(absl::StrCat("`", value, "` is not a name of a bucket"));
    address.keys_bucket = std::string(value);
  } else {
    return Wrong(absl::StrCat("a store has no parameter `", name,
                              "`; there are endpoint, region, addressing, ca-file, credentials-file, "
                              "profile and keys-bucket"));
  }
  return absl::OkStatus();
}

absl::Status SetParameters(absl::string_view query, S3Address& address) {
  for (const absl::string_view parameter : absl::StrSplit(query, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> part =
        absl::StrSplit(parameter, absl::MaxSplits('=', 1));
    CROFT_RETURN_IF_ERROR(SetParameter(part.first, part.second, address));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<S3Address> ParseS3Address(absl::string_view url) {
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "s3://")) {
    return Wrong(absl::StrCat("`", url, "` is not of the form s3://BUCKET/PREFIX"));
  }
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(rest, absl::MaxSplits('?', 1));
  const std::pair<absl::string_view, absl::string_view> place =
      absl::StrSplit(halves.first, absl::MaxSplits('/', 1));
  S3Address address{.bucket = std::string(place.first), .scheme = "https", .region = "us-east-1"};
  if (!IsBucket(address.bucket)) {
    return Wrong(absl::StrCat("`", address.bucket, "` is not a name of a bucket"));
  }
  const absl::string_view prefix = absl::StripSuffix(place.second, "/");
  if (!prefix.empty()) {
    if (!IsPrefix(prefix)) return Wrong(absl::StrCat("`", prefix, "` cannot be a prefix of names"));
    address.prefix = absl::StrCat(prefix, "/");
  }
  // An endpoint of one's own seldom has a name for each bucket.
  address.path_style = absl::StrContains(halves.second, "endpoint=");
  CROFT_RETURN_IF_ERROR(SetParameters(halves.second, address));
  if (address.authority.empty()) address.authority = absl::StrCat("s3.", address.region, ".amazonaws.com");
  if (address.keys_bucket.empty()) address.keys_bucket = address.bucket;
  if (address.profile.empty()) address.profile = "default";
  return address;
}

std::string HostFor(const S3Address& address, absl::string_view bucket) {
  if (address.path_style) return address.authority;
  return absl::StrCat(bucket, ".", address.authority);
}

std::string UrlFor(const S3Address& address, absl::string_view bucket, absl::string_view key,
                   absl::string_view query) {
  std::string url = absl::StrCat(address.scheme, "://", HostFor(address, bucket), "/");
  if (address.path_style) absl::StrAppend(&url, bucket, key.empty() ? "" : "/");
  absl::StrAppend(&url, key, query.empty() ? "" : "?", query);
  return url;
}

std::string EncodeForQuery(absl::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace croft::agent
