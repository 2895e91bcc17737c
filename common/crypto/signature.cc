// Signs texts with the keys of certificates, and verifies signatures.

#include "common/crypto/signature.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/errors.h"

namespace croft::crypto {
namespace {

template <auto kFree>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;

// OpenSSL keeps errors in a queue of the thread, where a TLS connection on the same thread would take them for its own.
struct CleanErrorQueue {
  ~CleanErrorQueue() { ERR_clear_error(); }
};

// Without this, OpenSSL would ask on the terminal for an encrypted key's passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

Bio Reader(absl::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

const unsigned char* BytesOf(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status CannotSign() {
  return MakeError(absl::StatusCode::kInternal, "OpenSSL could not sign", {.reason = "CRYPTO_FAILED"});
}

}  // namespace

absl::StatusOr<std::string> SignText(absl::string_view private_key, absl::string_view text) {
  const CleanErrorQueue clean;
  const Key key(PEM_read_bio_PrivateKey(Reader(private_key).get(), nullptr, NoPassphrase, nullptr));
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
  const Certificate parsed(PEM_read_bio_X509(Reader(certificate).get(), nullptr, NoPassphrase, nullptr));
  const Digest digest(EVP_MD_CTX_new());
  return parsed != nullptr && digest != nullptr &&
         EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr,
                              X509_get0_pubkey(parsed.get())) == 1 &&
         EVP_DigestVerify(digest.get(), BytesOf(signature), signature.size(), BytesOf(text), text.size()) ==
             1;
}

}  // namespace croft::crypto
