#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/postgres/changes.h"
#include "agent/postgres/cluster.h"
#include "agent/postgres/connection.h"

namespace croft::agent {

// A connection to the maintenance database, and what the agent's role may do when the session begins.
struct MaintenanceConnection {
  Connection connection;
  Conninfo opened_by = {};
  SessionRights rights = {};
};

// ClusterSession over one maintenance connection that already holds the tenant's lock.
class LibpqSession final : public ClusterSession {
 public:
  // Opens the agent's connection to a database; the maintenance one for the empty name.
  using Enter = std::function<absl::StatusOr<Connection>(absl::string_view database)>;
  using GiveBack = std::function<void(MaintenanceConnection)>;

  // `give_back` gets the connection, lock and all, at the end.
  // `extensions` is ServerAccess::extensions.
  LibpqSession(MaintenanceConnection maintenance, Timeout timeout,
               std::optional<std::vector<std::string>> extensions, Enter enter, GiveBack give_back);
  ~LibpqSession() override;

  absl::StatusOr<std::vector<RoleState>> ObserveRoles(const std::vector<std::string>& names,
                                                      absl::string_view family) override;
  absl::StatusOr<std::optional<DatabaseState>> ObserveDatabase(absl::string_view name) override;
  bool MayLimitTemporaryFiles() const override { return maintenance_.rights.may_limit_temporary_files; }
  using ClusterSession::Apply;
  absl::Status Apply(const std::vector<Change>& changes, Durability durability) override;
  absl::Status CreateDatabase(absl::string_view name, absl::string_view locale) override;
  absl::Status DropDatabase(absl::string_view name) override;
  absl::StatusOr<SchemaState> ObserveSchema(absl::string_view database, absl::string_view owner,
                                            absl::string_view reader) override;
  absl::Status PrepareSchema(absl::string_view database, const SchemaSpec& spec) override;
  absl::StatusOr<int64_t> CountSessions(const SessionFilter& filter) override;
  absl::StatusOr<int64_t> TerminateSessions(const SessionFilter& filter) override;
  absl::StatusOr<int64_t> CountPreparedTransactions(absl::string_view database) override;
  absl::Status RollBackPrepared(absl::string_view database) override;
  absl::StatusOr<bool> ReaderHasRights(absl::string_view database, absl::string_view reader) override;
  absl::Status GrantReader(absl::string_view database, absl::string_view owner,
                           absl::string_view reader) override;
  absl::StatusOr<int64_t> CountGrowthChanges(absl::string_view database, absl::string_view owner,
                                             bool closed) override;
  absl::Status LimitGrowth(absl::string_view database, absl::string_view owner, bool closed) override;
  absl::StatusOr<std::vector<std::string>> HoldersOf(absl::string_view role) override;
  absl::StatusOr<bool> LeavesTraces(absl::string_view database, absl::string_view role) override;
  absl::Status HandOver(absl::string_view database, absl::string_view from, absl::string_view to) override;

 private:
  struct Inside {
    std::string database;
    Connection connection;
  };

  Connection& maintenance() { return maintenance_.connection; }
  // The kept connection into `database`, made where there is none.
  absl::StatusOr<Connection*> EnterDatabase(absl::string_view database);
  // So that no session of ours stands in the way of a rename or a drop.
  void LeaveDatabase() { inside_.reset(); }
  // All in one transaction. Who holds it up is ended: a tenant can keep the rows of its own roles and database
  // locked, by an ALTER ROLE of itself that it does not commit, and would else hold off its fence for good.
  absl::Status ExecuteUnhindered(Connection& connection, const std::vector<Statement>& statements);
  bool by_functions() const { return maintenance_.rights.making == RoleMaking::kByFunctions; }
  RoleMaker role_maker() const;
  // A refusal for a right, with the rights that the agent's role lacks now.
  absl::Status Explain(absl::Status status);
  absl::Status LetActAs(const std::string& role);
  // HandOver where roles are made by functions, which are not in the tenant's database.
  absl::Status HandOverByFunctions(Connection& inside, const std::string& giver, const std::string& taker);
  absl::Status CheckExtensions(Connection& connection, const std::vector<std::string>& extensions);

  MaintenanceConnection maintenance_;
  const Timeout timeout_;
  const std::optional<std::vector<std::string>> extensions_;
  const Enter enter_;
  const GiveBack give_back_;
  std::optional<Inside> inside_;
};

}  // namespace croft::agent
