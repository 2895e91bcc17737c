// Computes what lookups say of a host: addresses, TLS mode, authority.

#include "controlplane/lookup/host_view.h"

#include <absl/strings/numbers.h>

#include "controlplane/domain/server_tls.h"

namespace croft::lookup {

HostAddress ParseAddress(absl::string_view text) {
  HostAddress address;
  const size_t colon = text.rfind(':');
  const size_t bracket = text.rfind(']');
  const bool bare_v6 = text.find(':') != colon && bracket == absl::string_view::npos;
  const bool has_port = colon != absl::string_view::npos && !bare_v6 &&
                        (bracket == absl::string_view::npos || colon > bracket);
  int32_t port = 0;
  if (has_port && absl::SimpleAtoi(text.substr(colon + 1), &port) && port > 0 && port < 65536) {
    address.port = port;
  }
  absl::string_view host = has_port ? text.substr(0, colon) : text;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  address.host = std::string(host);
  return address;
}

HostView HostView::Of(const domain::Host& host, absl::string_view authority) {
  HostView view;
  for (const std::string& endpoint : host.report.advertise_endpoints) {
    view.direct.push_back(ParseAddress(endpoint));
  }
  view.missing = host.missing;
  // A server without TLS says so: asking for it first would only cost a round trip.
  view.sslmode = !host.report.tls                    ? "disable"
                 : domain::IsVerifiable(host.report) ? "verify-full"
                                                     : "require";
  if (host.report.tls && domain::IsVerifiable(host.report)) {
    view.root_certificate =
        host.report.root_certificate.empty() ? std::string(authority) : host.report.root_certificate;
  }
  return view;
}

}  // namespace croft::lookup
