#include "tests/tools/croftctl/control_plane.h"

#include <cstdlib>
#include <fstream>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <google/protobuf/util/time_util.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include "croft/v1/error.pb.h"

namespace croft::ctl {
namespace {

void Pack(const google::protobuf::Message& message, v1::Status& status) {
  google::protobuf::Any& any = *status.add_details();
  any.set_type_url(absl::StrCat("type.googleapis.com/google.rpc.", message.GetDescriptor()->name()));
  any.set_value(message.SerializeAsString());
}

crypto::KeyAndCertificate Issue(const crypto::KeyAndCertificate& authority,
                                const crypto::CertificateSpec& spec) {
  crypto::KeyAndCertificate made{.key = crypto::NewPrivateKey()};
  const std::string request = *crypto::NewCertificateRequest(made.key, spec.common_name);
  made.certificate = *crypto::SignRequest(authority, request, spec);
  return made;
}

std::string Text(const grpc::string_ref& text) { return {text.data(), text.size()}; }

}  // namespace

v1::Status WireError(absl::StatusCode code, const std::string& message, const ErrorDetails& details) {
  v1::Status status;
  status.set_code(static_cast<int>(code));
  status.set_message(message);
  v1::ErrorInfo info;
  info.set_reason(details.reason);
  info.set_domain("croft");
  info.mutable_metadata()->insert(details.metadata.begin(), details.metadata.end());
  Pack(info, status);
  v1::BadRequest bad;
  for (const FieldViolation& violation : details.violations) {
    auto* added = bad.add_field_violations();
    added->set_field(violation.field);
    added->set_description(violation.description);
  }
  if (!details.violations.empty()) Pack(bad, status);
  v1::RetryInfo retry;
  if (details.retry_delay) {
    *retry.mutable_retry_delay() = google::protobuf::util::TimeUtil::MillisecondsToDuration(
        absl::ToInt64Milliseconds(*details.retry_delay));
    Pack(retry, status);
  }
  return status;
}

grpc::Status GrpcError(absl::StatusCode code, const std::string& message, const ErrorDetails& details) {
  return {static_cast<grpc::StatusCode>(code), message,
          WireError(code, message, details).SerializeAsString()};
}

Certificates NewCertificates(absl::Time server_not_after, std::vector<std::string> server_names) {
  // Before any certificate's end, also that of one which has expired.
  const absl::Time begin = std::min(absl::Now(), server_not_after) - absl::Hours(1);
  const absl::Time end = absl::Now() + absl::Hours(2000);
  Certificates made;
  made.authority = *crypto::NewAuthority("test authority", begin, end);
  made.server = Issue(made.authority, {.common_name = "croftd",
                                       .server_names = std::move(server_names),
                                       .use = crypto::CertificateUse::kServer,
                                       .not_before = begin,
                                       .not_after = server_not_after});
  made.client = Issue(made.authority, {.common_name = "admin",
                                       .use = crypto::CertificateUse::kClient,
                                       .not_before = begin,
                                       .not_after = end});
  return made;
}

// The services, each method of which hands on to its script.
struct ControlPlane::Services {
  explicit Services(ControlPlane& owner_in) : owner(owner_in) {}

  template <class Request, class Response>
  grpc::Status Handle(grpc::ServerContext* context, const Request* request, Response* response,
                      Script<Request, Response>& script) {
    Note(*context);
    return script.Handle(*request, *response);
  }

  void Note(const grpc::ServerContext& context) {
    MutexLock lock(mutex);
    const auto header = context.client_metadata().find("authorization");
    authorization = header == context.client_metadata().end() ? "" : Text(header->second);
    const auto name = context.auth_context()->FindPropertyValues("x509_common_name");
    client_name = name.empty() ? "" : Text(name.front());
  }

// One method of a service: its name, its messages, its script.
#define CROFT_SCRIPTED(Method, Request, Response, script)                                               \
  grpc::Status Method(grpc::ServerContext* context, const v1::Request* request, v1::Response* response) \
      override {                                                                                        \
    return services.Handle(context, request, response, services.owner.script);                          \
  }

  struct Tenants : v1::TenantService::Service {
    explicit Tenants(Services& all) : services(all) {}
    CROFT_SCRIPTED(CreateTenant, CreateTenantRequest, Operation, create_tenant)
    CROFT_SCRIPTED(GetTenant, GetTenantRequest, Tenant, get_tenant)
    CROFT_SCRIPTED(ListTenants, ListTenantsRequest, ListTenantsResponse, list_tenants)
    CROFT_SCRIPTED(UpdateTenant, UpdateTenantRequest, Tenant, update_tenant)
    CROFT_SCRIPTED(SuspendTenant, SuspendTenantRequest, Operation, suspend_tenant)
    CROFT_SCRIPTED(RetireTenant, RetireTenantRequest, Operation, retire_tenant)
    CROFT_SCRIPTED(PurgeTenant, PurgeTenantRequest, Operation, purge_tenant)
    CROFT_SCRIPTED(RestoreTenant, RestoreTenantRequest, Operation, restore_tenant)
    CROFT_SCRIPTED(GetErasure, GetErasureRequest, Erasure, get_erasure)
    Services& services;
  };
  struct Lookups : v1::LookupService::Service {
    explicit Lookups(Services& all) : services(all) {}
    CROFT_SCRIPTED(Lookup, LookupRequest, LookupResponse, lookup)
    Services& services;
  };
  struct Backups : v1::BackupService::Service {
    explicit Backups(Services& all) : services(all) {}
    CROFT_SCRIPTED(CreateBackup, CreateBackupRequest, Operation, create_backup)
    CROFT_SCRIPTED(GetBackup, GetBackupRequest, Backup, get_backup)
    CROFT_SCRIPTED(VerifyBackup, VerifyBackupRequest, Operation, verify_backup)
    CROFT_SCRIPTED(CopyBackup, CopyBackupRequest, Operation, copy_backup)
    CROFT_SCRIPTED(ListBackups, ListBackupsRequest, ListBackupsResponse, list_backups)
    CROFT_SCRIPTED(DeleteBackup, DeleteBackupRequest, Operation, delete_backup)
    CROFT_SCRIPTED(HoldBackup, HoldBackupRequest, Backup, hold_backup)
    grpc::Status ExportBackup(grpc::ServerContext* context, const v1::ExportBackupRequest* request,
                              grpc::ServerWriter<v1::ExportBackupResponse>* writer) override {
      services.Note(*context);
      std::vector<v1::ExportBackupResponse> parts;
      const grpc::Status status = services.owner.export_backup.Handle(*request, parts);
      for (const v1::ExportBackupResponse& part : parts) writer->Write(part);
      return status;
    }
    CROFT_SCRIPTED(ReleaseBackup, ReleaseBackupRequest, Backup, release_backup)
    CROFT_SCRIPTED(ListBackupPlans, ListBackupPlansRequest, ListBackupPlansResponse, list_backup_plans)
    Services& services;
  };
  struct BackupPolicies : v1::BackupPolicyService::Service {
    explicit BackupPolicies(Services& all) : services(all) {}
    CROFT_SCRIPTED(SetBackupPolicy, SetBackupPolicyRequest, SharedBackupPolicy, set_backup_policy)
    CROFT_SCRIPTED(GetBackupPolicy, GetBackupPolicyRequest, SharedBackupPolicy, get_backup_policy)
    CROFT_SCRIPTED(ListBackupPolicies, ListBackupPoliciesRequest, ListBackupPoliciesResponse,
                   list_backup_policies)
    CROFT_SCRIPTED(DeleteBackupPolicy, DeleteBackupPolicyRequest, SharedBackupPolicy, delete_backup_policy)
    Services& services;
  };
  struct Hosts : v1::HostService::Service {
    explicit Hosts(Services& all) : services(all) {}
    CROFT_SCRIPTED(GetHost, GetHostRequest, Host, get_host)
    CROFT_SCRIPTED(ListHosts, ListHostsRequest, ListHostsResponse, list_hosts)
    CROFT_SCRIPTED(CordonHost, CordonHostRequest, Host, cordon_host)
    CROFT_SCRIPTED(CreateJoinToken, CreateJoinTokenRequest, CreateJoinTokenResponse, create_join_token)
    Services& services;
  };
  struct Operations : v1::OperationService::Service {
    explicit Operations(Services& all) : services(all) {}
    CROFT_SCRIPTED(GetOperation, GetOperationRequest, Operation, get_operation)
    CROFT_SCRIPTED(ListOperations, ListOperationsRequest, ListOperationsResponse, list_operations)
    CROFT_SCRIPTED(WaitOperation, WaitOperationRequest, Operation, wait_operation)
    CROFT_SCRIPTED(CancelOperation, CancelOperationRequest, Operation, cancel_operation)
    grpc::Status WatchOperation(grpc::ServerContext* context, const v1::WatchOperationRequest* request,
                                grpc::ServerWriter<v1::Operation>* writer) override {
      WatchOf watch;
      {
        MutexLock lock(services.mutex);
        watch = services.watch;
      }
      if (!watch) return {grpc::StatusCode::UNIMPLEMENTED, "not in the script"};
      return watch(
          request->name(), [&](const v1::Operation& operation) { writer->Write(operation); },
          [&] { return context->IsCancelled(); });
    }
    Services& services;
  };
  struct Admin : v1::AdminService::Service {
    explicit Admin(Services& all) : services(all) {}
    CROFT_SCRIPTED(GetStatus, GetStatusRequest, GetStatusResponse, get_status)
    CROFT_SCRIPTED(CheckFleet, CheckFleetRequest, CheckFleetResponse, check_fleet)
    CROFT_SCRIPTED(RepairFleet, RepairFleetRequest, RepairFleetResponse, repair_fleet)
    grpc::Status BackupCatalog(grpc::ServerContext* context, const v1::BackupCatalogRequest*,
                               grpc::ServerWriter<v1::BackupCatalogResponse>* writer) override {
      services.Note(*context);
      for (const v1::BackupCatalogResponse& part : services.owner.catalog_copy) writer->Write(part);
      return grpc::Status::OK;
    }
    Services& services;
  };
  struct Events : v1::EventService::Service {
    explicit Events(Services& all) : services(all) {}
    CROFT_SCRIPTED(ListEvents, ListEventsRequest, ListEventsResponse, list_events)
    grpc::Status WatchEvents(grpc::ServerContext* context, const v1::WatchEventsRequest* request,
                             grpc::ServerWriter<v1::WatchEventsResponse>* writer) override {
      services.Note(*context);
      std::vector<v1::WatchEventsResponse> responses;
      const grpc::Status status = services.owner.watch_events.Handle(*request, responses);
      for (const v1::WatchEventsResponse& response : responses) writer->Write(response);
      return status;
    }
    Services& services;
  };
  struct Usage : v1::UsageService::Service {
    explicit Usage(Services& all) : services(all) {}
    CROFT_SCRIPTED(GetUsage, GetUsageRequest, TenantUsage, get_usage)
    CROFT_SCRIPTED(ListUsage, ListUsageRequest, ListUsageResponse, list_usage)
    CROFT_SCRIPTED(ListStatements, ListStatementsRequest, ListStatementsResponse, list_statements)
    Services& services;
  };
#undef CROFT_SCRIPTED

  ControlPlane& owner;
  Mutex mutex;
  std::string authorization ABSL_GUARDED_BY(mutex);
  std::string client_name ABSL_GUARDED_BY(mutex);
  WatchOf watch ABSL_GUARDED_BY(mutex);
  Tenants tenants{*this};
  Lookups lookups{*this};
  Backups backups{*this};
  BackupPolicies backup_policies{*this};
  Hosts hosts{*this};
  Operations operations{*this};
  Admin admin{*this};
  Events events{*this};
  Usage usage{*this};
};

ControlPlane::ControlPlane(const Certificates& certificates, int port)
    : services_(std::make_unique<Services>(*this)) {
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = certificates.authority.certificate;
  tls.pem_key_cert_pairs.push_back({certificates.server.key, certificates.server.certificate});
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::SslServerCredentials(tls), &port_);
  for (grpc::Service* service : std::initializer_list<grpc::Service*>{
           &services_->tenants, &services_->lookups, &services_->backups, &services_->backup_policies,
           &services_->hosts, &services_->operations, &services_->admin, &services_->events,
           &services_->usage}) {
    builder.RegisterService(service);
  }
  server_ = builder.BuildAndStart();
}

ControlPlane::~ControlPlane() { server_->Shutdown(std::chrono::system_clock::now()); }

std::string ControlPlane::authorization() {
  MutexLock lock(services_->mutex);
  return services_->authorization;
}

std::string ControlPlane::client_name() {
  MutexLock lock(services_->mutex);
  return services_->client_name;
}

void ControlPlane::Watches(Watch watch) {
  WatchesEach([watch = std::move(watch)](const std::string&, const auto& send, const auto& cancelled) {
    return watch(send, cancelled);
  });
}

void ControlPlane::WatchesEach(WatchOf watch) {
  MutexLock lock(services_->mutex);
  services_->watch = std::move(watch);
}

EventQueue::EventQueue(const Certificates& certificates) {
  const auto write = [&](const std::string& name, const std::string& contents) {
    std::ofstream(folder_.File(name)) << contents;
    std::filesystem::permissions(folder_.File(name),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return folder_.File(name);
  };
  environment = {{"HOME", folder_.path()},
                 {"CROFT_CA", write("ca.pem", certificates.authority.certificate)},
                 {"CROFT_CERT", write("admin.pem", certificates.client.certificate)},
                 {"CROFT_KEY", write("admin.key", certificates.client.key)}};
  if (const char* leaks = std::getenv("LSAN_OPTIONS")) environment["LSAN_OPTIONS"] = leaks;
}

Command EventQueue::CommandFor(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), CROFTCTL);
  return {.arguments = std::move(arguments), .environment = environment};
}

Ran EventQueue::Run(std::vector<std::string> arguments) const {
  const auto result = croft::Run(CommandFor(std::move(arguments)), absl::Now() + absl::Seconds(60));
  if (!result.ok()) return {-1, "", std::string(result.status().message())};
  return {result->exit_code, result->standard_out, result->standard_error};
}

v1::Operation Running(const std::string& id, const std::string& target) {
  v1::Operation operation;
  operation.set_name(absl::StrCat("operations/", id));
  operation.set_kind(v1::Operation::KIND_CREATE);
  operation.set_target(target);
  operation.set_state(v1::Operation::STATE_RUNNING);
  return operation;
}

v1::Operation Succeeded(v1::Operation operation) {
  operation.set_state(v1::Operation::STATE_SUCCEEDED);
  operation.set_done(true);
  return operation;
}

v1::Operation Failed(v1::Operation operation, const v1::Status& error) {
  operation.set_state(v1::Operation::STATE_FAILED);
  operation.set_done(true);
  *operation.mutable_error() = error;
  return operation;
}

v1::Tenant ReadyTenant(const std::string& id) {
  v1::Tenant tenant;
  tenant.set_name(absl::StrCat("tenants/", id));
  tenant.set_uid("abcdefgh234567ab");
  tenant.set_state(v1::Tenant::STATE_READY);
  tenant.set_etag("e1");
  return tenant;
}

}  // namespace croft::ctl
