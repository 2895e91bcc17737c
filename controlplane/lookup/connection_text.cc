// Writes conninfos and URIs for libpq.

#include "controlplane/lookup/connection_text.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

namespace croft::lookup {
namespace {

bool IsPlain(char c) {
  return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == ':' || c == '~';
}

void AppendKeyword(std::string& text, absl::string_view keyword, absl::string_view value) {
  if (value.empty()) return;
  absl::StrAppend(&text, text.empty() ? "" : " ", keyword, "=");
  if (std::all_of(value.begin(), value.end(), IsPlain)) {
    absl::StrAppend(&text, value);
    return;
  }
  text += '\'';
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  text += '\'';
}

// RFC 3986's unreserved characters stay.
void AppendEncoded(std::string& text, absl::string_view value) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : value) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += '%';
      text += kHex[byte >> 4U];
      text += kHex[byte & 0xFU];
    }
  }
}

void AppendHost(std::string& text, absl::string_view host) {
  const bool v6 = host.find(':') != absl::string_view::npos &&
                  std::all_of(host.begin(), host.end(),
                              [](char c) { return absl::ascii_isxdigit(c) || c == ':' || c == '.'; });
  if (v6) {
    absl::StrAppend(&text, "[", host, "]");
  } else {
    AppendEncoded(text, host);
  }
}

}  // namespace

std::string Conninfo(const ConnectionParameters& parameters) {
  std::string text;
  AppendKeyword(text, "host", parameters.host);
  if (parameters.port != 0) AppendKeyword(text, "port", absl::StrCat(parameters.port));
  AppendKeyword(text, "dbname", parameters.database);
  AppendKeyword(text, "user", parameters.user);
  AppendKeyword(text, "password", parameters.password);
  AppendKeyword(text, "sslmode", parameters.sslmode);
  AppendKeyword(text, "options", parameters.options);
  return text;
}

std::string ConnectionUri(const ConnectionParameters& parameters) {
  std::string text = "postgresql://";
  AppendEncoded(text, parameters.user);
  if (!parameters.password.empty()) {
    text += ':';
    AppendEncoded(text, parameters.password);
  }
  if (!parameters.user.empty()) text += '@';
  AppendHost(text, parameters.host);
  if (parameters.port != 0) absl::StrAppend(&text, ":", parameters.port);
  text += '/';
  AppendEncoded(text, parameters.database);
  char separator = '?';
  const auto append = [&](absl::string_view keyword, absl::string_view value) {
    if (value.empty()) return;
    text += separator;
    separator = '&';
    absl::StrAppend(&text, keyword, "=");
    AppendEncoded(text, value);
  };
  append("sslmode", parameters.sslmode);
  append("options", parameters.options);
  return text;
}

}  // namespace croft::lookup
