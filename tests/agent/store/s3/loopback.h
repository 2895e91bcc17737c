#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/string_view.h>

#include "common/sync.h"

namespace croft::agent {

struct RawRequest {
  std::string head;  // up to and with the empty line
  std::string body;

  // Whether the first line holds `text`, such as "PUT /bucket".
  bool Is(absl::string_view text) const;
};

// An HTTP server on loopback for tests: one request a connection, whose answer is whatever bytes a function makes of it,
// and then the connection's end. The function may wait, as long as `ending()` is false; it is called on many threads.
class Loopback {
 public:
  using Answer = std::function<std::string(const RawRequest& request)>;

  explicit Loopback(Answer answer);
  ~Loopback();

  // http://127.0.0.1:PORT
  std::string url() const;
  bool ending() const { return ending_; }

 private:
  void Serve(int connection);

  const Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> ending_{false};
  Mutex mutex_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::thread accepting_;
};

// A whole response.
std::string Respond(int status, absl::string_view body, absl::string_view headers = "");

// What the server at `url` (http://127.0.0.1:PORT) answers.
std::string Forward(const std::string& url, const RawRequest& request);

}  // namespace croft::agent
