// Calls the control plane for the library: lookups and the watch, with the identity read from files.

#include "client/cpp/remote.h"

#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>

#include <grpcpp/grpcpp.h>

#include "client/cpp/answers.h"
#include "croft/v1/lookup.grpc.pb.h"

namespace croft::client {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path, const char* option) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::InvalidArgumentError(std::string(option) + ": cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

absl::Status ToStatus(const grpc::Status& status) {
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  absl::Status converted(code, status.error_message());
  return converted.ok() ? absl::UnknownError(status.error_message()) : converted;
}

std::string Trimmed(const std::string& text) {
  return text.substr(0, text.find_last_not_of(" \r\n\t") + 1);
}

// What the control plane says of the tenant, as opposed to that it could not be asked.
bool IsRefusal(const grpc::Status& status) {
  const grpc::StatusCode code = status.error_code();
  return code == grpc::StatusCode::NOT_FOUND || code == grpc::StatusCode::FAILED_PRECONDITION ||
         code == grpc::StatusCode::PERMISSION_DENIED || code == grpc::StatusCode::INVALID_ARGUMENT ||
         code == grpc::StatusCode::UNIMPLEMENTED;
}

croft::v1::Role ToRole(Locator::Role role) {
  switch (role) {
    case Locator::Role::kApp: return croft::v1::ROLE_APP;
    case Locator::Role::kReadOnly: return croft::v1::ROLE_READ_ONLY;
    case Locator::Role::kMigrate: return croft::v1::ROLE_MIGRATE;
  }
  return croft::v1::ROLE_APP;
}

croft::v1::Endpoint::Purpose ToPurpose(Locator::Purpose purpose) {
  switch (purpose) {
    case Locator::Purpose::kDirect: return croft::v1::Endpoint::PURPOSE_DIRECT;
    case Locator::Purpose::kPooled: return croft::v1::Endpoint::PURPOSE_POOLED;
    case Locator::Purpose::kReadReplica: return croft::v1::Endpoint::PURPOSE_READ_REPLICA;
  }
  return croft::v1::Endpoint::PURPOSE_DIRECT;
}

absl::StatusOr<WatchedBatch> ToBatch(const croft::v1::WatchPlacementsResponse& response) {
  WatchedBatch batch;
  for (const auto& change : response.changes()) {
    absl::StatusOr<WatchedChange> told = ToChange(change);
    if (!told.ok()) return told.status();
    batch.changes.push_back(*std::move(told));
  }
  if (response.has_revision()) {
    batch.cursor = Cursor{response.revision().epoch(), response.revision().revision()};
  }
  return batch;
}

// What is shown to the control plane, and what it must show; PEM.
struct Identity {
  std::string authority;
  std::string certificate;
  std::string key;
  friend bool operator==(const Identity&, const Identity&) = default;
};

absl::StatusOr<Identity> ReadIdentity(const Locator::Options& options) {
  Identity identity;
  auto authority = ReadFile(options.authority_file, "authority_file");
  if (!authority.ok()) return authority.status();
  identity.authority = *std::move(authority);
  if (options.certificate_file.empty()) return identity;
  auto certificate = ReadFile(options.certificate_file, "certificate_file");
  if (!certificate.ok()) return certificate.status();
  identity.certificate = *std::move(certificate);
  auto key = ReadFile(options.key_file, "key_file");
  if (!key.ok()) return key.status();
  identity.key = *std::move(key);
  return identity;
}

// One an endpoint.
using Stubs = std::vector<std::unique_ptr<croft::v1::LookupService::Stub>>;

std::shared_ptr<const Stubs> Connect(const Locator::Options& options, const Identity& identity) {
  const grpc::SslCredentialsOptions tls{identity.authority, identity.key, identity.certificate};
  auto stubs = std::make_shared<Stubs>();
  for (const std::string& endpoint : options.endpoints) {
    grpc::ChannelArguments arguments;
    if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
    stubs->push_back(croft::v1::LookupService::NewStub(
        grpc::CreateCustomChannel(endpoint, grpc::SslCredentials(tls), arguments)));
  }
  return stubs;
}

}  // namespace

struct Remote::State {
  Locator::Options options;
  croft::v1::Role role;
  croft::v1::Endpoint::Purpose purpose;
  std::atomic<size_t> preferred{0};  // counts on; the endpoint is the rest

  std::mutex mutex;
  Identity identity;
  std::shared_ptr<const Stubs> stubs;
  bool stopped = false;
  std::string token;  // the last one that could be read
  std::set<grpc::ClientContext*> calls;

  // A connection shows the identity that it was made with for as long as it lasts: with a renewed one, new ones are
  // made. The files are read for every question, which goes over the network anyway.
  std::shared_ptr<const Stubs> Renewed() {
    absl::StatusOr<Identity> now = ReadIdentity(options);
    const std::lock_guard lock(mutex);
    if (now.ok() && *now != identity) {
      identity = *std::move(now);
      stubs = Connect(options, identity);
    }
    return stubs;
  }

  // Makes the call known to Stop() while it lives.
  class Call {
   public:
    explicit Call(State& state) : state_(state) {
      absl::StatusOr<std::string> token;
      if (!state_.options.token_file.empty()) token = ReadFile(state_.options.token_file, "token_file");
      const std::lock_guard lock(state_.mutex);
      state_.calls.insert(&context);
      if (state_.stopped) context.TryCancel();
      if (token.ok() && !token->empty()) state_.token = Trimmed(*token);
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
  state->options = options;
  auto identity = ReadIdentity(options);
  if (!identity.ok()) return identity.status();
  state->identity = *std::move(identity);
  if (!options.token_file.empty()) {
    auto token = ReadFile(options.token_file, "token_file");
    if (!token.ok()) return token.status();
    state->token = Trimmed(*token);
  }
  state->role = ToRole(options.role);
  state->purpose = ToPurpose(options.purpose);
  state->stubs = Connect(options, state->identity);
  return std::unique_ptr<Remote>(new Remote(std::move(state)));
}

absl::StatusOr<Remote::Answer> Remote::Lookup(const std::string& name,
                                              const std::function<absl::Status(const Answer&)>& accept) {
  using Clock = std::chrono::system_clock;
  croft::v1::LookupRequest request;
  request.set_tenant(name);
  request.set_role(state_->role);
  request.set_purpose(state_->purpose);
  const auto deadline = Clock::now() + state_->options.timeout;
  const auto stubs = state_->Renewed();
  absl::Status failure;
  for (size_t left = stubs->size(); left > 0; --left) {
    size_t which = state_->preferred.load();
    State::Call call(*state_);
    // A slow one must leave time for the others.
    call.context.set_deadline(Clock::now() + (deadline - Clock::now()) / static_cast<int>(left));
    croft::v1::LookupResponse response;
    const grpc::Status status = (*stubs)[which % stubs->size()]->Lookup(&call.context, request, &response);
    if (IsRefusal(status)) {
      Answer refused;
      refused.knowledge.refusal = ToStatus(status);
      return refused;
    }
    absl::StatusOr<Answer> answer = ToStatus(status);
    if (status.ok()) answer = ToAnswer(response);
    failure = answer.ok() ? accept(*answer) : answer.status();
    if (failure.ok()) return answer;
    if (absl::IsCancelled(failure)) return failure;
    // Unless another thread moved on already.
    state_->preferred.compare_exchange_strong(which, which + 1);
  }
  return failure;
}

absl::Status Remote::Watch(const std::optional<Cursor>& since,
                           const std::function<absl::Status(WatchedBatch)>& tell) {
  croft::v1::WatchPlacementsRequest request;
  request.set_role(state_->role);
  request.set_purpose(state_->purpose);
  if (since) {
    request.mutable_since()->set_epoch(since->epoch);
    request.mutable_since()->set_revision(since->revision);
  }
  const auto stubs = state_->Renewed();
  size_t which = state_->preferred.load();
  State::Call call(*state_);
  const auto stream = (*stubs)[which % stubs->size()]->WatchPlacements(&call.context, request);
  absl::Status enough;
  for (croft::v1::WatchPlacementsResponse response; enough.ok() && stream->Read(&response);) {
    absl::StatusOr<WatchedBatch> batch = ToBatch(response);
    enough = batch.ok() ? tell(*std::move(batch)) : batch.status();
  }
  if (!enough.ok()) call.context.TryCancel();
  const grpc::Status status = stream->Finish();
  // A stream that the server ended in peace is opened again like one that broke.
  if (enough.ok()) enough = status.ok() ? absl::UnavailableError("the watch ended") : ToStatus(status);
  if (!absl::IsOutOfRange(enough) && !absl::IsCancelled(enough)) {
    state_->preferred.compare_exchange_strong(which, which + 1);
  }
  return enough;
}

void Remote::Stop() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  for (grpc::ClientContext* call : state_->calls) call->TryCancel();
}

}  // namespace croft::client
