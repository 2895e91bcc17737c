// Signs texts with the keys of certificates, and verifies signatures.

#include "common/crypto/signature.h"

#include <memory>

#include <openssl/evp.h>

#include "common/crypto/openssl.h"
#include "common/errors.h"

namespace croft::crypto {
namespace {

using Digest = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;

const unsigned char* BytesOf(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status CannotSign() {
  return MakeError(absl::StatusCode::kInternal, "OpenSSL could not sign", {.reason = "CRYPTO_FAILED"});
}

}  // namespace

absl::StatusOr<std::string> SignText(absl::string_view private_key, absl::string_view text) {
  const CleanErrorQueue clean;
  const Key key = ReadKey(private_key);
  if (key == nullptr) {
    return MakeError(absl::StatusCode::kInvalidArgument, "the private key is not PEM, or is encrypted",
                     {.reason = "BAD_CERTIFICATE"});
  }
  const Digest digest(EVP_MD_CTX_new());
  size_t size = 0;
  if (digest == nullptr ||
      EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(digest.get(), nullptr, &size, BytesOf(text), text.size()) != 1) {
    return CannotSign();
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, BytesOf(text),
                     text.size()) != 1) {
    return CannotSign();
  }
  signature.resize(size);
  return signature;
}

bool IsTextSigned(absl::string_view certificate, absl::string_view text, absl::string_view signature) {
  const CleanErrorQueue clean;
  const Certificate parsed = ReadX509(certificate);
  const Digest digest(EVP_MD_CTX_new());
  return parsed != nullptr && digest != nullptr &&
         EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr,
                              X509_get0_pubkey(parsed.get())) == 1 &&
         EVP_DigestVerify(digest.get(), BytesOf(signature), signature.size(), BytesOf(text), text.size()) ==
             1;
}

}  // namespace croft::crypto
