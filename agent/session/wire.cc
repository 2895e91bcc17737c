// Converts tasks and results between protobuf and the agent's own types.

#include "agent/session/wire.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "agent/backup/failure.h"
#include "common/errors.h"
#include "common/work_scope.h"
#include "croft/v1/error.pb.h"
#include "croft/v1/finding.pb.h"

namespace croft::agent {
namespace {

constexpr char kErrorInfoType[] = "type.googleapis.com/google.rpc.ErrorInfo";

TenantObjects FromProto(const v1::TenantObjects& proto) {
  return {.uid = proto.uid(),
          .generation = proto.generation(),
          .database = proto.database(),
          .owner_role = proto.owner_role(),
          .reader_role = proto.reader_role()};
}

// What every task about one tenant must carry.
absl::Status CheckTenant(const TenantObjects& tenant) {
  if (tenant.uid.empty()) return InvalidField("task.tenant.uid", "must not be empty");
  if (tenant.owner_role.empty()) return InvalidField("task.tenant.owner_role", "must not be empty");
  return absl::OkStatus();
}

bool Retryable(absl::StatusCode code) {
  return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded ||
         code == absl::StatusCode::kResourceExhausted;
}

v1::Finding::Severity ToProto(Severity severity) {
  switch (severity) {
    case Severity::kNote: return v1::Finding::SEVERITY_NOTE;
    case Severity::kMissing: return v1::Finding::SEVERITY_MISSING;
    case Severity::kDifferent: return v1::Finding::SEVERITY_DIFFERENT;
  }
  return v1::Finding::SEVERITY_UNSPECIFIED;
}

// How many bytes of `text` are a character of UTF-8; 0 when it begins with none.
size_t CharacterBytes(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool outside = (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf4 && byte(1) > 0x8f);
  return overlong || outside ? 0 : length;
}

// U+FFFD.
constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

// Names and messages are a tenant's, in whatever encoding; a field of protobuf's holds UTF-8 alone.
std::string ValidUtf8(absl::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const size_t length = CharacterBytes(text);
    length > 0 ? absl::StrAppend(&valid, text.substr(0, length)) : absl::StrAppend(&valid, kReplacement);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return valid;
}

v1::Finding ToProto(const Finding& finding) {
  v1::Finding proto;
  proto.set_severity(ToProto(finding.severity));
  proto.set_reason(finding.reason);
  proto.set_object(ValidUtf8(finding.object));
  proto.set_owner(ValidUtf8(finding.owner));
  proto.set_message(ValidUtf8(finding.message));
  proto.set_postgres_message(ValidUtf8(finding.postgres_message));
  proto.set_remedy(ValidUtf8(finding.remedy));
  return proto;
}

// The first of them, and how many there are.
template <typename Proto>
void SetFindings(const std::vector<Finding>& findings, Proto& proto) {
  for (size_t i = 0; i < std::min(findings.size(), kMostFindings); ++i) {
    *proto.add_findings() = ToProto(findings[i]);
  }
  proto.set_finding_count(static_cast<int32_t>(findings.size()));
}

v1::TaskError::Cause ToProto(Cause cause) {
  switch (cause) {
    case Cause::kRefusal: return v1::TaskError::CAUSE_REFUSAL;
    case Cause::kResource: return v1::TaskError::CAUSE_RESOURCE;
    case Cause::kOutage: return v1::TaskError::CAUSE_OUTAGE;
    case Cause::kUnspecified: break;
  }
  return v1::TaskError::CAUSE_UNSPECIFIED;
}

v1::TaskError ErrorToProto(const absl::Status& status) {
  v1::TaskError error;
  std::string reason = DetailsOf(status).reason;
  if (reason.empty()) reason = absl::StatusCodeToString(status.code());
  error.set_reason(std::move(reason));
  error.set_message(ValidUtf8(status.message()));
  error.set_retryable(Retryable(status.code()));
  error.set_cause(ToProto(CauseOf(status)));
  SetFindings(FindingsOf(status), error);
  return error;
}

struct OutcomeWriter {
  v1::TaskResult& result;

  void operator()(const Done& done) { result.mutable_done()->set_message(done.message); }
  void operator()(const BackedUp& backed_up) {
    v1::BackUpDone& proto = *result.mutable_backed_up();
    proto.set_size_bytes(backed_up.size_bytes);
    proto.set_sha256(backed_up.sha256);
    proto.set_server_version(backed_up.server_version);
    proto.set_table_count(backed_up.table_count);
    proto.set_row_count(backed_up.row_count);
    SetFindings(backed_up.findings, proto);
    proto.set_database_bytes(backed_up.database_bytes);
  }
  void operator()(const Verified& verified) {
    result.mutable_verified()->set_table_count(verified.table_count);
    result.mutable_verified()->set_row_count(verified.row_count);
    SetFindings(verified.findings, *result.mutable_verified());
  }
  // A control plane of the version before knows TaskDone alone. On the wire both may stand: of a oneof's members a
  // reader keeps the last that it knows, and unknown fields are written last.
  void operator()(const Restored& restored) {
    result.mutable_done()->set_message(absl::StrCat("restored and compared: ", restored.table_count,
                                                    " tables, ", restored.row_count, " rows"));
    v1::RestoreDone proto;
    proto.set_table_count(restored.table_count);
    proto.set_row_count(restored.row_count);
    SetFindings(restored.findings, proto);
    result.GetReflection()->MutableUnknownFields(&result)->AddLengthDelimited(
        v1::TaskResult::kRestoredFieldNumber, proto.SerializeAsString());
  }
  void operator()(const InventoryTaken& inventory) {
    result.mutable_done()->set_message(absl::StrCat("found ", inventory.databases.size(), " databases and ",
                                                    inventory.roles.size(), " roles"));
  }
};

}  // namespace

Fencing FencingFromProto(const v1::Fencing& proto) {
  return {.epoch = proto.epoch(),
          .order = proto.order(),
          .operation = proto.operation(),
          .step = proto.step(),
          .attempt = proto.attempt()};
}

v1::Fencing ToProto(const Fencing& fencing) {
  v1::Fencing proto;
  proto.set_epoch(fencing.epoch);
  proto.set_order(fencing.order);
  proto.set_operation(fencing.operation);
  proto.set_step(fencing.step);
  proto.set_attempt(fencing.attempt);
  return proto;
}

absl::StatusOr<Task> TaskFromProto(const v1::Task& proto) {
  Task task{.fencing = FencingFromProto(proto.fencing()), .tenant = FromProto(proto.tenant())};
  if (task.fencing.operation.empty()) return InvalidField("task.fencing.operation", "must not be empty");
  if (proto.has_deadline()) {
    task.deadline =
        absl::FromUnixSeconds(proto.deadline().seconds()) + absl::Nanoseconds(proto.deadline().nanos());
  }
  task.trace_id = TraceIdOf(proto.traceparent());
  CROFT_ASSIGN_OR_RETURN(task.work, WorkFromProto(proto));
  if (!std::holds_alternative<InventoryWork>(task.work)) CROFT_RETURN_IF_ERROR(CheckTenant(task.tenant));
  return task;
}

v1::TaskResult ResultToProto(const Fencing& fencing, const absl::StatusOr<Outcome>& outcome) {
  v1::TaskResult result;
  *result.mutable_fencing() = ToProto(fencing);
  if (outcome.ok()) {
    std::visit(OutcomeWriter{result}, *outcome);
  } else {
    *result.mutable_error() = ErrorToProto(outcome.status());
  }
  return result;
}

v1::HostReport ToProto(const ServerReport& report, const StoresToTell& stores) {
  v1::HostReport proto;
  proto.set_postgres_up(report.up);
  proto.set_postgres_version(report.version);
  proto.set_system_identifier(report.system_identifier);
  proto.set_timeline(report.timeline);
  for (const std::string& endpoint : report.endpoints) proto.add_advertise_endpoints(endpoint);
  proto.set_free_bytes(report.free_bytes.value_or(0));
  proto.set_free_bytes_unknown(!report.free_bytes);
  proto.set_managed(report.managed);
  proto.set_max_connections(report.max_connections);
  for (const MissingRight& missing : report.missing_rights) {
    v1::MissingRight& right = *proto.add_missing_rights();
    right.set_right(missing.right);
    right.set_consequence(missing.consequence);
    right.set_remedy(missing.remedy);
    for (const std::string& kind : missing.task_kinds) right.add_task_kinds(kind);
  }
  for (const std::string& store : stores.ids) proto.add_stores(store);
  proto.mutable_store_names()->insert(stores.names.begin(), stores.names.end());
  proto.set_tls(report.tls);
  proto.set_root_certificate(report.root_certificate);
  proto.set_problem(report.problem);
  return proto;
}

absl::Status StatusFromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  ErrorDetails details;
  v1::Status proto;
  if (proto.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& any : proto.details()) {
      v1::ErrorInfo info;
      if (any.type_url() != kErrorInfoType || !info.ParseFromString(any.value())) continue;
      details.reason = info.reason();
      details.metadata = {info.metadata().begin(), info.metadata().end()};
    }
  }
  return MakeError(code, status.error_message(), std::move(details));
}

}  // namespace croft::agent
