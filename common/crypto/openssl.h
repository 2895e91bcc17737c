#pragma once

#include <memory>

#include <absl/strings/string_view.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

// Objects of OpenSSL that are freed with their owner, for the sources of this folder.
namespace croft::crypto {

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

// OpenSSL keeps errors in a queue of the thread, where a TLS connection on the same thread would take them
// for its own.
class CleanErrorQueue {
 public:
  CleanErrorQueue() = default;
  ~CleanErrorQueue() { ERR_clear_error(); }
  CleanErrorQueue(const CleanErrorQueue&) = delete;
  CleanErrorQueue& operator=(const CleanErrorQueue&) = delete;
};

// Does not copy `text`, which outlives it.
inline Bio Reader(absl::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without this, OpenSSL would ask on the terminal for an encrypted key's passphrase.
inline int NoPassphrase(char*, int, int, void*) { return -1; }

// Null for what is no key in PEM, or an encrypted one.
inline Key ReadKey(absl::string_view pem) {
  return Key(PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, NoPassphrase, nullptr));
}

// The first certificate; null where there is none.
inline Certificate ReadX509(absl::string_view pem) {
  return Certificate(PEM_read_bio_X509(Reader(pem).get(), nullptr, NoPassphrase, nullptr));
}

}  // namespace croft::crypto
