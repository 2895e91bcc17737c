#pragma once

#include <cstdint>
#include <string>

#include <absl/strings/string_view.h>

namespace croft::lookup {

// How an application connects, as libpq's keywords have it. Empty values are left out.
struct ConnectionParameters {
  absl::string_view host;
  int32_t port = 0;
  absl::string_view database;
  absl::string_view user;
  absl::string_view password;
  absl::string_view sslmode;
  absl::string_view options;
};

// `host=… port=…`, each value quoted where it must be.
std::string Conninfo(const ConnectionParameters& parameters);
// `postgresql://user:password@host:port/database?…`, percent-encoded.
std::string ConnectionUri(const ConnectionParameters& parameters);

}  // namespace croft::lookup
