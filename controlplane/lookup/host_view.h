#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include <absl/strings/string_view.h>

#include "controlplane/domain/host.h"

// What lookups need of a host.
namespace croft::lookup {

struct HostAddress {
  std::string host;
  int32_t port = 5432;

  friend bool operator==(const HostAddress&, const HostAddress&) = default;
};

// `host:port`, `[v6]:port`, `v6` or `host`; the port's default is PostgreSQL's.
HostAddress ParseAddress(absl::string_view text);

// What lookups need of a host; unchangeable.
struct HostView {
  // `authority` is the PEM of the control plane's own.
  static HostView Of(const domain::Host& host, absl::string_view authority);

  std::vector<HostAddress> direct;
  bool missing = false;
  std::string sslmode;
  std::string root_certificate;

  friend bool operator==(const HostView&, const HostView&) = default;
};

struct Entry;

// Where rows find their host, for as long as the index lives.
struct HostEntry {
  std::string id;
  std::atomic<const HostView*> view{nullptr};  // nullptr while the host is unknown
  Entry* first = nullptr;                      // of the writer: entries placed here
};

}  // namespace croft::lookup
