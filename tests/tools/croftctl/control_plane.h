#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/subprocess.h"
#include "common/sync.h"
#include "croft/v1/admin.grpc.pb.h"
#include "croft/v1/backup.grpc.pb.h"
#include "croft/v1/backup_policy.grpc.pb.h"
#include "croft/v1/event.grpc.pb.h"
#include "croft/v1/host.grpc.pb.h"
#include "croft/v1/lookup.grpc.pb.h"
#include "croft/v1/operation.grpc.pb.h"
#include "croft/v1/tenant.grpc.pb.h"
#include "croft/v1/usage.grpc.pb.h"
#include "tests/common/sqlite/temporary_folder.h"

// A control plane that says what a test has told it to, over real gRPC with TLS, and croftctl run against it.
namespace croft::ctl {

// What one method answers, and what it was asked. Thread-safe.
template <class Request, class Response>
class Script {
 public:
  using Answer = std::function<grpc::Status(const Request&, Response&)>;

  // From now on.
  void Answers(Answer answer) {
    MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }
  void Answers(Response response) {
    Answers([response](const Request&, Response& out) {
      out = response;
      return grpc::Status::OK;
    });
  }
  std::vector<Request> asked() {
    MutexLock lock(mutex_);
    return asked_;
  }

  grpc::Status Handle(const Request& request, Response& response) {
    Answer answer;
    {
      MutexLock lock(mutex_);
      asked_.push_back(request);
      answer = answer_;
    }
    return answer ? answer(request, response)
                  : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "not in the script");
  }

 private:
  Mutex mutex_;
  Answer answer_ ABSL_GUARDED_BY(mutex_);
  std::vector<Request> asked_ ABSL_GUARDED_BY(mutex_);
};

// The error as croftd sends it: details in the trailer, under google.rpc's type URLs.
[[nodiscard]] grpc::Status GrpcError(absl::StatusCode code, const std::string& message,
                                     const ErrorDetails& details);
[[nodiscard]] v1::Status WireError(absl::StatusCode code, const std::string& message,
                                   const ErrorDetails& details);

// Certificates of one test: an authority, one for 127.0.0.1 and localhost, one for the administrator.
struct Certificates {
  crypto::KeyAndCertificate authority;
  crypto::KeyAndCertificate server;
  crypto::KeyAndCertificate client;
};
[[nodiscard]] Certificates NewCertificates(absl::Time server_not_after = absl::Now() + absl::Hours(1000),
                                           std::vector<std::string> server_names = {"127.0.0.1",
                                                                                    "localhost"});

class ControlPlane {
 public:
  explicit ControlPlane(const Certificates& certificates, int port = 0);
  ~ControlPlane();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }
  // Of the last call: the `authorization` metadata and the common name of the client's certificate.
  std::string authorization();
  std::string client_name();

  Script<v1::CreateTenantRequest, v1::Operation> create_tenant;
  Script<v1::GetTenantRequest, v1::Tenant> get_tenant;
  Script<v1::ListTenantsRequest, v1::ListTenantsResponse> list_tenants;
  Script<v1::UpdateTenantRequest, v1::Tenant> update_tenant;
  Script<v1::SuspendTenantRequest, v1::Operation> suspend_tenant;
  Script<v1::RetireTenantRequest, v1::Operation> retire_tenant;
  Script<v1::PurgeTenantRequest, v1::Operation> purge_tenant;
  Script<v1::RestoreTenantRequest, v1::Operation> restore_tenant;
  Script<v1::GetErasureRequest, v1::Erasure> get_erasure;
  Script<v1::LookupRequest, v1::LookupResponse> lookup;
  Script<v1::CreateBackupRequest, v1::Operation> create_backup;
  Script<v1::GetBackupRequest, v1::Backup> get_backup;
  Script<v1::ListBackupsRequest, v1::ListBackupsResponse> list_backups;
  Script<v1::VerifyBackupRequest, v1::Operation> verify_backup;
  Script<v1::CopyBackupRequest, v1::Operation> copy_backup;
  Script<v1::DeleteBackupRequest, v1::Operation> delete_backup;
  Script<v1::HoldBackupRequest, v1::Backup> hold_backup;
  Script<v1::ReleaseBackupRequest, v1::Backup> release_backup;
  Script<v1::ListBackupPlansRequest, v1::ListBackupPlansResponse> list_backup_plans;
  Script<v1::SetBackupPolicyRequest, v1::SharedBackupPolicy> set_backup_policy;
  Script<v1::GetBackupPolicyRequest, v1::SharedBackupPolicy> get_backup_policy;
  Script<v1::ListBackupPoliciesRequest, v1::ListBackupPoliciesResponse> list_backup_policies;
  Script<v1::DeleteBackupPolicyRequest, v1::SharedBackupPolicy> delete_backup_policy;
  Script<v1::GetHostRequest, v1::Host> get_host;
  Script<v1::ListHostsRequest, v1::ListHostsResponse> list_hosts;
  Script<v1::CordonHostRequest, v1::Host> cordon_host;
  Script<v1::CreateJoinTokenRequest, v1::CreateJoinTokenResponse> create_join_token;
  Script<v1::GetOperationRequest, v1::Operation> get_operation;
  Script<v1::ListOperationsRequest, v1::ListOperationsResponse> list_operations;
  Script<v1::WaitOperationRequest, v1::Operation> wait_operation;
  Script<v1::CancelOperationRequest, v1::Operation> cancel_operation;
  Script<v1::GetStatusRequest, v1::GetStatusResponse> get_status;
  Script<v1::CheckFleetRequest, v1::CheckFleetResponse> check_fleet;
  Script<v1::RepairFleetRequest, v1::RepairFleetResponse> repair_fleet;
  Script<v1::ListEventsRequest, v1::ListEventsResponse> list_events;
  // What the stream sends before it ends with the status that is answered.
  Script<v1::WatchEventsRequest, std::vector<v1::WatchEventsResponse>> watch_events;
  Script<v1::GetUsageRequest, v1::TenantUsage> get_usage;
  Script<v1::ListUsageRequest, v1::ListUsageResponse> list_usage;
  Script<v1::ListStatementsRequest, v1::ListStatementsResponse> list_statements;
  std::vector<v1::BackupCatalogResponse> catalog_copy;  // what BackupCatalog sends
  // What ExportBackup sends, and how it ends.
  Script<v1::ExportBackupRequest, std::vector<v1::ExportBackupResponse>> export_backup;
  // What WatchOperation sends, one after another, before it ends with the status it answers. It is told when
  // the call is gone by `cancelled`.
  using Watch = std::function<grpc::Status(const std::function<void(const v1::Operation&)>& send,
                                           const std::function<bool()>& cancelled)>;
  void Watches(Watch watch);
  // The same, told which operation is watched.
  using WatchOf = std::function<grpc::Status(const std::string& name,
                                             const std::function<void(const v1::Operation&)>& send,
                                             const std::function<bool()>& cancelled)>;
  void WatchesEach(WatchOf watch);

 private:
  struct Services;

  std::unique_ptr<Services> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

struct Ran {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// croftctl with a home of its own, its identity in files there.
class EventQueue {
 public:
  explicit EventQueue(const Certificates& certificates);

  // Runs the program to its end.
  Ran Run(std::vector<std::string> arguments) const;
  // The command line for a program that is run otherwise.
  Command CommandFor(std::vector<std::string> arguments) const;

  const TemporaryFolder& folder() const { return folder_; }
  std::map<std::string, std::string> environment;

 private:
  TemporaryFolder folder_;
};

// Both, talking to each other.
struct Pair {
  Certificates certificates = NewCertificates();
  ControlPlane server{certificates};
  EventQueue desk{certificates};

  Pair() { desk.environment["CROFT_SERVER"] = server.address(); }
};

[[nodiscard]] v1::Operation Running(const std::string& id, const std::string& target);
[[nodiscard]] v1::Operation Succeeded(v1::Operation operation);
[[nodiscard]] v1::Operation Failed(v1::Operation operation, const v1::Status& error);
[[nodiscard]] v1::Tenant ReadyTenant(const std::string& id);

}  // namespace croft::ctl
