// Encodes and decodes join tokens.

#include "common/join_token.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "common/names.h"

namespace croft {
namespace {

using Json = nlohmann::json;

constexpr absl::string_view kPrefix = "croft_join_";
constexpr size_t kSecretCharacters = 43;
constexpr size_t kMaxBytes = 64 * 1024;

absl::Status Bad(absl::string_view what) {
  return InvalidField("token",
                      absl::StrCat(what, "; make a new one with `croftctl host create-join-token`"));
}

bool IsBase64Url(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

bool IsAddress(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  const absl::string_view host = address.substr(0, colon);
  const absl::string_view digits = address.substr(colon + 1);
  int port = 0;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return absl::SimpleAtoi(digits, &port) && port >= 1 && port <= 65535 &&
         absl::ascii_isdigit(static_cast<unsigned char>(digits.front())) &&
         (bracketed || !absl::StrContains(host, ':')) && std::all_of(host.begin(), host.end(), [](char c) {
           return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '/';
         });
}

std::string Text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

}  // namespace

std::string EncodeJoinToken(const JoinToken& token) {
  const Json json = {{"host", token.host},
                     {"secret", token.secret},
                     {"server", absl::StrJoin(token.servers, ",")},
                     {"authority", token.authority}};
  std::string text = absl::WebSafeBase64Escape(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  return absl::StrCat(kPrefix, text);
}

absl::StatusOr<JoinToken> DecodeJoinToken(absl::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  if (!absl::ConsumePrefix(&rest, kPrefix)) return Bad("must begin with `croft_join_`");
  std::string decoded;
  if (rest.size() > kMaxBytes || !IsBase64Url(rest) || !absl::WebSafeBase64Unescape(rest, &decoded)) {
    return Bad("is not a join token in full: it was cut or changed on its way");
  }
  const Json json = Json::parse(decoded, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Bad("is not a join token in full: it was cut or changed on its way");
  JoinToken token{.host = Text(json, "host"),
                  .secret = Text(json, "secret"),
                  .servers = absl::StrSplit(Text(json, "server"), ',', absl::SkipEmpty()),
                  .authority = Text(json, "authority")};
  if (!CheckId(token.host, "token").ok()) return Bad("names no host");
  if (token.secret.size() != kSecretCharacters || !IsBase64Url(token.secret)) return Bad("holds no secret");
  if (token.servers.empty() || !std::all_of(token.servers.begin(), token.servers.end(), IsAddress)) {
    return Bad("holds no address of a control plane");
  }
  if (!absl::StrContains(token.authority, "-----BEGIN CERTIFICATE-----")) return Bad("holds no authority");
  return token;
}

}  // namespace croft
