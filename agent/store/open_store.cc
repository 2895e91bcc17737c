// Opens the store that a URL names.

#include "agent/store/open_store.h"

#include <algorithm>
#include <cstdlib>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "agent/store/file_store.h"
#include "agent/store/s3_store.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr absl::string_view kS3 = "s3://";

std::string ReadEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

constexpr size_t kLongestName = 63;

bool IsStoreName(absl::string_view text) {
  return !text.empty() && text.size() <= kLongestName && absl::ascii_islower(text.front()) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

}  // namespace

// No URL has a `=` before its `:`.
NamedStore ParseNamedStore(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos || !IsStoreName(text.substr(0, equals)))
    return {.url = std::string(text)};
  return {.name = std::string(text.substr(0, equals)), .url = std::string(text.substr(equals + 1))};
}

absl::Status CheckStoreUrl(absl::string_view url) {
  if (absl::StartsWith(url, kS3)) return ParseS3Address(url).status();
  if (absl::StartsWith(url, "file:///")) return absl::OkStatus();
  return InvalidField("store",
                      absl::StrCat("`", url, "` is not of the form file:///path or s3://bucket/prefix"));
}

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& url, const Clock& clock,
                                                 Random& random) {
  CROFT_RETURN_IF_ERROR(CheckStoreUrl(url));
  if (absl::StartsWith(url, kS3)) {
    CROFT_ASSIGN_OR_RETURN(const S3Address address, ParseS3Address(url));
    return OpenS3Store(address, &ReadEnvironment, clock, random, {});
  }
  return OpenFileStore(std::string(absl::StripPrefix(url, "file://")), random);
}

}  // namespace croft::agent
