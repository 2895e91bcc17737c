// Sends requests by libcurl, over connections that are kept.

#include "agent/store/http_client.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <curl/curl.h>

#include "common/sync.h"

namespace croft::agent {
namespace {

constexpr long kConnectSeconds = 10;
constexpr long kSlowestBytesPerSecond = 512;
constexpr absl::Duration kDefaultStallTime = absl::Seconds(30);

struct Arriving {
  HttpResponse response;
  size_t limit;
  bool too_long = false;
  bool head_is_whole = false;
};

// libcurl takes a response whose connection ends in its head for one without a body, and one that says no length for
// whole wherever it ends.
bool IsWhole(const Arriving& arriving) {
  return arriving.head_is_whole &&
         (arriving.response.body.empty() || !arriving.response.Header("content-length").empty() ||
          !arriving.response.Header("transfer-encoding").empty());
}

size_t TakeBody(char* data, size_t size, size_t count, void* user) {
  auto& arriving = *static_cast<Arriving*>(user);
  const size_t length = size * count;
  if (arriving.response.body.size() + length > arriving.limit) {
    arriving.too_long = true;
    return 0;
  }
  int64_t expected = 0;
  if (arriving.response.body.empty() &&
      absl::SimpleAtoi(arriving.response.Header("content-length"), &expected) && expected > 0) {
    arriving.response.body.reserve(std::min(arriving.limit, static_cast<size_t>(expected)));
  }
  arriving.response.body.append(data, length);
  return length;
}

size_t TakeHeader(char* data, size_t size, size_t count, void* user) {
  auto& arriving = *static_cast<Arriving*>(user);
  const absl::string_view line(data, size * count);
  const size_t colon = line.find(':');
  if (absl::StartsWith(line, "HTTP/")) {
    arriving.response.headers.clear();  // those of an interim response
    arriving.head_is_whole = false;
  } else if (colon != absl::string_view::npos) {
    arriving.response.headers[absl::AsciiStrToLower(line.substr(0, colon))] =
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  } else if (absl::StripAsciiWhitespace(line).empty()) {
    arriving.head_is_whole = true;
  }
  return line.size();
}

int IsCancelled(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(user)->load() ? 1 : 0;
}

struct HeaderList {
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list); }
  curl_slist* list = nullptr;
};

void SetTarget(CURL* curl, const HttpRequest& request, const HeaderList& headers,
               absl::Duration stall_time) {
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowestBytesPerSecond);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(std::max<int64_t>(1, absl::ToInt64Seconds(stall_time))));
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  if (!request.region.empty()) {
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, absl::StrCat("aws:amz:", request.region, ":s3").c_str());
    curl_easy_setopt(curl, CURLOPT_USERNAME, request.access_key.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, request.secret_key.c_str());
  }
  if (request.cancelled != nullptr) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &IsCancelled);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request.cancelled);
  }
}

void SetBody(CURL* curl, const HttpRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

absl::Status NoResponse(CURLcode code, const char* detail, bool too_long) {
  if (too_long) return absl::UnavailableError("the response is longer than was asked for");
  if (code == CURLE_ABORTED_BY_CALLBACK) return absl::UnavailableError("the request was cancelled");
  return absl::UnavailableError(detail[0] != '\0' ? detail : curl_easy_strerror(code));
}

void StartCurl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) std::abort();
}

}  // namespace

std::string HttpResponse::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

struct HttpClient::State {
  CURL* Take() {
    const MutexLock lock(mutex);
    if (idle.empty()) return curl_easy_init();
    CURL* const curl = idle.back();
    idle.pop_back();
    return curl;
  }
  Mutex mutex;
  std::vector<CURL*> idle ABSL_GUARDED_BY(mutex);
  std::atomic<int64_t> stall_seconds{absl::ToInt64Seconds(kDefaultStallTime)};
};

HttpClient::HttpClient() : state_(std::make_unique<State>()) { StartCurl(); }

HttpClient::~HttpClient() {
  for (CURL* curl : state_->idle) curl_easy_cleanup(curl);
}

void HttpClient::SetStallTime(absl::Duration stall_time) {
  state_->stall_seconds = absl::ToInt64Seconds(stall_time);
}

absl::StatusOr<HttpResponse> HttpClient::Send(const HttpRequest& request) {
  CURL* const curl = state_->Take();
  if (curl == nullptr) return absl::ResourceExhaustedError("no memory for a request");
  HeaderList headers;
  for (const std::string& header : request.headers) {
    headers.list = curl_slist_append(headers.list, header.c_str());
  }
  Arriving arriving{.response = {}, .limit = request.response_limit};
  char detail[CURL_ERROR_SIZE] = "";
  curl_easy_reset(curl);  // keeps the connections
  SetTarget(curl, request, headers, absl::Seconds(state_->stall_seconds.load()));
  SetBody(curl, request);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &arriving);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &TakeHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &arriving);
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  // Nothing of this request, its secrets least of all, stays with the handle.
  curl_easy_reset(curl);
  {
    const MutexLock lock(state_->mutex);
    state_->idle.push_back(curl);
  }
  if (code != CURLE_OK) return NoResponse(code, detail, arriving.too_long);
  if (!IsWhole(arriving)) return absl::UnavailableError("the response was cut");
  arriving.response.status = static_cast<int>(status);
  return std::move(arriving.response);
}

}  // namespace croft::agent
