#include "controlplane/wire/requests.h"

#include <algorithm>
#include <iterator>
#include <string>

#include <google/protobuf/descriptor.h>

#include "common/errors.h"
#include "controlplane/lookup/wanted.h"
#include "controlplane/wire/access.h"
#include "controlplane/wire/audit.h"
#include "controlplane/wire/backup_plan.h"
#include "controlplane/wire/backup_policy.h"
#include "controlplane/wire/event.h"
#include "controlplane/wire/import_requests.h"
#include "controlplane/wire/tenant.h"
#include "controlplane/wire/tenant_requests.h"
#include "croft/v1/lookup.pb.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

constexpr size_t kMostErrorBytes = 4096;

const wire::PageTokens& TokensOfATest() {
  static const wire::PageTokens tokens(std::string(32, 'k'));
  return tokens;
}

void ExpectRefusedByField(const absl::Status& status) {
  Check(status.code() == absl::StatusCode::kInvalidArgument, "what is not accepted is INVALID_ARGUMENT");
  Check(!DetailsOf(status).violations.empty(), "a refusal names a field");
  Check(status.message().size() <= kMostErrorBytes, "an error is short");
}

template <typename Request>
auto ParseAny(const Request& request) {
  if constexpr (requires { request.page_token(); }) {
    return wire::Parse(request, TokensOfATest());
  } else {
    return wire::Parse(request);
  }
}

template <typename Request>
void Take(absl::string_view bytes) {
  Request request;
  // What was read before an error is a message too.
  request.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  const auto parsed = ParseAny(request);
  if (!parsed.ok()) return ExpectRefusedByField(parsed.status());
  if constexpr (std::is_same_v<Request, v1::CreateTenantRequest>) {
    const v1::Tenant shown = wire::ToProto(parsed->tenant, wire::TenantSurroundings());
    Check(shown.labels().size() == request.tenant().labels().size(), "labels come back");
    Check(shown.settings().fields_size() == request.tenant().settings().fields_size(),
          "settings come back");
  }
}

// Lookups are parsed by their parts.
template <typename Request>
Request ReadLookup(absl::string_view bytes) {
  Request request;
  request.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  const auto wanted = lookup::ParseWanted(request.role(), request.purpose());
  if (!wanted.ok()) ExpectRefusedByField(wanted.status());
  return request;
}

void ReadLookedUp(const std::string& tenant, absl::string_view field) {
  const auto name = lookup::ParseTenantOrAlias(tenant, field);
  if (!name.ok()) return ExpectRefusedByField(name.status());
  Check(lookup::ParseTenantOrAlias(*name, field).value_or("") == *name, "a lowered name is its own");
}

template <>
void Take<v1::LookupRequest>(absl::string_view bytes) {
  ReadLookedUp(ReadLookup<v1::LookupRequest>(bytes).tenant(), "tenant");
}

template <>
void Take<v1::BatchLookupRequest>(absl::string_view bytes) {
  const auto request = ReadLookup<v1::BatchLookupRequest>(bytes);
  for (const std::string& tenant : request.tenants()) ReadLookedUp(tenant, "tenants");
}

template <>
void Take<v1::WatchPlacementsRequest>(absl::string_view bytes) {
  ReadLookup<v1::WatchPlacementsRequest>(bytes);
}

// Checked without being parsed into anything.
template <>
void Take<v1::AppendImportRequest>(absl::string_view bytes) {
  v1::AppendImportRequest request;
  request.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  constexpr size_t kMostBytes = 64;
  const absl::Status checked = wire::Check(request, kMostBytes);
  if (!checked.ok()) return ExpectRefusedByField(checked);
  Check(request.data().size() <= kMostBytes, "a part is no larger than it may be");
}

template <>
void Take<v1::AbandonImportRequest>(absl::string_view bytes) {
  v1::AbandonImportRequest request;
  request.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  const absl::Status checked = wire::Check(request);
  if (!checked.ok()) ExpectRefusedByField(checked);
}

struct Taker {
  const google::protobuf::Descriptor* (*type)();
  void (*take)(absl::string_view bytes);
};

template <typename Request>
constexpr Taker Taking() {
  return {&Request::descriptor, &Take<Request>};
}

// clang-format off
constexpr Taker kTakers[] = {
    Taking<v1::CreateTenantRequest>(),
    Taking<v1::UpdateTenantRequest>(),
    Taking<v1::SuspendTenantRequest>(),
    Taking<v1::ResumeTenantRequest>(),
    Taking<v1::RetireTenantRequest>(),
    Taking<v1::UndeleteTenantRequest>(),
    Taking<v1::PurgeTenantRequest>(),
    Taking<v1::RestoreTenantRequest>(),
    Taking<v1::UndoRestoreRequest>(),
    Taking<v1::RotateCredentialsRequest>(),
    Taking<v1::GetTenantRequest>(),
    Taking<v1::GetErasureRequest>(),
    Taking<v1::ListTenantsRequest>(),
    Taking<v1::CreateBackupRequest>(),
    Taking<v1::VerifyBackupRequest>(),
    Taking<v1::CopyBackupRequest>(),
    Taking<v1::DeleteBackupRequest>(),
    Taking<v1::GetBackupRequest>(),
    Taking<v1::HoldBackupRequest>(),
    Taking<v1::ReleaseBackupRequest>(),
    Taking<v1::ExportBackupRequest>(),
    Taking<v1::BeginImportRequest>(),
    Taking<v1::AppendImportRequest>(),
    Taking<v1::FinishImportRequest>(),
    Taking<v1::AbandonImportRequest>(),
    Taking<v1::ListBackupsRequest>(),
    Taking<v1::ListBackupPlansRequest>(),
    Taking<v1::ReportBackupsRequest>(),
    Taking<v1::UpdateHostRequest>(),
    Taking<v1::CordonHostRequest>(),
    Taking<v1::UncordonHostRequest>(),
    Taking<v1::RemoveHostRequest>(),
    Taking<v1::AcceptMissingHostRequest>(),
    Taking<v1::AcceptHostIdentityRequest>(),
    Taking<v1::CreateJoinTokenRequest>(),
    Taking<v1::GetHostRequest>(),
    Taking<v1::ListHostsRequest>(),
    Taking<v1::GetOperationRequest>(),
    Taking<v1::WatchOperationRequest>(),
    Taking<v1::CancelOperationRequest>(),
    Taking<v1::StartCampaignRequest>(),
    Taking<v1::WaitOperationRequest>(),
    Taking<v1::ListOperationsRequest>(),
    Taking<v1::LookupRequest>(),
    Taking<v1::BatchLookupRequest>(),
    Taking<v1::WatchPlacementsRequest>(),
    Taking<v1::ListEventsRequest>(),
    Taking<v1::WatchEventsRequest>(),
    Taking<v1::CreatePrincipalRequest>(),
    Taking<v1::GetPrincipalRequest>(),
    Taking<v1::ListPrincipalsRequest>(),
    Taking<v1::DeletePrincipalRequest>(),
    Taking<v1::CreateTokenRequest>(),
    Taking<v1::RevokeTokenRequest>(),
    Taking<v1::CreateCertificateRequest>(),
    Taking<v1::RevokeCertificateRequest>(),
    Taking<v1::BindRoleRequest>(),
    Taking<v1::UnbindRoleRequest>(),
    Taking<v1::ListAuditEventsRequest>(),
    Taking<v1::VerifyAuditRequest>(),
    Taking<v1::SetBackupPolicyRequest>(),
    Taking<v1::GetBackupPolicyRequest>(),
    Taking<v1::DeleteBackupPolicyRequest>(),
};
// clang-format on

bool IsTaken(const google::protobuf::Descriptor* type) {
  return std::any_of(std::begin(kTakers), std::end(kTakers),
                     [&](const Taker& taker) { return taker.type() == type; });
}

// Every request with a field in it, of all services whose files have a request above.
bool AllAreTaken() {
  for (const Taker& taker : kTakers) {
    const google::protobuf::FileDescriptor* file = taker.type()->file();
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const google::protobuf::Descriptor* type = file->service(s)->method(m)->input_type();
        if (type->field_count() > 0 && !IsTaken(type)) return false;
      }
    }
  }
  return true;
}

}  // namespace

// The first byte says which request the rest is.
void Requests(absl::string_view bytes) {
  static const bool complete = AllAreTaken();
  Check(complete, "every request of the API is fuzzed");
  if (bytes.empty()) return;
  kTakers[static_cast<uint8_t>(bytes.front()) % std::size(kTakers)].take(bytes.substr(1));
}

}  // namespace croft::fuzz
