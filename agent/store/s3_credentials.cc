// Finds credentials for S3 and renews them.

#include "agent/store/s3_credentials.h"

#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <nlohmann/json.hpp>

#include "agent/store/s3_xml.h"
#include "agent/store/store.h"
#include "common/errors.h"
#include "common/files.h"

namespace croft::agent {
namespace {

constexpr size_t kMaxFile = 64 << 10;
// Credentials with less life left are replaced.
constexpr absl::Duration kRenewBefore = absl::Minutes(5);
constexpr char kInstanceEndpoint[] = "http://169.254.169.254";

absl::Status NoCredentials(absl::string_view why) {
  return StoreUnreachable(absl::StrCat("no credentials: ", why));
}

absl::StatusOr<absl::Time> ParseExpiry(const std::string& text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  return NoCredentials("the time of expiry cannot be read");
}

// What AWS's metadata services answer with.
absl::StatusOr<S3Credentials> ParseJson(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  const auto field = [&json](const char* name) -> std::string {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  if (!json.is_object()) return NoCredentials("the metadata service's answer cannot be read");
  S3Credentials credentials{.access_key = field("AccessKeyId"),
                            .secret_key = field("SecretAccessKey"),
                            .session_token = field("Token")};
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return NoCredentials("the metadata service's answer holds none");
  }
  CROFT_ASSIGN_OR_RETURN(credentials.expire_time, ParseExpiry(field("Expiration")));
  return credentials;
}

void SetField(absl::string_view line, S3Credentials& credentials) {
  const std::pair<absl::string_view, absl::string_view> part =
      absl::StrSplit(line, absl::MaxSplits('=', 1));
  const absl::string_view name = absl::StripAsciiWhitespace(part.first);
  const std::string value(absl::StripAsciiWhitespace(part.second));
  if (name == "aws_access_key_id") credentials.access_key = value;
  if (name == "aws_secret_access_key") credentials.secret_key = value;
  if (name == "aws_session_token") credentials.session_token = value;
}

}  // namespace

S3CredentialSource::S3CredentialSource(const S3Address& address, Environment environment, HttpClient& http,
                                       const Clock& clock)
    : address_(address), environment_(std::move(environment)), http_(http), clock_(clock) {}

absl::StatusOr<S3Credentials> S3CredentialSource::Get() {
  const MutexLock lock(mutex_);
  if (current_.access_key.empty() || current_.expire_time - clock_.Now() < kRenewBefore) {
    absl::StatusOr<S3Credentials> loaded = Load();
    // What is still good for a while is better than nothing.
    if (!loaded.ok() && current_.expire_time > clock_.Now() && !current_.access_key.empty())
      return current_;
    CROFT_RETURN_IF_ERROR(loaded.status());
    current_ = *std::move(loaded);
  }
  return current_;
}

void S3CredentialSource::Discard(absl::string_view access_key) {
  const MutexLock lock(mutex_);
  if (current_.access_key == access_key) current_ = {};
}

absl::StatusOr<S3Credentials> S3CredentialSource::Load() {
  if (!address_.credentials_file.empty()) return FromFile();
  if (!environment_("AWS_ACCESS_KEY_ID").empty()) return FromEnvironment();
  if (!environment_("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) return FromWebIdentity();
  if (!environment_("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty()) return FromContainer();
  return FromInstance();
}

absl::StatusOr<S3Credentials> S3CredentialSource::FromFile() {
  const absl::StatusOr<std::string> text = ReadPrivateFile(address_.credentials_file, kMaxFile);
  if (!text.ok()) return NoCredentials(text.status().message());
  S3Credentials credentials;
  const std::string wanted = absl::StrCat("[", address_.profile, "]");
  bool inside = false;
  for (const absl::string_view raw : absl::StrSplit(*text, '\n')) {
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (absl::StartsWith(line, "[")) inside = line == wanted;
    if (inside && !absl::StartsWith(line, "#")) SetField(line, credentials);
  }
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return NoCredentials(absl::StrCat(address_.credentials_file, " has no aws_access_key_id and ",
                                      "aws_secret_access_key under ", wanted));
  }
  return credentials;
}

absl::StatusOr<S3Credentials> S3CredentialSource::FromEnvironment() {
  S3Credentials credentials{.access_key = environment_("AWS_ACCESS_KEY_ID"),
                            .secret_key = environment_("AWS_SECRET_ACCESS_KEY"),
                            .session_token = environment_("AWS_SESSION_TOKEN")};
  if (credentials.secret_key.empty()) {
    return NoCredentials("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
  }
  return credentials;
}

absl::StatusOr<S3Credentials> S3CredentialSource::FromWebIdentity() {
  const absl::StatusOr<std::string> token =
      ReadSmallFile(environment_("AWS_WEB_IDENTITY_TOKEN_FILE"), kMaxFile);
  if (!token.ok()) return NoCredentials(token.status().message());
  const std::string role = environment_("AWS_ROLE_ARN");
  if (role.empty()) return NoCredentials("AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
  std::string session = environment_("AWS_ROLE_SESSION_NAME");
  if (session.empty()) session = "croft-agent";
  std::string endpoint = environment_("AWS_ENDPOINT_URL_STS");
  if (endpoint.empty()) endpoint = absl::StrCat("https://sts.", address_.region, ".amazonaws.com");
  const std::string body =
      absl::StrCat("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=", EncodeForQuery(role),
                   "&RoleSessionName=", EncodeForQuery(session),
                   "&WebIdentityToken=", EncodeForQuery(absl::StripAsciiWhitespace(*token)));
  CROFT_ASSIGN_OR_RETURN(const std::string xml,
                         Fetch({.method = "POST",
                                .url = absl::StrCat(absl::StripSuffix(endpoint, "/"), "/"),
                                .headers = {"Content-Type: application/x-www-form-urlencoded"},
                                .body = body,
                                .ca_file = address_.ca_file}));
  CROFT_ASSIGN_OR_RETURN(const AssumedRole role_credentials, ParseAssumedRole(xml));
  S3Credentials credentials{.access_key = role_credentials.access_key,
                            .secret_key = role_credentials.secret_key,
                            .session_token = role_credentials.session_token};
  CROFT_ASSIGN_OR_RETURN(credentials.expire_time, ParseExpiry(role_credentials.expiration));
  return credentials;
}

absl::StatusOr<S3Credentials> S3CredentialSource::FromContainer() {
  HttpRequest request{.method = "GET", .url = environment_("AWS_CONTAINER_CREDENTIALS_FULL_URI")};
  const std::string token_file = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!token_file.empty()) {
    const absl::StatusOr<std::string> token = ReadSmallFile(token_file, kMaxFile);
    if (!token.ok()) return NoCredentials(token.status().message());
    request.headers = {absl::StrCat("Authorization: ", absl::StripAsciiWhitespace(*token))};
  }
  CROFT_ASSIGN_OR_RETURN(const std::string json, Fetch(request));
  return ParseJson(json);
}

absl::StatusOr<S3Credentials> S3CredentialSource::FromInstance() {
  std::string endpoint = environment_("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (endpoint.empty()) endpoint = kInstanceEndpoint;
  const std::string root = absl::StrCat(absl::StripSuffix(endpoint, "/"), "/latest/");
  CROFT_ASSIGN_OR_RETURN(const std::string token,
                         Fetch({.method = "PUT",
                                .url = absl::StrCat(root, "api/token"),
                                .headers = {"X-aws-ec2-metadata-token-ttl-seconds: 300"}}));
  const std::string header = absl::StrCat("X-aws-ec2-metadata-token: ", token);
  const std::string roles = absl::StrCat(root, "meta-data/iam/security-credentials/");
  CROFT_ASSIGN_OR_RETURN(const std::string names,
                         Fetch({.method = "GET", .url = roles, .headers = {header}}));
  const std::vector<absl::string_view> lines = absl::StrSplit(names, '\n', absl::SkipWhitespace());
  if (lines.empty()) return NoCredentials("the instance has no role");
  const std::string role(absl::StripAsciiWhitespace(lines.front()));
  CROFT_ASSIGN_OR_RETURN(
      const std::string json,
      Fetch({.method = "GET", .url = absl::StrCat(roles, EncodeForQuery(role)), .headers = {header}}));
  return ParseJson(json);
}

absl::StatusOr<std::string> S3CredentialSource::Fetch(const HttpRequest& request) {
  absl::StatusOr<HttpResponse> response = http_.Send(request);
  if (!response.ok()) {
    return NoCredentials(absl::StrCat(request.url, " gives none: ", response.status().message()));
  }
  if (response->status != 200) {
    return NoCredentials(absl::StrCat(request.url, " gives none: status ", response->status));
  }
  return std::move(response->body);
}

}  // namespace croft::agent
