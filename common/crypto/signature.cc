// Signs texts with the keys of certificates, and verifies signatures.

#include "common/crypto/signature.h"

#include <memory>
#include <utility>

#include <openssl/evp.h>

#include "common/crypto/openssl.h"
#include "common/errors.h"

namespace croft::crypto {
namespace {

using Context = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;

const unsigned char* BytesOf(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status CannotSign() {
  return MakeError(absl::StatusCode::kInternal, "OpenSSL could not sign", {.reason = "CRYPTO_FAILED"});
}

}  // namespace

struct TextSigner::Digest {
  Key key;
  Context context{EVP_MD_CTX_new()};
  bool ok = true;
};

TextSigner::TextSigner(std::unique_ptr<Digest> digest) : digest_(std::move(digest)) {}
TextSigner::TextSigner(TextSigner&&) noexcept = default;
TextSigner& TextSigner::operator=(TextSigner&&) noexcept = default;
TextSigner::~TextSigner() = default;

absl::StatusOr<TextSigner> TextSigner::Begin(absl::string_view private_key) {
  const CleanErrorQueue clean;
  auto digest = std::make_unique<Digest>(Digest{.key = ReadKey(private_key)});
  if (digest->key == nullptr) {
    return MakeError(absl::StatusCode::kInvalidArgument, "the private key is not PEM, or is encrypted",
                     {.reason = "BAD_CERTIFICATE"});
  }
  if (digest->context == nullptr ||
      EVP_DigestSignInit(digest->context.get(), nullptr, EVP_sha256(), nullptr, digest->key.get()) != 1) {
    return CannotSign();
  }
  return TextSigner(std::move(digest));
}

void TextSigner::Add(absl::string_view text) {
  const CleanErrorQueue clean;
  digest_->ok = digest_->ok && EVP_DigestSignUpdate(digest_->context.get(), text.data(), text.size()) == 1;
}

absl::StatusOr<std::string> TextSigner::Finish() {
  const CleanErrorQueue clean;
  size_t size = 0;
  if (!digest_->ok || EVP_DigestSignFinal(digest_->context.get(), nullptr, &size) != 1) return CannotSign();
  std::string signature(size, '\0');
  if (EVP_DigestSignFinal(digest_->context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                          &size) != 1) {
    return CannotSign();
  }
  signature.resize(size);
  return signature;
}

absl::StatusOr<std::string> SignText(absl::string_view private_key, absl::string_view text) {
  CROFT_ASSIGN_OR_RETURN(TextSigner signer, TextSigner::Begin(private_key));
  signer.Add(text);
  return signer.Finish();
}

bool IsTextSigned(absl::string_view certificate, absl::string_view text, absl::string_view signature) {
  const CleanErrorQueue clean;
  const Certificate parsed = ReadX509(certificate);
  const Context digest(EVP_MD_CTX_new());
  return parsed != nullptr && digest != nullptr &&
         EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr,
                              X509_get0_pubkey(parsed.get())) == 1 &&
         EVP_DigestVerify(digest.get(), BytesOf(signature), signature.size(), BytesOf(text), text.size()) ==
             1;
}

}  // namespace croft::crypto
