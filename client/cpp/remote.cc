#include "client/cpp/remote.h"

#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>

#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include "croft/v1/lookup.grpc.pb.h"

namespace croft::client {
namespace {

using croft::v1::LookupResponse;

absl::StatusOr<std::string> ReadFile(const std::string& path, const char* option) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::InvalidArgumentError(std::string(option) + ": cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string WithoutCollection(const std::string& name) { return name.substr(name.find('/') + 1); }

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json);
  return status.ok() ? json : std::string();
}

std::string FeaturesToJson(const LookupResponse& response) {
  if (response.features().empty()) return "";
  google::protobuf::Struct object;
  for (const auto& [key, value] : response.features()) (*object.mutable_fields())[key] = value;
  return ToJson(object);
}

std::shared_ptr<const Placement> ToPlacement(const LookupResponse& response) {
  auto placement = std::make_shared<Placement>();
  placement->tenant = WithoutCollection(response.tenant());
  placement->uid = response.uid();
  placement->generation = response.placement_generation();
  if (response.endpoints_size() > 0) {
    const croft::v1::Endpoint& endpoint = response.endpoints(0);
    placement->host = endpoint.host();
    placement->port = endpoint.port();
    placement->database = endpoint.database();
    placement->user = endpoint.user();
  }
  placement->password = response.password();
  placement->sslmode = response.sslmode();
  placement->root_certificate = response.root_certificate();
  placement->conninfo = response.conninfo();
  placement->uri = response.uri();
  if (response.has_settings()) placement->settings = ToJson(response.settings());
  placement->features = FeaturesToJson(response);
  placement->epoch = response.revision().epoch();
  placement->revision = response.revision().revision();
  return placement;
}

Knowledge ToKnowledge(const LookupResponse& response) {
  Knowledge knowledge;
  knowledge.placement = ToPlacement(response);
  knowledge.generation = response.placement_generation();
  knowledge.epoch = response.revision().epoch();
  knowledge.revision = response.revision().revision();
  knowledge.confirmed = std::chrono::steady_clock::now();
  return knowledge;
}

absl::Status ToStatus(int code, const std::string& message) {
  return absl::Status(static_cast<absl::StatusCode>(code), message);
}

WatchedChange ToChange(const croft::v1::WatchPlacementsResponse::Change& change) {
  WatchedChange told;
  told.tenant = WithoutCollection(change.tenant());
  told.aliases.assign(change.aliases().begin(), change.aliases().end());
  told.removed = change.removed();
  if (change.has_placement()) told.knowledge = ToKnowledge(change.placement());
  if (change.has_refused()) {
    told.knowledge.refusal = ToStatus(change.refused().code(), change.refused().message());
  }
  told.knowledge.generation = change.placement_generation();
  told.knowledge.epoch = change.revision().epoch();
  told.knowledge.revision = change.revision().revision();
  told.knowledge.confirmed = std::chrono::steady_clock::now();
  return told;
}

// What the control plane says of the tenant, as opposed to that it could not be asked.
bool IsRefusal(grpc::StatusCode code) {
  return code == grpc::StatusCode::NOT_FOUND || code == grpc::StatusCode::FAILED_PRECONDITION ||
         code == grpc::StatusCode::PERMISSION_DENIED || code == grpc::StatusCode::INVALID_ARGUMENT;
}

croft::v1::Role ToRole(Locator::Role role) {
  switch (role) {
    case Locator::Role::kApp: return croft::v1::ROLE_APP;
    case Locator::Role::kReadOnly: return croft::v1::ROLE_READ_ONLY;
    case Locator::Role::kMigrate: return croft::v1::ROLE_MIGRATE;
  }
  return croft::v1::ROLE_APP;
}

}  // namespace

struct Remote::State {
  std::vector<std::unique_ptr<croft::v1::LookupService::Stub>> stubs;
  std::string token;
  croft::v1::Role role;
  std::chrono::milliseconds timeout;
  std::atomic<size_t> preferred{0};

  std::mutex mutex;
  bool stopped = false;
  std::set<grpc::ClientContext*> calls;

  // Makes the call known to Stop() while it lives.
  class Call {
   public:
    explicit Call(State& state) : state_(state) {
      const std::lock_guard lock(state_.mutex);
      state_.calls.insert(&context);
      if (state_.stopped) context.TryCancel();
      if (!state_.token.empty()) context.AddMetadata("authorization", "Bearer " + state_.token);
    }
    ~Call() {
      const std::lock_guard lock(state_.mutex);
      state_.calls.erase(&context);
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    grpc::ClientContext context;

   private:
    State& state_;
  };
};

Remote::Remote(std::unique_ptr<State> state) : state_(std::move(state)) {}
Remote::~Remote() { Stop(); }

absl::StatusOr<std::unique_ptr<Remote>> Remote::Open(const Locator::Options& options) {
  if (options.endpoints.empty())
    return absl::InvalidArgumentError("endpoints: name at least one host:port");
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError("certificate_file and key_file go together");
  }
  auto state = std::make_unique<State>();
  grpc::SslCredentialsOptions tls;
  auto authority = ReadFile(options.authority_file, "authority_file");
  if (!authority.ok()) return authority.status();
  tls.pem_root_certs = *std::move(authority);
  if (!options.certificate_file.empty()) {
    auto certificate = ReadFile(options.certificate_file, "certificate_file");
    if (!certificate.ok()) return certificate.status();
    auto key = ReadFile(options.key_file, "key_file");
    if (!key.ok()) return key.status();
    tls.pem_cert_chain = *std::move(certificate);
    tls.pem_private_key = *std::move(key);
  }
  if (!options.token_file.empty()) {
    auto token = ReadFile(options.token_file, "token_file");
    if (!token.ok()) return token.status();
    state->token = token->substr(0, token->find_last_not_of(" \r\n\t") + 1);
  }
  state->role = ToRole(options.role);
  state->timeout = options.timeout;
  for (const std::string& endpoint : options.endpoints) {
    grpc::ChannelArguments arguments;
    if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
    state->stubs.push_back(croft::v1::LookupService::NewStub(
        grpc::CreateCustomChannel(endpoint, grpc::SslCredentials(tls), arguments)));
  }
  return std::unique_ptr<Remote>(new Remote(std::move(state)));
}

absl::StatusOr<Remote::Answer> Remote::Lookup(const std::string& name) {
  croft::v1::LookupRequest request;
  request.set_tenant(name);
  request.set_role(state_->role);
  const auto deadline = std::chrono::system_clock::now() + state_->timeout;
  grpc::Status status;
  for (size_t tries = 0; tries < state_->stubs.size(); ++tries) {
    const size_t which = state_->preferred.load() % state_->stubs.size();
    State::Call call(*state_);
    call.context.set_deadline(deadline);
    LookupResponse response;
    status = state_->stubs[which]->Lookup(&call.context, request, &response);
    if (status.ok()) {
      const auto& ttl = response.ttl();
      return Answer{WithoutCollection(response.tenant()), ToKnowledge(response),
                    std::chrono::milliseconds(ttl.seconds() * 1000 + ttl.nanos() / 1'000'000)};
    }
    if (IsRefusal(status.error_code())) {
      Answer refused;
      refused.knowledge.refusal = ToStatus(status.error_code(), status.error_message());
      refused.knowledge.confirmed = std::chrono::steady_clock::now();
      return refused;
    }
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE) break;
    state_->preferred.store(which + 1);
  }
  return ToStatus(status.error_code(), status.error_message());
}

absl::Status Remote::Watch(const std::optional<Cursor>& since,
                           const std::function<void(WatchedBatch)>& tell) {
  croft::v1::WatchPlacementsRequest request;
  request.set_role(state_->role);
  if (since) {
    request.mutable_since()->set_epoch(since->epoch);
    request.mutable_since()->set_revision(since->revision);
  }
  const size_t which = state_->preferred.load() % state_->stubs.size();
  State::Call call(*state_);
  const auto stream = state_->stubs[which]->WatchPlacements(&call.context, request);
  croft::v1::WatchPlacementsResponse response;
  while (stream->Read(&response)) {
    WatchedBatch batch;
    for (const auto& change : response.changes()) batch.changes.push_back(ToChange(change));
    if (response.has_revision()) {
      batch.cursor = Cursor{response.revision().epoch(), response.revision().revision()};
    }
    tell(std::move(batch));
  }
  const grpc::Status status = stream->Finish();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) state_->preferred.store(which + 1);
  // A stream that the server ended in peace is opened again like one that broke.
  if (status.ok()) return absl::UnavailableError("the watch ended");
  return ToStatus(status.error_code(), status.error_message());
}

void Remote::Stop() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  for (grpc::ClientContext* call : state_->calls) call->TryCancel();
}

}  // namespace croft::client
