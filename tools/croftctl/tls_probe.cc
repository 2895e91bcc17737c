// Fetches the certificates that a server shows.

#include "tools/croftctl/tls_probe.h"

#include <functional>
#include <memory>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/sync.h"

namespace croft::ctl {
namespace {

namespace tls = grpc::experimental;

constexpr char kEnd[] = "-----END CERTIFICATE-----";

struct Seen {
  Mutex mutex;
  std::string chain ABSL_GUARDED_BY(mutex);
};

// Keeps what the server shows and lets no connection come about.
class Recorder : public tls::ExternalCertificateVerifier {
 public:
  explicit Recorder(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* status) override {
    const grpc::string_ref chain =
        request->peer_cert_full_chain().empty() ? request->peer_cert() : request->peer_cert_full_chain();
    MutexLock lock(seen_->mutex);
    seen_->chain.assign(chain.data(), chain.size());
    *status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "only looking");
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  std::shared_ptr<Seen> seen_;
};

// gRPC wants authorities even where it is told not to verify by them.
absl::StatusOr<std::string> AnyAuthority() {
  const absl::Time now = absl::Now();
  CROFT_ASSIGN_OR_RETURN(const crypto::KeyAndCertificate authority,
                         crypto::NewAuthority("nobody", now - absl::Hours(1), now + absl::Hours(1)));
  return authority.certificate;
}

void TryToConnect(grpc::Channel& channel, absl::Duration timeout) {
  const auto deadline = absl::ToChronoTime(absl::Now() + timeout);
  for (grpc_connectivity_state state = channel.GetState(true);
       state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE;
       state = channel.GetState(true)) {
    if (!channel.WaitForStateChange(state, deadline)) return;
  }
}

}  // namespace

std::vector<std::string> SplitCertificates(const std::string& pem) {
  std::vector<std::string> certificates;
  for (size_t begin = pem.find("-----BEGIN CERTIFICATE"); begin != std::string::npos;) {
    const size_t end = pem.find(kEnd, begin);
    if (end == std::string::npos) break;
    certificates.push_back(pem.substr(begin, end + sizeof kEnd - 1 - begin) + "\n");
    begin = pem.find("-----BEGIN CERTIFICATE", end);
  }
  return certificates;
}

absl::StatusOr<std::vector<std::string>> ShownCertificates(const std::string& server,
                                                           absl::Duration timeout) {
  CROFT_ASSIGN_OR_RETURN(const std::string authority, AnyAuthority());
  const auto seen = std::make_shared<Seen>();
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<tls::StaticDataCertificateProvider>(authority));
  options.watch_root_certs();
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<Recorder>(seen));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel =
      grpc::CreateCustomChannel(absl::StrCat("dns:///", server), tls::TlsCredentials(options), arguments);
  TryToConnect(*channel, timeout);
  MutexLock lock(seen->mutex);
  std::vector<std::string> certificates = SplitCertificates(seen->chain);
  if (certificates.empty()) return absl::UnavailableError(absl::StrCat("nothing speaks TLS at ", server));
  return certificates;
}

}  // namespace croft::ctl
