// Opens the store that a URL names.

#include "agent/store/open_store.h"

#include <cstdlib>

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

}  // namespace

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
