// Calls the control plane, with retries and several servers.

#include "tools/croftctl/client.h"

#include <algorithm>

#include <absl/random/random.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "common/errors.h"
#include "tools/croftctl/diagnosis.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/files.h"
#include "tools/croftctl/tls_probe.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
constexpr absl::Duration kProbe = absl::Seconds(2);

absl::Status ReadInto(const std::string& path, absl::string_view flag, std::string& contents) {
  if (path.empty()) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(contents, ReadFile(path, flag));
  return absl::OkStatus();
}

std::shared_ptr<grpc::Channel> NewChannel(const std::string& server, const Identity& identity) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = identity.ca;
  tls.pem_cert_chain = identity.cert;
  tls.pem_private_key = identity.key;
  grpc::ChannelArguments arguments;
  // A page of tenants with large settings is more than gRPC's default of 4 MiB.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(absl::StrCat("dns:///", server), grpc::SslCredentials(tls), arguments);
}

// Half to one and a half times, so that many callers do not come back together.
absl::Duration Jittered(absl::Duration pause) {
  absl::BitGen random;
  return pause * absl::Uniform(random, 0.5, 1.5);
}

absl::Status Interrupted() {
  return WithExitCode(absl::CancelledError("interrupted"), ExitCode::kInterrupted);
}

}  // namespace

absl::StatusOr<Identity> ReadIdentity(const Connection& connection) {
  Identity identity;
  CROFT_RETURN_IF_ERROR(ReadInto(connection.ca, "--ca", identity.ca));
  CROFT_RETURN_IF_ERROR(ReadInto(connection.cert, "--cert", identity.cert));
  CROFT_RETURN_IF_ERROR(ReadInto(connection.key, "--key", identity.key));
  CROFT_RETURN_IF_ERROR(ReadInto(connection.token_file, "--token-file", identity.token));
  identity.token = std::string(absl::StripAsciiWhitespace(identity.token));
  const bool printable = std::all_of(identity.token.begin(), identity.token.end(),
                                     [](unsigned char c) { return absl::ascii_isgraph(c); });
  if (!connection.token_file.empty() && (identity.token.empty() || !printable)) {
    return UsageError(absl::StrCat("--token-file: ", connection.token_file, " does not hold one token"));
  }
  return identity;
}

Client::Client(const Connection& connection, const Identity& identity, absl::Time limit,
               Interrupts& interrupts, Terminal& terminal)
    : servers_(connection.servers),
      authorities_(identity.ca),
      token_(identity.token),
      limit_(limit),
      interrupts_(interrupts),
      terminal_(terminal) {
  for (const std::string& server : servers_) channels_.push_back(NewChannel(server, identity));
}

absl::Status Client::Retried(absl::string_view what, absl::Duration longest, const Attempt& attempt) {
  const absl::Time deadline = std::min(limit_, absl::Now() + longest);
  absl::Duration pause = kFirstPause;
  for (size_t tries = 1;; ++tries) {
    const size_t server = current();
    const absl::Time start = absl::Now();
    const absl::Status status = Once(deadline, attempt);
    terminal_.Detail(absl::StrCat(what, " at ", servers_[server], ": ",
                                  absl::StatusCodeToString(status.code()), " in ",
                                  DurationText(absl::Now() - start)));
    if (!absl::IsUnavailable(status)) return status;
    if (tries % servers_.size() != 0) continue;
    if (tries == servers_.size() && DetailsOf(status).reason.empty()) {
      CROFT_RETURN_IF_ERROR(CheckTrust(servers_[server], std::min(kProbe, deadline - absl::Now())));
    }
    const absl::Duration wait =
        std::max(Jittered(pause), DetailsOf(status).retry_delay.value_or(absl::ZeroDuration()));
    if (absl::Now() + wait >= deadline) return status;
    if (!interrupts_.Sleep(wait)) return Interrupted();
    pause = std::min(pause * 2, kLongestPause);
  }
}

absl::Status Client::Once(absl::Time deadline, const Attempt& attempt) {
  grpc::ClientContext context;
  if (deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(deadline));
  if (!token_.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  Interrupts::Scope scope(interrupts_, [&context] { context.TryCancel(); });
  const size_t server = current();
  const absl::Status status = FromGrpc(attempt(channels_[server], context));
  if (absl::IsCancelled(status) && interrupts_.Raised()) return Interrupted();
  if (absl::IsUnavailable(status)) MoveOn(server);
  return Explained(status);
}

absl::Status Client::CheckTrust(const std::string& server, absl::Duration timeout) const {
  const auto chain = ShownCertificates(server, timeout);
  if (!chain.ok()) return absl::OkStatus();
  for (const Finding& finding :
       CheckServerChain(server, *chain, SplitCertificates(authorities_), absl::Now())) {
    if (finding.level != Level::kFail) continue;
    return MakeError(
        absl::StatusCode::kUnavailable,
        absl::StrCat("cannot trust the control plane: the ", finding.subject, " ", finding.text),
        {.reason = "SERVER_NOT_TRUSTED", .metadata = {{"remedy", finding.remedy}}});
  }
  return absl::OkStatus();
}

absl::Status Client::Explained(const absl::Status& status) {
  // Croft's own errors have a reason and say enough.
  if (!DetailsOf(status).reason.empty()) return status;
  if (absl::IsDeadlineExceeded(status)) {
    return absl::DeadlineExceededError(
        absl::StrCat("no answer in time from ", absl::StrJoin(servers_, ", ")));
  }
  if (!absl::IsUnavailable(status)) return status;
  return absl::UnavailableError(absl::StrCat("cannot reach the control plane at ",
                                             absl::StrJoin(servers_, ", "), ": ", status.message()));
}

size_t Client::current() {
  MutexLock lock(mutex_);
  return current_;
}

void Client::MoveOn(size_t from) {
  MutexLock lock(mutex_);
  if (current_ == from) current_ = (from + 1) % servers_.size();
}

}  // namespace croft::ctl
