#include "tests/agent/store/s3/loopback.h"

#include <poll.h>
#include <unistd.h>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace croft::agent {
namespace {

sockaddr_in LoopbackAddress(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void SendAll(int socket, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

// Whether something came.
bool Receive(int socket, std::string& into) {
  char buffer[64 << 10];
  const ssize_t got = recv(socket, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  into.append(buffer, static_cast<size_t>(got));
  return true;
}

size_t ContentLength(const std::string& head) {
  const std::string lower = absl::AsciiStrToLower(head);
  const size_t start = lower.find("\r\ncontent-length:");
  if (start == std::string::npos) return 0;
  const size_t value = lower.find(':', start) + 1;
  size_t length = 0;
  EXPECT_TRUE(absl::SimpleAtoi(lower.substr(value, lower.find('\r', value) - value), &length));
  return length;
}

bool ReceiveRequest(int socket, RawRequest& request) {
  std::string bytes;
  size_t end = std::string::npos;
  while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
    if (!Receive(socket, bytes)) return false;
  }
  request.head = bytes.substr(0, end + 4);
  request.body = bytes.substr(end + 4);
  if (absl::StrContains(request.head, "100-continue")) SendAll(socket, "HTTP/1.1 100 Continue\r\n\r\n");
  const size_t length = ContentLength(request.head);
  while (request.body.size() < length) {
    if (!Receive(socket, request.body)) return false;
  }
  return true;
}

}  // namespace

bool RawRequest::Is(absl::string_view text) const {
  return absl::StrContains(absl::string_view(head).substr(0, head.find('\r')), text);
}

Loopback::Loopback(Answer answer) : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address = LoopbackAddress(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener_, 64), 0);
  EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] {
    while (!ending_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (poll(&waiting, 1, 50) != 1) continue;
      const int connection = accept(listener_, nullptr, nullptr);
      const MutexLock lock(mutex_);
      threads_.emplace_back([this, connection] { Serve(connection); });
    }
  });
}

Loopback::~Loopback() {
  ending_ = true;
  accepting_.join();
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
  close(listener_);
}

void Loopback::Serve(int connection) {
  RawRequest request;
  if (ReceiveRequest(connection, request)) SendAll(connection, answer_(request));
  shutdown(connection, SHUT_RDWR);
  close(connection);
}

std::string Loopback::url() const { return absl::StrCat("http://127.0.0.1:", port_); }

std::string Respond(int status, absl::string_view body, absl::string_view headers) {
  return absl::StrCat("HTTP/1.1 ", status, " Said\r\n", headers,
                      "Connection: close\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

std::string Forward(const std::string& url, const RawRequest& request) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(url.substr(url.rfind(':') + 1), &port)) << url;
  const int upstream = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = LoopbackAddress(port);
  std::string answer;
  if (connect(upstream, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    std::string head = absl::StrReplaceAll(request.head, {{"Expect: 100-continue\r\n", ""}});
    head.insert(head.size() - 2, "Connection: close\r\n");
    SendAll(upstream, head);
    SendAll(upstream, request.body);
    while (Receive(upstream, answer)) {
    }
  }
  close(upstream);
  return answer;
}

}  // namespace croft::agent
