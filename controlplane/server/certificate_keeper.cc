// Renews the server's certificate, or rereads an organisation's own.

#include "controlplane/server/certificate_keeper.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/files.h"
#include "common/log.h"

namespace croft::server {
namespace {

constexpr size_t kMaxPemBytes = 256 * 1024;
constexpr absl::Duration kInterval = absl::Minutes(1);

std::string ServedFile(const std::string& folder, const OwnCertificate& own) {
  return own.certificate.empty() ? access::TlsFiles(folder).server : absl::StrCat(folder, "/served.pem");
}

}  // namespace

CertificateKeeper::CertificateKeeper(const access::Authority& authority, std::string folder,
                                     std::vector<std::string> server_names, OwnCertificate own,
                                     const Clock& clock)
    : authority_(authority),
      server_names_(std::move(server_names)),
      own_(std::move(own)),
      served_file_(ServedFile(folder, own_)),
      clock_(clock) {}

CertificateKeeper::~CertificateKeeper() { Stop(); }

absl::Status CertificateKeeper::Maintain() {
  return own_.certificate.empty() ? authority_.MaintainServer(server_names_, clock_.Now()).status()
                                  : CopyOwn();
}

absl::Status CertificateKeeper::CopyOwn() {
  CROFT_ASSIGN_OR_RETURN(const std::string key, ReadPrivateFile(own_.key, kMaxPemBytes));
  CROFT_ASSIGN_OR_RETURN(const std::string chain, ReadSmallFile(own_.certificate, kMaxPemBytes));
  const std::string pem = absl::StrCat(key, "\n", chain);
  if (const auto served = ReadPrivateFile(served_file_, kMaxPemBytes); served.ok() && *served == pem) {
    return absl::OkStatus();
  }
  CROFT_RETURN_IF_ERROR(access::CheckServingPair(own_.certificate, pem, clock_.Now()));
  return WriteFileDurably(served_file_, pem, 0600, IfFileExists::kReplace);
}

void CertificateKeeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void CertificateKeeper::LookNow() {
  {
    const MutexLock lock(mutex_);
    asked_ = true;
  }
  changed_.NotifyAll();
}

void CertificateKeeper::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void CertificateKeeper::Run() {
  for (;;) {
    bool asked = false;
    {
      const MutexLock lock(mutex_);
      if (!stopping_ && !asked_) changed_.WaitFor(mutex_, kInterval);
      if (stopping_) return;
      asked = std::exchange(asked_, false);
    }
    const absl::Status status = Maintain();
    const std::string complaint = status.ok() ? "" : std::string(status.message());
    if (asked && complaint.empty()) log::Info("the certificates were read again");
    if (!complaint.empty() && (asked || complaint != complained_)) {
      log::Error("the server's certificate cannot be renewed", {{"error", complaint}});
    }
    complained_ = complaint;
  }
}

}  // namespace croft::server
