// Makes and reads keys, certificates and certificate requests.

#include "common/crypto/x509.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "common/crypto/hash.h"
#include "common/crypto/openssl.h"
#include "common/errors.h"

namespace croft::crypto {
namespace {

using Request = std::unique_ptr<X509_REQ, FreedBy<X509_REQ_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreedBy<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreedBy<GENERAL_NAMES_free>>;
using Name = std::unique_ptr<GENERAL_NAME, FreedBy<GENERAL_NAME_free>>;
using Time = std::unique_ptr<ASN1_TIME, FreedBy<ASN1_TIME_free>>;

absl::Status Bad(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, message, {.reason = "BAD_CERTIFICATE"});
}

absl::Status Failed(absl::string_view what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return MakeError(absl::StatusCode::kInternal,
                   absl::StrCat("OpenSSL could not ", what, reason == nullptr ? "" : ": ",
                                reason == nullptr ? "" : reason),
                   {.reason = "CRYPTO_FAILED"});
}

std::string Contents(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size <= 0 ? std::string() : std::string(data, static_cast<size_t>(size));
}

template <typename Write, typename Object>
absl::StatusOr<std::string> ToPem(Write write, Object* object) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || write(bio.get(), object) != 1) return Failed("write PEM");
  return Contents(bio);
}

absl::StatusOr<std::string> KeyPem(EVP_PKEY* key) {
  return ToPem(
      [](BIO* bio, EVP_PKEY* object) {
        return PEM_write_bio_PKCS8PrivateKey(bio, object, nullptr, nullptr, 0, nullptr, nullptr);
      },
      key);
}

bool SetCommonName(X509_NAME* name, absl::string_view common_name) {
  // As a ready UTF8String: asked to choose the type, OpenSSL refuses more than 64 characters, and `hosts/H`
  // can be 69 long.
  return X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

// Empty when there is none, or several, so that nobody picks one of two identities.
std::string CommonName(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, index) >= 0) return "";
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) return "";
  std::string common_name(reinterpret_cast<char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return common_name;
}

bool SetSerial(X509* certificate) {
  // 159 random bits: positive, and within the 20 bytes of RFC 5280.
  unsigned char bytes[20];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
  const std::unique_ptr<BIGNUM, FreedBy<BN_free>> number(BN_bin2bn(bytes, sizeof(bytes), nullptr));
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetValidity(X509* certificate, absl::Time not_before, absl::Time not_after) {
  const Time from(ASN1_TIME_set(nullptr, absl::ToTimeT(not_before)));
  const Time to(ASN1_TIME_set(nullptr, absl::ToTimeT(not_after)));
  return from != nullptr && to != nullptr && X509_set1_notBefore(certificate, from.get()) == 1 &&
         X509_set1_notAfter(certificate, to.get()) == 1;
}

// `value` is in OpenSSL's configuration syntax: constants only.
bool AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// The address in network order; empty when `text` is none.
std::string IpBytes(const std::string& text) {
  std::string bytes(16, '\0');
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
  return "";
}

std::string IpText(absl::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) return "";
  return inet_ntop(family, bytes.data(), text, sizeof(text)) == nullptr ? "" : text;
}

bool IsDnsName(absl::string_view name) {
  const absl::string_view rest = name.substr(0, 2) == "*." ? name.substr(2) : name;
  return !rest.empty() && name.size() <= 253 && rest.front() != '.' && rest.front() != '-' &&
         std::all_of(rest.begin(), rest.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
         });
}

Name MakeGeneralName(const std::string& text) {
  const std::string ip = IpBytes(text);
  const absl::string_view value = ip.empty() ? absl::string_view(text) : absl::string_view(ip);
  Name name(GENERAL_NAME_new());
  std::unique_ptr<ASN1_STRING, FreedBy<ASN1_STRING_free>> string(
      ASN1_STRING_type_new(ip.empty() ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING));
  if (name == nullptr || string == nullptr ||
      ASN1_STRING_set(string.get(), value.data(), static_cast<int>(value.size())) != 1) {
    return nullptr;
  }
  GENERAL_NAME_set0_value(name.get(), ip.empty() ? GEN_DNS : GEN_IPADD, string.release());
  return name;
}

// Built as structures and not as text, so that no name can bring a second one with it.
bool AddServerNames(X509* certificate, const std::vector<std::string>& server_names) {
  if (server_names.empty()) return true;
  const Names names(sk_GENERAL_NAME_new_null());
  if (names == nullptr) return false;
  for (const std::string& text : server_names) {
    Name name = MakeGeneralName(text);
    if (name == nullptr || sk_GENERAL_NAME_push(names.get(), name.get()) <= 0) return false;
    name.release();  // NOLINT: the stack owns it now
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

std::vector<std::string> ServerNames(const X509* certificate) {
  std::vector<std::string> texts;
  const Names names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type));
    if (type != GEN_DNS && type != GEN_IPADD) continue;
    const absl::string_view bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                  static_cast<size_t>(ASN1_STRING_length(value)));
    texts.push_back(type == GEN_DNS ? std::string(bytes) : IpText(bytes));
  }
  return texts;
}

absl::Time FromAsn1(const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

const char* ExtendedUse(CertificateUse use) {
  switch (use) {
    case CertificateUse::kServer: return "serverAuth";
    case CertificateUse::kClient:
    case CertificateUse::kAgent: return "clientAuth";
  }
  std::abort();
}

absl::Status CheckSpec(const CertificateSpec& spec) {
  if (spec.common_name.empty()) return InvalidField("common_name", "must not be empty");
  if (spec.not_after <= spec.not_before) return InvalidField("not_after", "must be after not_before");
  for (const std::string& name : spec.server_names) {
    if (IpBytes(name).empty() && !IsDnsName(name)) {
      return InvalidField("server_names",
                          "must be DNS names and IP addresses, such as db1.example.org or 10.0.0.7");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Request> ReadRequest(absl::string_view pem) {
  Request request(PEM_read_bio_X509_REQ(Reader(pem).get(), nullptr, NoPassphrase, nullptr));
  if (request == nullptr) return Bad("the certificate request is not PEM of PKCS #10");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr || X509_REQ_verify(request.get(), key) != 1) {
    return Bad("the certificate request's signature is wrong: it was not made with its own key");
  }
  // Weak or costly keys have no place here: P-256 is what Croft makes itself.
  const bool curve =
      EVP_PKEY_get_base_id(key) == EVP_PKEY_EC || EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
  const bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048 &&
                   EVP_PKEY_get_bits(key) <= 8192;
  if (!curve && !rsa) {
    return Bad("the certificate request's key must be elliptic-curve, Ed25519 or RSA of 2048 to 8192 bits");
  }
  return request;
}

}  // namespace

std::string NewPrivateKey() {
  const CleanErrorQueue clean;
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) std::abort();
  absl::StatusOr<std::string> pem = KeyPem(key.get());
  if (!pem.ok()) std::abort();
  return *std::move(pem);
}

absl::StatusOr<KeyAndCertificate> NewAuthority(absl::string_view common_name, absl::Time not_before,
                                               absl::Time not_after) {
  const CleanErrorQueue clean;
  KeyAndCertificate authority{.key = NewPrivateKey(), .certificate = ""};
  const Key key = ReadKey(authority.key);
  const Certificate certificate(X509_new());
  if (key == nullptr || certificate == nullptr) return Failed("make a certificate");
  X509* x509 = certificate.get();
  X509_NAME* subject = X509_get_subject_name(x509);
  if (X509_set_version(x509, X509_VERSION_3) != 1 || !SetSerial(x509) ||
      !SetValidity(x509, not_before, not_after) || !SetCommonName(subject, common_name) ||
      X509_set_issuer_name(x509, subject) != 1 || X509_set_pubkey(x509, key.get()) != 1 ||
      !AddExtension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(x509, x509, NID_subject_key_identifier, "hash") ||
      X509_sign(x509, key.get(), EVP_sha256()) == 0) {
    return Failed("make the authority's certificate");
  }
  CROFT_ASSIGN_OR_RETURN(authority.certificate, ToPem(PEM_write_bio_X509, x509));
  return authority;
}

absl::StatusOr<std::string> NewCertificateRequest(absl::string_view private_key,
                                                  absl::string_view common_name) {
  const CleanErrorQueue clean;
  const Key key = ReadKey(private_key);
  if (key == nullptr) return Bad("the private key is not PEM, or is encrypted");
  const Request request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      !SetCommonName(X509_REQ_get_subject_name(request.get()), common_name) ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0) {
    return Failed("make a certificate request");
  }
  return ToPem(PEM_write_bio_X509_REQ, request.get());
}

absl::StatusOr<std::string> SignRequest(const KeyAndCertificate& authority, absl::string_view request,
                                        const CertificateSpec& spec) {
  const CleanErrorQueue clean;
  CROFT_RETURN_IF_ERROR(CheckSpec(spec));
  CROFT_ASSIGN_OR_RETURN(const Request parsed, ReadRequest(request));
  CROFT_RETURN_IF_ERROR(Annotate(CheckPair(authority.key, authority.certificate), "certificate authority"));
  const Key key = ReadKey(authority.key);
  const Certificate issuer = ReadX509(authority.certificate);
  const Certificate certificate(X509_new());
  if (certificate == nullptr) return Failed("make a certificate");
  X509* x509 = certificate.get();
  if (X509_set_version(x509, X509_VERSION_3) != 1 || !SetSerial(x509) ||
      !SetValidity(x509, spec.not_before, spec.not_after) ||
      !SetCommonName(X509_get_subject_name(x509), spec.common_name) ||
      X509_set_issuer_name(x509, X509_get_subject_name(issuer.get())) != 1 ||
      X509_set_pubkey(x509, X509_REQ_get0_pubkey(parsed.get())) != 1 ||
      !AddExtension(x509, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(x509, issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(x509, issuer.get(), NID_ext_key_usage, ExtendedUse(spec.use)) ||
      !AddExtension(x509, issuer.get(), NID_subject_key_identifier, "hash") ||
      !AddExtension(x509, issuer.get(), NID_authority_key_identifier, "keyid") ||
      !AddServerNames(x509, spec.server_names) || X509_sign(x509, key.get(), EVP_sha256()) == 0) {
    return Failed("sign a certificate");
  }
  return ToPem(PEM_write_bio_X509, x509);
}

absl::StatusOr<CertificateFacts> ReadCertificate(absl::string_view pem) {
  const CleanErrorQueue clean;
  const Certificate certificate = ReadX509(pem);
  if (certificate == nullptr) return Bad("there is no certificate in PEM form");
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  if (size <= 0) return Failed("encode a certificate");
  CertificateFacts facts;
  facts.fingerprint =
      Hex(Sha256(absl::string_view(reinterpret_cast<char*>(der), static_cast<size_t>(size))));
  OPENSSL_free(der);
  facts.common_name = CommonName(X509_get_subject_name(certificate.get()));
  facts.issuer = CommonName(X509_get_issuer_name(certificate.get()));
  facts.server_names = ServerNames(certificate.get());
  facts.not_before = FromAsn1(X509_get0_notBefore(certificate.get()));
  facts.not_after = FromAsn1(X509_get0_notAfter(certificate.get()));
  return facts;
}

bool SignedBy(absl::string_view certificate, absl::string_view authority) {
  const CleanErrorQueue clean;
  const Certificate subject = ReadX509(certificate);
  const Certificate issuer = ReadX509(authority);
  if (subject == nullptr || issuer == nullptr || X509_check_ca(issuer.get()) == 0) return false;
  return X509_check_issued(issuer.get(), subject.get()) == X509_V_OK &&
         X509_verify(subject.get(), X509_get0_pubkey(issuer.get())) == 1;
}

absl::Status CheckPair(absl::string_view private_key, absl::string_view certificate_chain) {
  const CleanErrorQueue clean;
  const Key key = ReadKey(private_key);
  if (key == nullptr) return Bad("the private key is not PEM, or is encrypted");
  const Certificate certificate = ReadX509(certificate_chain);
  if (certificate == nullptr) return Bad("there is no certificate in PEM form");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Bad("the certificate does not belong to the private key");
  }
  return absl::OkStatus();
}

}  // namespace croft::crypto
