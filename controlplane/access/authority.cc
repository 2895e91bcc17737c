// The certificate authority: makes, signs and renews certificates.

#include "controlplane/access/authority.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/crypto/signature.h"
#include "common/errors.h"
#include "common/files.h"
#include "common/names.h"

namespace croft::access {
namespace {

constexpr size_t kMaxFileBytes = 256 * 1024;
constexpr absl::Duration kSlowClocks = absl::Hours(1);
constexpr absl::Duration kLeastPause = absl::Hours(1);
constexpr char kAuthorityName[] = "Croft authority";
constexpr char kDatabasesName[] = "Croft databases authority";
constexpr char kServerName[] = "croftd";
constexpr char kAdminName[] = "admin";

absl::Status Unusable(absl::string_view name, absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat(name, " cannot be used: ", why),
                   {.reason = "CERTIFICATE_UNUSABLE", .metadata = {{"file", std::string(name)}}});
}

absl::Status CheckTimes(absl::string_view name, const crypto::CertificateFacts& facts, absl::Time now) {
  if (now < facts.not_before) {
    return Unusable(name,
                    absl::StrCat("the certificate is valid only from ", absl::FormatTime(facts.not_before),
                                 "; is this machine's clock right?"));
  }
  if (now >= facts.not_after) {
    return Unusable(name, absl::StrCat("the certificate expired at ", absl::FormatTime(facts.not_after)));
  }
  return absl::OkStatus();
}

absl::Status FolderError(int error, absl::string_view action, absl::string_view path) {
  return MakeError(absl::StatusCode::kInternal,
                   absl::StrCat("cannot ", action, " ", path, ": ", std::strerror(error)),
                   {.reason = "FILE_IO", .metadata = {{"path", std::string(path)}}});
}

// A folder made under another name, which appears under its own only when all in it is on disk.
class FolderInTheMaking {
 public:
  static absl::StatusOr<FolderInTheMaking> Begin(absl::string_view path) {
    std::string temporary = absl::StrCat(path, ".XXXXXX");
    if (mkdtemp(temporary.data()) == nullptr) return FolderError(errno, "create a folder beside", path);
    return FolderInTheMaking(std::string(path), std::move(temporary));
  }
  FolderInTheMaking(FolderInTheMaking&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, "")) {}
  FolderInTheMaking& operator=(FolderInTheMaking&&) = delete;
  ~FolderInTheMaking() {
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
  }

  const std::string& path() const { return temporary_; }

  // ALREADY_EXISTS when there is a folder with anything in it.
  absl::Status Finish() {
    // The authority's certificate in it is for everybody; each key is 0600 by itself.
    if (chmod(temporary_.c_str(), 0755) != 0) return FolderError(errno, "set the mode of", temporary_);
    if (rename(temporary_.c_str(), path_.c_str()) != 0) {
      if (errno != EEXIST && errno != ENOTEMPTY) return FolderError(errno, "create", path_);
      return MakeError(absl::StatusCode::kAlreadyExists,
                       absl::StrCat(path_, " is there already; nothing was changed"),
                       {.reason = "TLS_EXISTS", .metadata = {{"path", path_}}});
    }
    temporary_.clear();
    return SyncParent();
  }

 private:
  FolderInTheMaking(std::string path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}

  absl::Status SyncParent() const {
    const std::string parent = std::filesystem::path(path_).parent_path().string();
    const int folder = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int error = folder >= 0 && fsync(folder) == 0 ? 0 : errno;
    if (folder >= 0) close(folder);
    return error == 0 ? absl::OkStatus() : FolderError(error, "sync", parent);
  }

  std::string path_;
  std::string temporary_;  // empty once it has its name
};

}  // namespace

TlsFiles::TlsFiles(absl::string_view folder)
    : directory(folder),
      authority_certificate(absl::StrCat(folder, "/ca.crt")),
      authority_key(absl::StrCat(folder, "/ca.key")),
      server(absl::StrCat(folder, "/server.pem")),
      admin_certificate(absl::StrCat(folder, "/admin.crt")),
      admin_key(absl::StrCat(folder, "/admin.key")),
      databases(absl::StrCat(folder, "/databases.pem")) {}

absl::Time RenewalTime(const crypto::CertificateFacts& facts) {
  return facts.not_before + (facts.not_after - facts.not_before) * 2 / 3;
}

absl::Status CheckServingPair(absl::string_view name, absl::string_view pem, absl::Time now) {
  const absl::StatusOr<crypto::CertificateFacts> facts = crypto::ReadCertificate(pem);
  if (!facts.ok()) return Unusable(name, facts.status().message());
  if (const absl::Status pair = crypto::CheckPair(pem, pem); !pair.ok())
    return Unusable(name, pair.message());
  return CheckTimes(name, *facts, now);
}

absl::Status Authority::Create(absl::string_view directory, const std::vector<std::string>& server_names,
                               absl::Time now) {
  CROFT_ASSIGN_OR_RETURN(FolderInTheMaking folder, FolderInTheMaking::Begin(directory));
  CROFT_ASSIGN_OR_RETURN(Signer own, MakeSigner(kAuthorityName, now));
  const TlsFiles files(folder.path());
  CROFT_ASSIGN_OR_RETURN(Signer databases, LoadDatabases(files.databases, now));
  const Authority authority(files, std::move(own), std::move(databases));
  const crypto::KeyAndCertificate& pair = authority.own_.pair;
  CROFT_RETURN_IF_ERROR(WriteFileDurably(files.authority_key, pair.key, 0600, IfFileExists::kRefuse));
  CROFT_RETURN_IF_ERROR(
      WriteFileDurably(files.authority_certificate, pair.certificate, 0644, IfFileExists::kRefuse));
  CROFT_RETURN_IF_ERROR(authority.WriteServer(server_names, now));
  CROFT_RETURN_IF_ERROR(authority.RenewAdmin(now));
  return folder.Finish();
}

absl::StatusOr<Authority> Authority::Load(absl::string_view directory, absl::Time now) {
  TlsFiles files(directory);
  crypto::KeyAndCertificate pair;
  CROFT_ASSIGN_OR_RETURN(pair.key, ReadPrivateFile(files.authority_key, kMaxFileBytes));
  CROFT_ASSIGN_OR_RETURN(pair.certificate, ReadSmallFile(files.authority_certificate, kMaxFileBytes));
  CROFT_ASSIGN_OR_RETURN(
      Signer own, CheckSigner(files.authority_key, files.authority_certificate, std::move(pair), now));
  CROFT_ASSIGN_OR_RETURN(Signer databases, LoadDatabases(files.databases, now));
  return Authority(std::move(files), std::move(own), std::move(databases));
}

absl::StatusOr<Authority::Signer> Authority::MakeSigner(absl::string_view name, absl::Time now) {
  Signer signer{.pair = {}, .begin = now - kSlowClocks, .end = now + kAuthorityLife};
  CROFT_ASSIGN_OR_RETURN(signer.pair, crypto::NewAuthority(name, signer.begin, signer.end));
  return signer;
}

absl::StatusOr<Authority::Signer> Authority::CheckSigner(const std::string& key_file,
                                                         const std::string& certificate_file,
                                                         crypto::KeyAndCertificate pair, absl::Time now) {
  const absl::StatusOr<crypto::CertificateFacts> facts = crypto::ReadCertificate(pair.certificate);
  if (!facts.ok()) return Unusable(certificate_file, facts.status().message());
  if (const absl::Status fits = crypto::CheckPair(pair.key, pair.certificate); !fits.ok()) {
    return Unusable(key_file, fits.message());
  }
  CROFT_RETURN_IF_ERROR(CheckTimes(certificate_file, *facts, now));
  return Signer{.pair = std::move(pair), .begin = facts->not_before, .end = facts->not_after};
}

// Key and certificate lie in one file, so that a crash leaves either both or none.
absl::StatusOr<Authority::Signer> Authority::LoadDatabases(const std::string& file, absl::Time now) {
  absl::StatusOr<std::string> pem = ReadPrivateFile(file, kMaxFileBytes);
  if (absl::IsNotFound(pem.status())) {
    CROFT_ASSIGN_OR_RETURN(Signer made, MakeSigner(kDatabasesName, now));
    CROFT_RETURN_IF_ERROR(WriteFileDurably(file, absl::StrCat(made.pair.key, made.pair.certificate), 0600,
                                           IfFileExists::kRefuse));
    return made;
  }
  CROFT_RETURN_IF_ERROR(pem.status());
  const size_t certificate = pem->find("-----BEGIN CERTIFICATE-----");
  if (certificate == std::string::npos) return Unusable(file, "there is no certificate in it");
  return CheckSigner(file, file, {.key = *pem, .certificate = pem->substr(certificate)}, now);
}

std::string Authority::databases_trust(absl::Time now) const {
  const bool added_later = databases_.begin > own_.begin;
  const bool old_ones_live = now < databases_.begin + kSlowClocks + kServerLife;
  return absl::StrCat(databases_.pair.certificate,
                      added_later && old_ones_live ? own_.pair.certificate : "");
}

absl::StatusOr<std::string> Authority::Sign(const Signer& signer, absl::string_view request,
                                            crypto::CertificateSpec spec, absl::Duration life,
                                            absl::Time now) {
  spec.not_before = now - kSlowClocks;
  spec.not_after = std::min(now + life, signer.end);
  if (spec.not_after <= now) {
    return Unusable("the certificate authority",
                    absl::StrCat("it expired at ", absl::FormatTime(signer.end)));
  }
  return crypto::SignRequest(signer.pair, request, spec);
}

absl::StatusOr<std::string> Authority::SignAgent(absl::string_view host, absl::string_view request,
                                                 absl::Time now) const {
  return Sign(own_, request, {.common_name = HostName(host), .use = crypto::CertificateUse::kAgent},
              kAgentLife, now);
}

absl::StatusOr<std::string> Authority::SignUser(absl::string_view principal, absl::string_view request,
                                                absl::Time now) const {
  return Sign(own_, request,
              {.common_name = PrincipalName(principal), .use = crypto::CertificateUse::kClient}, kUserLife,
              now);
}

absl::StatusOr<std::string> Authority::SignManagedServer(absl::string_view host, absl::string_view request,
                                                         const std::vector<std::string>& server_names,
                                                         absl::Time now) const {
  return Sign(databases_, request,
              {.common_name = absl::StrCat("postgres/", host),
               .server_names = server_names,
               .use = crypto::CertificateUse::kServer},
              kServerLife, now);
}

absl::StatusOr<std::string> Authority::SignStatement(absl::string_view text) const {
  return crypto::SignText(own_.pair.key, text);
}

absl::StatusOr<crypto::TextSigner> Authority::BeginStatement() const {
  return crypto::TextSigner::Begin(own_.pair.key);
}

bool Authority::HasSigned(absl::string_view text, absl::string_view signature) const {
  return crypto::IsTextSigned(own_.pair.certificate, text, signature);
}

absl::Status Authority::WriteServer(const std::vector<std::string>& server_names, absl::Time now) const {
  const std::string key = crypto::NewPrivateKey();
  CROFT_ASSIGN_OR_RETURN(const std::string request, crypto::NewCertificateRequest(key, kServerName));
  CROFT_ASSIGN_OR_RETURN(const std::string certificate, Sign(own_, request,
                                                             {.common_name = kServerName,
                                                              .server_names = server_names,
                                                              .use = crypto::CertificateUse::kServer},
                                                             kServerLife, now));
  return WriteFileDurably(files_.server, absl::StrCat(key, certificate), 0600, IfFileExists::kReplace);
}

absl::StatusOr<absl::Time> Authority::MaintainServer(const std::vector<std::string>& server_names,
                                                     absl::Time now) const {
  // A file open to others is an error, not a reason to write a new one: somebody should know.
  const absl::StatusOr<std::string> pem = ReadPrivateFile(files_.server, kMaxFileBytes);
  if (!pem.ok() && !absl::IsNotFound(pem.status())) return pem.status();
  if (pem.ok() && CheckServingPair(files_.server, *pem, now).ok() &&
      crypto::SignedBy(*pem, own_.pair.certificate)) {
    CROFT_ASSIGN_OR_RETURN(const crypto::CertificateFacts facts, crypto::ReadCertificate(*pem));
    if (facts.server_names == server_names && now < RenewalTime(facts)) return RenewalTime(facts);
  }
  CROFT_RETURN_IF_ERROR(WriteServer(server_names, now));
  CROFT_ASSIGN_OR_RETURN(const std::string renewed, ReadPrivateFile(files_.server, kMaxFileBytes));
  CROFT_ASSIGN_OR_RETURN(const crypto::CertificateFacts facts, crypto::ReadCertificate(renewed));
  // Cut short by the authority's end it may be due at once; that is no reason to write files in a circle.
  return std::max(RenewalTime(facts), now + kLeastPause);
}

absl::Status Authority::RenewAdmin(absl::Time now) const {
  const std::string key = crypto::NewPrivateKey();
  CROFT_ASSIGN_OR_RETURN(const std::string request, crypto::NewCertificateRequest(key, kAdminName));
  CROFT_ASSIGN_OR_RETURN(
      const std::string certificate,
      Sign(own_, request, {.common_name = kAdminName, .use = crypto::CertificateUse::kClient}, kAdminLife,
           now));
  CROFT_RETURN_IF_ERROR(WriteFileDurably(files_.admin_key, key, 0600, IfFileExists::kReplace));
  return WriteFileDurably(files_.admin_certificate, certificate, 0644, IfFileExists::kReplace);
}

}  // namespace croft::access
