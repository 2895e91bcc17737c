#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

// Certificates by OpenSSL; everything in and out is PEM.
namespace croft::crypto {

struct KeyAndCertificate {
  std::string key;
  std::string certificate;
};

// An EC P-256 private key.
[[nodiscard]] std::string NewPrivateKey();

// A self-signed authority.
[[nodiscard]] absl::StatusOr<KeyAndCertificate> NewAuthority(absl::string_view common_name,
                                                             absl::Time not_before, absl::Time not_after);

enum class CertificateUse { kServer, kClient, kAgent };

struct CertificateSpec {
  std::string common_name;                // such as "hosts/h1" or "admin"
  std::vector<std::string> server_names;  // DNS names and IP addresses
  CertificateUse use = CertificateUse::kClient;
  absl::Time not_before;
  absl::Time not_after;
};

// PKCS #10 with `common_name` as its subject.
[[nodiscard]] absl::StatusOr<std::string> NewCertificateRequest(absl::string_view private_key,
                                                                absl::string_view common_name);

// Signs the request's key under `spec`; subject and names of the request itself are ignored.
// INVALID_ARGUMENT for a request that does not parse or whose signature is wrong.
[[nodiscard]] absl::StatusOr<std::string> SignRequest(const KeyAndCertificate& authority,
                                                      absl::string_view request,
                                                      const CertificateSpec& spec);

struct CertificateFacts {
  std::string common_name;
  std::string fingerprint;  // SHA-256 of the DER, lower-case hexadecimal
  std::string issuer;       // common name
  std::vector<std::string> server_names;
  absl::Time not_before;
  absl::Time not_after;
};

// Facts of the first certificate in `pem`. INVALID_ARGUMENT when there is none.
[[nodiscard]] absl::StatusOr<CertificateFacts> ReadCertificate(absl::string_view pem);

// Whether `certificate` was signed by `authority`. Does not look at times.
[[nodiscard]] bool SignedBy(absl::string_view certificate, absl::string_view authority);

// OK when the first certificate in `certificate_chain` belongs to `private_key`.
[[nodiscard]] absl::Status CheckPair(absl::string_view private_key, absl::string_view certificate_chain);

}  // namespace croft::crypto
