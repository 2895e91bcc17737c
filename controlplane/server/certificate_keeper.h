#pragma once

#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/clock.h"
#include "common/sync.h"
#include "controlplane/access/authority.h"

// Keeps the server's certificate valid.
namespace croft::server {

// An organisation's own certificate for the server, instead of one that Croft's authority signs. Agents still
// get theirs from Croft's.
struct OwnCertificate {
  std::string certificate;  // PEM files: chain, leaf first
  std::string key;
  std::string authority;  // for agents and applications to trust
};

// Keeps the one PEM file from which the listener serves: renewed in time, or copied from the organisation's
// files whenever those have become another good pair. A bad pair never gets there, since it would refuse every
// handshake.
class CertificateKeeper {
 public:
  // `own` is empty for Croft's authority. `folder` is `<state>/tls`. All outlive it.
  CertificateKeeper(const access::Authority& authority, std::string folder,
                    std::vector<std::string> server_names, OwnCertificate own, const Clock& clock);
  ~CertificateKeeper();
  CertificateKeeper(const CertificateKeeper&) = delete;
  CertificateKeeper& operator=(const CertificateKeeper&) = delete;

  // One look; call it and have it succeed before the file is served.
  absl::Status Maintain();
  // Looks again by itself from now on.
  void Start();
  // Has it look at once and log what it found, good or bad. Does not wait for that.
  void LookNow();
  void Stop();

  // Holds key and chain.
  const std::string& served_file() const { return served_file_; }

 private:
  absl::Status CopyOwn();
  void Run();

  const access::Authority& authority_;
  const std::vector<std::string> server_names_;
  const OwnCertificate own_;
  const std::string served_file_;
  const Clock& clock_;
  std::string complained_;  // of what, last

  Mutex mutex_;
  CondVar changed_;
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace croft::server
