#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/postgres/cluster.h"
#include "agent/postgres/connection.h"
#include "agent/postgres/external_setup.h"
#include "agent/server/managed_server.h"

// A real PostgreSQL for tests, made by the agent's own code in a temporary folder.
namespace croft::agent {

// A folder that is removed, and a server in it that is ended, when the object goes or the process dies,
// however it dies.
class TestFolder {
 public:
  // `base` is where it lies; short, since sockets go below it.
  explicit TestFolder(const std::string& base = "/tmp");
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  // Where a ManagedServer is to keep its things, so that it is ended with the folder.
  std::string server_directory() const { return path_ + "/pg"; }

 private:
  std::string path_;
  int reaper_input_ = -1;
  int reaper_ = -1;
};

// An authority, and a server certificate of it for `localhost` and 127.0.0.1, as files in `folder`. Each call
// makes new ones.
TlsFiles MakeTlsFiles(const std::string& folder);

int FreePort();

// Options of a server in `folder` on a free port of loopback that trades durability for speed; `settings` are
// further lines for its configuration.
ManagedServerOptions TestServerOptions(const TestFolder& folder, const std::string& settings = "");

class TestPostgres {
 public:
  explicit TestPostgres(const std::string& settings = "");

  // One for the whole test binary, started at the first call, ended at exit.
  static TestPostgres& Shared();

  ManagedServer& server() { return *server_; }
  const ManagedServerOptions& options() const { return options_; }
  const std::string& directory() const { return options_.directory; }
  const ServerAccess& access() const { return access_; }
  // As the agent sees it.
  Cluster& cluster() { return *cluster_; }

  // A session of the agent's own; a failure ends the test binary.
  Connection Admin(const std::string& database = "postgres");
  // As an agent sees it whose role is no superuser, with the rights that `croft-agent external-setup` gives; with
  // `provider`, as much of them as nobody needs a superuser for.
  Cluster& restricted_cluster(const std::string& role = "restricted_agent", bool provider = false);
  // Gives a role these rights, by psql. Returns its password.
  std::string SetUp(ExternalSetupOptions options);

  // The way applications take.
  absl::StatusOr<Connection> Login(const std::string& database, const std::string& user,
                                   const std::string& password);

 private:
  TestFolder folder_;
  ManagedServerOptions options_;
  std::unique_ptr<ManagedServer> server_;
  ServerAccess access_;
  std::unique_ptr<Cluster> cluster_;
  std::map<std::string, std::unique_ptr<Cluster>> restricted_clusters_;  // by role
};

// Ample for anything a test waits for.
Timeout TestTimeout();

}  // namespace croft::agent
