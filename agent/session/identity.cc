// Keeps the agent's key, certificates and authorities in files.

#include "agent/session/identity.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <sys/stat.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/names.h"

namespace croft::agent {
namespace {

constexpr char kHost[] = "host";
constexpr char kServers[] = "control-plane";
constexpr char kAuthority[] = "authority.crt";
constexpr char kKey[] = "agent.key";
// Written last when the agent joins: while it is missing, the agent has not joined.
constexpr char kCertificate[] = "agent.crt";
constexpr char kServerKey[] = "server.key";
constexpr char kServerCertificate[] = "server.crt";
constexpr char kServerAuthority[] = "server-authority.crt";

constexpr size_t kMaxFile = 256 << 10;
constexpr mode_t kPrivate = 0600;

absl::Status Damaged(const std::string& path, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("this agent's identity is damaged (", path, ": ", what,
                                "); remove its folder and join again with a new token"),
                   {.reason = "IDENTITY_DAMAGED", .metadata = {{"path", path}}});
}

absl::Status Write(const std::string& path, absl::string_view content) {
  return WriteFileDurably(path, content, kPrivate, IfFileExists::kReplace);
}

// The key in `path`, made there where it is missing.
absl::StatusOr<std::string> KeyAt(const std::string& path) {
  absl::StatusOr<std::string> key = ReadPrivateFile(path, kMaxFile);
  if (!absl::IsNotFound(key.status())) return key;
  std::string made = crypto::NewPrivateKey();
  CROFT_RETURN_IF_ERROR(WriteFileDurably(path, made, kPrivate, IfFileExists::kRefuse));
  return made;
}

}  // namespace

IdentityFiles::IdentityFiles(std::string directory, bool with_server)
    : directory_(std::move(directory)), with_server_(with_server) {}

std::string IdentityFiles::Path(const char* name) const { return absl::StrCat(directory_, "/", name); }

absl::StatusOr<IdentityFiles> IdentityFiles::Open(const std::string& state_directory, bool with_server) {
  std::string directory = absl::StrCat(state_directory, "/identity");
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("cannot make ", directory, ": ", std::strerror(errno)),
                     {.reason = "STATE_UNUSABLE", .metadata = {{"path", directory}}});
  }
  return IdentityFiles(std::move(directory), with_server);
}

absl::StatusOr<std::optional<Identity>> IdentityFiles::Load() const {
  Identity identity;
  absl::StatusOr<std::string> chain = ReadPrivateFile(Path(kCertificate), kMaxFile);
  if (absl::IsNotFound(chain.status())) return std::nullopt;
  CROFT_RETURN_IF_ERROR(chain.status());
  identity.certificate_chain = *std::move(chain);
  std::string servers;
  for (const auto& [name, part] :
       {std::pair{kHost, &identity.host}, std::pair{kServers, &servers},
        std::pair{kAuthority, &identity.authority}, std::pair{kKey, &identity.key}}) {
    absl::StatusOr<std::string> content = ReadPrivateFile(Path(name), kMaxFile);
    if (absl::IsNotFound(content.status())) return Damaged(Path(name), "it is missing");
    CROFT_RETURN_IF_ERROR(content.status());
    *part = *std::move(content);
  }
  absl::StripAsciiWhitespace(&identity.host);
  identity.servers = absl::StrSplit(servers, '\n', absl::SkipWhitespace());
  if (!CheckId(identity.host, "host").ok()) return Damaged(Path(kHost), "it holds no host's id");
  if (const absl::Status pair = crypto::CheckPair(identity.key, identity.certificate_chain); !pair.ok()) {
    return Damaged(Path(kCertificate), "it does not belong to the key beside it");
  }
  // Earlier versions kept none: one authority signed servers too.
  if (with_server_ && absl::IsNotFound(ReadPrivateFile(Path(kServerAuthority), kMaxFile).status())) {
    CROFT_RETURN_IF_ERROR(Write(Path(kServerAuthority), identity.authority));
  }
  return identity;
}

absl::StatusOr<CertificateRequests> IdentityFiles::Requests(const std::string& host) const {
  CertificateRequests requests;
  CROFT_ASSIGN_OR_RETURN(const std::string key, KeyAt(Path(kKey)));
  CROFT_ASSIGN_OR_RETURN(requests.agent, crypto::NewCertificateRequest(key, HostName(host)));
  if (!with_server_) return requests;
  CROFT_ASSIGN_OR_RETURN(const std::string server_key, KeyAt(Path(kServerKey)));
  CROFT_ASSIGN_OR_RETURN(requests.server, crypto::NewCertificateRequest(server_key, HostName(host)));
  return requests;
}

absl::Status IdentityFiles::Save(const std::string& host, const std::vector<std::string>& servers,
                                 const SignedCertificates& certificates) const {
  CROFT_ASSIGN_OR_RETURN(const std::string key, KeyAt(Path(kKey)));
  CROFT_RETURN_IF_ERROR(
      Annotate(crypto::CheckPair(key, certificates.agent), "the control plane signed another key"));
  if (with_server_ && !certificates.server.empty()) {
    CROFT_ASSIGN_OR_RETURN(const std::string server_key, KeyAt(Path(kServerKey)));
    CROFT_RETURN_IF_ERROR(Annotate(crypto::CheckPair(server_key, certificates.server),
                                   "the control plane signed another key for PostgreSQL"));
    CROFT_RETURN_IF_ERROR(Write(Path(kServerAuthority), certificates.server_authority.empty()
                                                            ? certificates.authority
                                                            : certificates.server_authority));
    CROFT_RETURN_IF_ERROR(Write(Path(kServerCertificate), certificates.server));
  }
  CROFT_RETURN_IF_ERROR(Write(Path(kAuthority), certificates.authority));
  CROFT_RETURN_IF_ERROR(Write(Path(kHost), absl::StrCat(host, "\n")));
  CROFT_RETURN_IF_ERROR(Write(Path(kServers), absl::StrCat(absl::StrJoin(servers, "\n"), "\n")));
  return Write(Path(kCertificate), certificates.agent);
}

ServerCertificatePaths IdentityFiles::server_certificate() const {
  return {.key = Path(kServerKey),
          .certificate = Path(kServerCertificate),
          .authority = Path(kServerAuthority)};
}

absl::StatusOr<absl::Time> RenewalTime(const std::string& certificate_chain) {
  CROFT_ASSIGN_OR_RETURN(const crypto::CertificateFacts facts, crypto::ReadCertificate(certificate_chain));
  return facts.not_before + (facts.not_after - facts.not_before) / 3 * 2;
}

}  // namespace croft::agent
