#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

// Signatures of texts by the keys of certificates: ECDSA or RSA with SHA-256, as OpenSSL's `dgst -sha256 -verify` checks
// them. Keys and certificates are PEM.
namespace croft::crypto {

// Signs a text that comes in parts, without keeping it.
class TextSigner {
 public:
  // INVALID_ARGUMENT for a key that does not parse.
  static absl::StatusOr<TextSigner> Begin(absl::string_view private_key);
  TextSigner(TextSigner&&) noexcept;
  TextSigner& operator=(TextSigner&&) noexcept;
  ~TextSigner();

  // `text` follows what was added before.
  void Add(absl::string_view text);
  // Of all that was added. Once.
  [[nodiscard]] absl::StatusOr<std::string> Finish();

 private:
  struct Digest;
  explicit TextSigner(std::unique_ptr<Digest> digest);

  std::unique_ptr<Digest> digest_;
};

// INVALID_ARGUMENT for a key that does not parse.
[[nodiscard]] absl::StatusOr<std::string> SignText(absl::string_view private_key, absl::string_view text);

// Whether the key of the first certificate in `certificate` made `signature` for `text`.
[[nodiscard]] bool IsTextSigned(absl::string_view certificate, absl::string_view text,
                                absl::string_view signature);

}  // namespace croft::crypto
