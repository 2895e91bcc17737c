// Decides requests about hosts: joining, limits, cordons, removal.

#include "common/errors.h"
#include "common/names.h"
#include "controlplane/domain/errors.h"
#include "controlplane/engine/intent.h"
#include "controlplane/engine/progress.h"
#include "controlplane/engine/requests.h"

namespace croft::engine {
namespace {

using domain::Host;

absl::StatusOr<Host*> ExistingHost(Draft& draft, const std::string& id, const std::string& etag = "") {
  Host* host = draft.FindHost(id);
  if (host == nullptr) return domain::HostNotFound(id);
  CROFT_RETURN_IF_ERROR(CheckEtag(etag, HostName(id), host->version));
  return host;
}

void RevokeIdentity(Draft& draft, Host& host, const std::string& why) {
  host.certificate_fingerprint.clear();
  host.previous_fingerprint.clear();
  host.join_secret_hash.clear();
  host.join_expire_time.reset();
  host.up = false;
  draft.Emit(EndSession{.host = host.id, .reason = why});
}

constexpr size_t kMaxLabels = 32;

}  // namespace

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const UpdateHost& request) {
  CROFT_ASSIGN_OR_RETURN(Host * host, ExistingHost(draft, request.host, request.etag));
  if (request.labels) host->labels = *request.labels;
  for (const auto& [key, value] : request.label_edits) {
    if (value) {
      host->labels[key] = *value;
    } else {
      host->labels.erase(key);
    }
  }
  if (host->labels.size() > kMaxLabels) return InvalidField("host.labels", "a host has at most 32 labels");
  if (request.limits) host->limits = *request.limits;
  if (request.limit_databases) host->limits.databases = *request.limit_databases;
  if (request.limit_connections) host->limits.connections = *request.limit_connections;
  if (request.limit_reserve_bytes) host->limits.reserve_bytes = *request.limit_reserve_bytes;
  return HostName(host->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const CordonHost& request) {
  CROFT_ASSIGN_OR_RETURN(Host * host, ExistingHost(draft, request.host));
  host->cordoned = request.cordoned;
  return HostName(host->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const RemoveHost& request) {
  CROFT_ASSIGN_OR_RETURN(Host * host, ExistingHost(draft, request.host, request.etag));
  const int64_t tenants = draft.facts().CountTenantsOnHost(host->id);
  const bool busy = !host->missing && !draft.facts().RunningOperationsOnHost(host->id).empty();
  if (tenants > 0 || busy) return domain::HostInUse(host->id, tenants);
  RevokeIdentity(draft, *host, "the host was removed");
  draft.EraseHost(host->id);
  return Subject();
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const AcceptMissingHost& request) {
  CROFT_ASSIGN_OR_RETURN(Host * host, ExistingHost(draft, request.host));
  if (host->up) return domain::HostNotAway(host->id);
  if (host->awaited) return domain::HostAwaited(host->id);
  host->missing = true;
  host->unconfirmed = false;
  RevokeIdentity(draft, *host, "the host was declared missing");
  for (const domain::Operation& running : draft.facts().RunningOperationsOnHost(host->id)) {
    domain::Operation& operation = *draft.FindOperation(running.id);
    // What was sent and never answered is answered now: the host will not say.
    domain::Step& step = operation.steps[*domain::CurrentStep(operation)];
    if (step.state == domain::StepState::kDispatched) step.state = domain::StepState::kPending;
    Advance(draft, operation);
  }
  return HostName(host->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const AcceptHostIdentity& request) {
  CROFT_ASSIGN_OR_RETURN(Host * host, ExistingHost(draft, request.host));
  if (host->report.system_identifier != request.system_identifier) {
    return domain::IdentityMismatch(host->id, host->report.system_identifier);
  }
  host->accepted_system_identifier = request.system_identifier;
  // Nothing is done on the new cluster before its agent has shown what it holds.
  host->unconfirmed = true;
  return HostName(host->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const CreateJoinToken& request) {
  Host* host = draft.FindHost(request.host);
  if (host == nullptr) {
    host = &draft.Add(Host{.id = request.host, .uid = request.uid, .create_time = draft.now()});
  }
  // Databases of its first life may still take writes; a new name cannot be mistaken for them.
  if (host->missing) return domain::HostMissing(host->id);
  host->join_secret_hash = request.secret_hash;
  host->join_expire_time = request.expire_time;
  host->server_names = request.server_names;
  return HostName(host->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const JoinHost& request) {
  Host* host = draft.FindHost(request.host);
  const bool valid = host != nullptr && !host->missing && !host->join_secret_hash.empty() &&
                     host->join_secret_hash == request.secret_hash && host->join_expire_time &&
                     *host->join_expire_time > draft.now();
  if (!valid) return domain::JoinTokenInvalid();
  RevokeIdentity(draft, *host, "the host was joined anew");
  host->certificate_fingerprint = request.fingerprint;
  return HostName(host->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const RenewHost& request) {
  CROFT_ASSIGN_OR_RETURN(Host * host, ExistingHost(draft, request.host));
  const bool current = request.old_fingerprint == host->certificate_fingerprint ||
                       request.old_fingerprint == host->previous_fingerprint;
  if (host->missing || request.old_fingerprint.empty() || !current)
    return domain::CertificateNotCurrent(host->id);
  host->previous_fingerprint = request.old_fingerprint;
  host->certificate_fingerprint = request.fingerprint;
  return HostName(host->id);
}

absl::StatusOr<Subject> Handle(Draft& draft, const Caller&, const CancelOperation& request) {
  domain::Operation* operation = draft.FindOperation(request.operation);
  if (operation == nullptr || draft.KindOf(*operation).hold == Hold::kNone) {
    return domain::OperationNotFound(request.operation);
  }
  if (domain::Ended(*operation)) {
    return domain::OperationNotCancellable(operation->id, "it has ended");
  }
  if (operation->state == domain::OperationState::kUndoing) return OperationName(operation->id);
  Cancel(draft, *operation);
  return OperationName(operation->id);
}

}  // namespace croft::engine
