#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

namespace croft::agent {

struct HttpRequest {
  std::string method;
  std::string url;
  std::vector<std::string> headers;  // "Name: value", none of them without a value
  // Must stay as it is until the response is there.
  absl::string_view body;
  // The response's body may be this long; a longer one is an error.
  size_t response_limit = 1 << 20;
  // Signs all of `headers` when it is not empty (AWS Signature Version 4): the region and the key's two halves.
  std::string region;
  std::string access_key;
  std::string secret_key;
  // PEM file of the authorities that may sign the server's certificate; the system's when empty.
  std::string ca_file;
  // Ends the request, as UNAVAILABLE, within a second of becoming true. May be null.
  const std::atomic<bool>* cancelled = nullptr;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // Empty when the response has none of that name.
  std::string Header(const std::string& name) const;
};

// Requests over connections that are kept for the next one. Redirects are not followed. Thread-safe.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // A whole response, whatever its status. UNAVAILABLE when there is none: nobody answers, the connection was cut,
  // the transfer stalled for `stall_time`.
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request);

  void SetStallTime(absl::Duration stall_time);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace croft::agent
