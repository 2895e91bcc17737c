#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include "common/sync.h"

struct MHD_Daemon;

// An HTTP server for a few pages.
namespace croft::metrics {

struct HttpRequest {
  std::string method;         // such as "GET"
  std::string path;           // without a query
  std::string authorization;  // the header; empty where there is none
  std::string peer;           // address
};

struct HttpResponse {
  int code = 200;
  std::string content_type;
  std::string body;
};

// Of plain text, one line.
[[nodiscard]] HttpResponse TextResponse(int code, absl::string_view line);

// `host:port` with a name or an IP address; `[…]` around an IPv6 address.
struct HttpAddress {
  std::string host;
  std::string port;
};
// INVALID_ARGUMENT, METRICS_ADDRESS_INVALID.
[[nodiscard]] absl::StatusOr<HttpAddress> ParseHttpAddress(absl::string_view address);

struct HttpOptions {
  std::string address;
  // PEM file with key and certificate chain. It is read again when it was replaced. Empty: plain HTTP, which is refused
  // anywhere but on loopback.
  std::string identity_file;
};

// A small HTTP server for figures. One thread serves all connections and never waits for one of them, so that a client
// that hangs holds up nobody; it is cut off after ten seconds of silence. Their number is bounded, in all and by address.
class HttpServer {
 public:
  static constexpr unsigned kConnections = 128;
  static constexpr unsigned kConnectionsOfAddress = 32;
  static constexpr absl::Duration kSilence = absl::Seconds(10);

  // `answer` is called on the server's thread and must not block. UNAVAILABLE, METRICS_ADDRESS_UNUSABLE;
  // INVALID_ARGUMENT, METRICS_NEED_TLS, for plain HTTP where others could read along.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const HttpOptions& options, std::function<HttpResponse(const HttpRequest&)> answer);
  // Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // `host:port`, with the port that was taken for port 0.
  const std::string& address() const { return address_; }
  bool loopback() const { return loopback_; }
  void Stop();

  // Whether every address that `address` stands for is this machine's own.
  static absl::StatusOr<bool> IsLoopback(absl::string_view address);

 private:
  explicit HttpServer(std::function<HttpResponse(const HttpRequest&)> answer);

  absl::Status Listen(const HttpOptions& options);
  absl::Status StartDaemon(const std::string& identity);
  void StopDaemon();
  void WatchIdentity();

  const std::function<HttpResponse(const HttpRequest&)> answer_;
  std::string address_;
  std::string identity_file_;
  std::string identity_;  // what is served with
  bool loopback_ = false;
  int socket_ = -1;
  MHD_Daemon* daemon_ = nullptr;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread watcher_;
};

}  // namespace croft::metrics
