#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "agent/postgres/cluster.h"
#include "agent/postgres/connection.h"
#include "agent/server/server.h"
#include "common/sync.h"

// A PostgreSQL server that somebody else runs.
namespace croft::agent {

struct ExternalServerOptions {
  // libpq's form, a string of keywords or a URI, for the agent's own role. Its dbname is where statements
  // about the whole server run; `postgres` when it has none.
  std::string conninfo;
  // `host:port` for applications; the conninfo's own when empty.
  std::vector<std::string> advertise_endpoints;
  // PEM file of the authority that applications are to trust; the conninfo's sslrootcert when empty and the
  // conninfo says sslmode=verify-full. Without either
  // the server's certificate is not checked.
  std::string authority;
};

// A PostgreSQL service that somebody else keeps. The agent changes SQL objects only and starts nothing. The
// agent's role is whatever the conninfo names; docs/ say what rights it needs.
class ExternalServer final : public Server {
 public:
  // INVALID_ARGUMENT for a conninfo or an endpoint that does not parse. Does not connect.
  static absl::StatusOr<std::unique_ptr<ExternalServer>> New(ExternalServerOptions options);

  // Connections that are opened from now on follow `options`, and so does what applications are told. Errors are New's,
  // and leave everything as it was. Thread-safe.
  absl::Status Reload(ExternalServerOptions options);

  ServerAccess access() const override;
  // Only asks whether it answers.
  absl::Status EnsureRunning(const Timeout& timeout) override;
  ServerReport Report(const Timeout& timeout) override;

 private:
  struct Settings {
    ServerAccess access;
    std::vector<std::string> endpoints;
    std::string root_certificate;
  };

  static absl::StatusOr<Settings> SettingsFrom(ExternalServerOptions options);

  explicit ExternalServer(Settings settings);
  Settings settings() const;
  // Fills in what the server shows.
  absl::Status Look(const ServerAccess& access, const Timeout& timeout, ServerReport& report);

  mutable Mutex settings_mutex_;
  Settings settings_ ABSL_GUARDED_BY(settings_mutex_);
  const std::unique_ptr<Cluster> cluster_;

  Mutex mutex_;
  // Kept between two looks, and how it was opened.
  std::optional<Connection> looking_ ABSL_GUARDED_BY(mutex_);
  Conninfo looking_by_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace croft::agent
