// Serves HTTP pages on libmicrohttpd.

#include "common/metrics/http_server.h"

#include <microhttpd.h>
#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"

namespace croft::metrics {
namespace {

constexpr size_t kMaxPemBytes = 256 * 1024;
constexpr size_t kMemoryOfConnection = 16 * 1024;  // the longest request line and headers
constexpr absl::Duration kLook = absl::Seconds(10);
constexpr int kBacklog = 64;
constexpr char kTlsVersions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

absl::Status Unusable(absl::string_view address, absl::string_view why) {
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat("cannot serve metrics on ", address, ": ", why,
                   ". Choose another address with --metrics-listen, or none with --metrics-listen off"),
      {.reason = "METRICS_ADDRESS_UNUSABLE", .metadata = {{"address", std::string(address)}}});
}

bool IsLoopbackAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return (ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24) == 127;
  }
  return address.sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<AddressList> Resolve(absl::string_view address) {
  CROFT_ASSIGN_OR_RETURN(const HttpAddress parsed, ParseHttpAddress(address));
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(parsed.host.c_str(), parsed.port.c_str(), &hints, &found);
  if (error != 0) return Unusable(address, gai_strerror(error));
  return AddressList(found, freeaddrinfo);
}

bool AllLoopback(const addrinfo* list) {
  for (; list != nullptr; list = list->ai_next) {
    if (!IsLoopbackAddress(*list->ai_addr)) return false;
  }
  return true;
}

int PortOf(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

std::string PeerOf(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return "";
  char text[INET6_ADDRSTRLEN] = "";
  const sockaddr& address = *info->client_addr;
  const void* bytes =
      address.sa_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
          : &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  return inet_ntop(address.sa_family, bytes, text, sizeof text) == nullptr ? "" : text;
}

MHD_Result Queue(MHD_Connection* connection, const HttpResponse& response) {
  MHD_Response* made = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (made == nullptr) return MHD_NO;
  MHD_add_response_header(made, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  MHD_add_response_header(made, "X-Content-Type-Options", "nosniff");
  if (response.code == MHD_HTTP_UNAUTHORIZED) {
    MHD_add_response_header(made, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"croft\"");
  }
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(response.code), made);
  MHD_destroy_response(made);
  return queued;
}

// Called once with the headers, and then for pieces of a body, which nobody should send: they are dropped.
MHD_Result OnRequest(void* answer, MHD_Connection* connection, const char* path, const char* method,
                     const char* /*version*/, const char* /*body*/, size_t* body_size, void** began) {
  static constexpr int kBegan = 0;
  if (*began == nullptr) {
    *began = const_cast<int*>(&kBegan);
    return MHD_YES;
  }
  if (*body_size > 0) {
    *body_size = 0;
    return MHD_YES;
  }
  const char* authorization =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
  return Queue(connection, (*static_cast<const std::function<HttpResponse(const HttpRequest&)>*>(answer))(
                               {.method = method,
                                .path = path,
                                .authorization = authorization == nullptr ? "" : authorization,
                                .peer = PeerOf(connection)}));
}

}  // namespace

HttpResponse TextResponse(int code, absl::string_view line) {
  return {code, "text/plain; charset=utf-8", absl::StrCat(line, "\n")};
}

absl::StatusOr<HttpAddress> ParseHttpAddress(absl::string_view address) {
  const size_t colon = address.rfind(':');
  HttpAddress parsed;
  if (colon != absl::string_view::npos) {
    absl::string_view host = address.substr(0, colon);
    if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) host = "";
    parsed = {std::string(host), std::string(address.substr(colon + 1))};
  }
  const bool port_is_number = !parsed.port.empty() && parsed.port.size() <= 5 &&
                              parsed.port.find_first_not_of("0123456789") == std::string::npos &&
                              std::stoi(parsed.port) <= 65535;
  if (!parsed.host.empty() && port_is_number) return parsed;
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("--metrics-listen ", address,
                                " must be host:port, such as 127.0.0.1:7444 or [::1]:7444, or off"),
                   {.reason = "METRICS_ADDRESS_INVALID", .metadata = {{"address", std::string(address)}}});
}

absl::StatusOr<bool> HttpServer::IsLoopback(absl::string_view address) {
  CROFT_ASSIGN_OR_RETURN(const AddressList list, Resolve(address));
  return AllLoopback(list.get());
}

HttpServer::HttpServer(std::function<HttpResponse(const HttpRequest&)> answer)
    : answer_(std::move(answer)) {}

HttpServer::~HttpServer() { Stop(); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const HttpOptions& options, std::function<HttpResponse(const HttpRequest&)> answer) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(answer)));
  CROFT_RETURN_IF_ERROR(server->Listen(options));
  std::string identity;
  if (!options.identity_file.empty()) {
    CROFT_ASSIGN_OR_RETURN(identity, ReadPrivateFile(options.identity_file, kMaxPemBytes));
    server->identity_file_ = options.identity_file;
  }
  CROFT_RETURN_IF_ERROR(server->StartDaemon(identity));
  if (!identity.empty()) server->watcher_ = std::thread([raw = server.get()] { raw->WatchIdentity(); });
  return server;
}

absl::Status HttpServer::Listen(const HttpOptions& options) {
  CROFT_ASSIGN_OR_RETURN(const AddressList list, Resolve(options.address));
  loopback_ = AllLoopback(list.get());
  if (!loopback_ && options.identity_file.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("metrics on ", options.address, " need TLS: it is not loopback"),
                     {.reason = "METRICS_NEED_TLS", .metadata = {{"address", options.address}}});
  }
  const addrinfo& first = *list;
  socket_ = socket(first.ai_family, first.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, first.ai_protocol);
  const int yes = 1;
  const bool listens =
      socket_ >= 0 && setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
      bind(socket_, first.ai_addr, first.ai_addrlen) == 0 && listen(socket_, kBacklog) == 0;
  if (!listens) return Unusable(options.address, std::strerror(errno));
  address_ = absl::StrCat(options.address.substr(0, options.address.rfind(':')), ":", PortOf(socket_));
  return absl::OkStatus();
}

// The daemon closes the socket that it is given, and this one must outlive it: it gets a duplicate.
absl::Status HttpServer::StartDaemon(const std::string& identity) {
  const int own_socket = dup(socket_);
  if (own_socket < 0) return Unusable(address_, std::strerror(errno));
  std::vector<MHD_OptionItem> tls;
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD;
  if (!identity.empty()) {
    flags |= MHD_USE_TLS;
    char* pem = const_cast<char*>(identity.c_str());
    tls = {{MHD_OPTION_HTTPS_MEM_KEY, 0, pem},
           {MHD_OPTION_HTTPS_MEM_CERT, 0, pem},
           {MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>(kTlsVersions)}};
  }
  tls.push_back({MHD_OPTION_END, 0, nullptr});
  auto* answer = const_cast<std::function<HttpResponse(const HttpRequest&)>*>(&answer_);
  daemon_ = MHD_start_daemon(
      flags, 0, nullptr, nullptr, OnRequest, answer, MHD_OPTION_LISTEN_SOCKET, own_socket,
      MHD_OPTION_CONNECTION_LIMIT, kConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, kConnectionsOfAddress,
      MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(absl::ToInt64Seconds(kSilence)),
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryOfConnection, MHD_OPTION_ARRAY, tls.data(),
      MHD_OPTION_END);
  if (daemon_ == nullptr) {
    close(own_socket);
    return Unusable(address_, identity.empty() ? "the HTTP server does not start"
                                               : "the HTTP server does not start with this certificate");
  }
  identity_ = identity;
  return absl::OkStatus();
}

void HttpServer::StopDaemon() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
}

// Connections that come while the daemon is started again wait in the socket's backlog.
void HttpServer::WatchIdentity() {
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (!stopping_) changed_.WaitFor(mutex_, kLook);
      if (stopping_) return;
    }
    const absl::StatusOr<std::string> identity = ReadPrivateFile(identity_file_, kMaxPemBytes);
    if (!identity.ok() || *identity == identity_) continue;
    const std::string before = identity_;
    StopDaemon();
    absl::Status status = StartDaemon(*identity);
    if (!status.ok()) status.Update(StartDaemon(before));
    if (!status.ok())
      log::Error("metrics cannot be served with the new certificate", {{"error", log::Text(status)}});
  }
}

void HttpServer::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (watcher_.joinable()) watcher_.join();
  StopDaemon();
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

}  // namespace croft::metrics
