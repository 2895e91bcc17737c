#include "common/metrics/http_server.h"

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/errors.h"

namespace croft::metrics {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// A connection to a server on 127.0.0.1.
class Connection {
 public:
  explicit Connection(const HttpServer& server) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET};
    const std::string& text = server.address();
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(text.substr(text.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval timeout{.tv_sec = 20};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False when the server has hung up.
  bool Send(const std::string& text) {
    return send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // All that comes until the server hangs up.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0; (got = recv(socket_, buffer, sizeof buffer, 0)) > 0;) all.append(buffer, got);
    return all;
  }
  std::string Get(const std::string& path, const std::string& headers = "") {
    Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", headers, "\r\n"));
    return ReadAll();
  }

 private:
  const int socket_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<HttpServer> Start() {
    auto server = HttpServer::Start({.address = "127.0.0.1:0"}, [](const HttpRequest& request) {
      return HttpResponse{
          request.path == "/none" ? 404 : 200, "text/plain",
          absl::StrCat(request.method, " ", request.path, " ", request.authorization, " ", request.peer)};
    });
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }
};

TEST_F(HttpServerTest, ARequestIsAnsweredWithWhatItCarries) {
  const auto server = Start();
  const std::string answer = Connection(*server).Get("/metrics?a=b", "Authorization: Bearer x\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nGET /metrics Bearer x 127.0.0.1"));
  EXPECT_THAT(Connection(*server).Get("/none"), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, ABodyIsDropped) {
  const auto server = Start();
  Connection connection(*server);
  connection.Send(
      "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd");
  EXPECT_THAT(connection.ReadAll(), HasSubstr("POST /metrics"));
}

TEST_F(HttpServerTest, ClientsThatHangHoldUpNobody) {
  const auto server = Start();
  std::vector<std::unique_ptr<Connection>> hanging;
  for (unsigned i = 0; i + 1 < HttpServer::kConnectionsOfAddress; ++i) {
    hanging.push_back(std::make_unique<Connection>(*server));
    if (i % 2 == 0) hanging.back()->Send("GET /metrics HTTP/1.1\r\nHost:");
  }
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(Connection(*server).Get("/metrics"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AnAddressHasSoManyConnectionsAndNoMore) {
  const auto server = Start();
  std::vector<std::unique_ptr<Connection>> open;
  for (unsigned i = 0; i < HttpServer::kConnectionsOfAddress; ++i) {
    open.push_back(std::make_unique<Connection>(*server));
  }
  EXPECT_THAT(Connection(*server).Get("/metrics"), IsEmpty());
  open.clear();
  // The server has to see that they are gone.
  while (Connection(*server).Get("/metrics").empty()) {
  }
}

TEST_F(HttpServerTest, AClientThatSaysNothingIsCutOff) {
  const auto server = Start();
  Connection silent(*server);
  silent.Send("GET /metrics HTTP/1.1\r\n");
  const absl::Time begun = absl::Now();
  silent.ReadAll();
  EXPECT_LT(absl::Now() - begun, HttpServer::kSilence + absl::Seconds(5));
}

TEST_F(HttpServerTest, GarbageAndEndlessHeadersAreRefused) {
  const auto server = Start();
  Connection garbage(*server);
  garbage.Send("\x16\x03\x01\r\n\r\n");
  EXPECT_THAT(garbage.ReadAll(), Not(HasSubstr("200 OK")));
  Connection endless(*server);
  endless.Send("GET /metrics HTTP/1.1\r\nHost: x\r\nX: ");
  for (int i = 0; i < 100 && endless.Send(std::string(1024, 'a')); ++i) {
  }
  EXPECT_THAT(endless.ReadAll(), Not(HasSubstr("200 OK")));
  EXPECT_THAT(Connection(*server).Get("/metrics"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, PlainHttpBeyondLoopbackIsRefused) {
  const auto server = HttpServer::Start({.address = "0.0.0.0:0"}, nullptr);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(DetailsOf(server.status()).reason, "METRICS_NEED_TLS");
  EXPECT_TRUE(*HttpServer::IsLoopback("127.3.4.5:1"));
  EXPECT_TRUE(*HttpServer::IsLoopback("[::1]:1"));
  EXPECT_FALSE(*HttpServer::IsLoopback("[::]:1"));
  EXPECT_FALSE(*HttpServer::IsLoopback("10.0.0.1:1"));
}

TEST_F(HttpServerTest, ATakenAddressIsAnError) {
  const auto first = Start();
  const auto second = HttpServer::Start({.address = first->address()}, nullptr);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(DetailsOf(second.status()).reason, "METRICS_ADDRESS_UNUSABLE");
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("--metrics-listen off"));
}

TEST_F(HttpServerTest, AddressesAreParsedOrRefused) {
  EXPECT_EQ(ParseHttpAddress("[::1]:80")->host, "::1");
  EXPECT_EQ(ParseHttpAddress("localhost:7444")->port, "7444");
  for (const char* bad :
       {"", ":", "127.0.0.1", ":80", "[::1:80", "h:", "h:x", "h:65536", "h:999999", "h:-1"}) {
    EXPECT_EQ(DetailsOf(ParseHttpAddress(bad).status()).reason, "METRICS_ADDRESS_INVALID") << bad;
  }
}

}  // namespace
}  // namespace croft::metrics
