#include "common/crypto/x509.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::crypto {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

class X509 : public testing::Test {
 protected:
  static CertificateSpec Spec() {
    return {.common_name = "hosts/h1",
            .server_names = {"db1.example.org", "127.0.0.1", "::1"},
            .use = CertificateUse::kServer,
            .not_before = kNow,
            .not_after = kNow + absl::Hours(24)};
  }

  const KeyAndCertificate authority_ = *NewAuthority("Croft", kNow, kNow + absl::Hours(24 * 3650));
  const std::string key_ = NewPrivateKey();
  const std::string request_ = *NewCertificateRequest(key_, "whoever");
};

TEST_F(X509, SignedCertificateCarriesWhatTheSpecSays) {
  const absl::StatusOr<std::string> certificate = SignRequest(authority_, request_, Spec());
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  const CertificateFacts facts = *ReadCertificate(*certificate);
  EXPECT_EQ(facts.common_name, "hosts/h1");
  EXPECT_EQ(facts.issuer, "Croft");
  EXPECT_THAT(facts.server_names, ElementsAre("db1.example.org", "127.0.0.1", "::1"));
  EXPECT_EQ(facts.not_before, kNow);
  EXPECT_EQ(facts.not_after, kNow + absl::Hours(24));
  EXPECT_EQ(facts.fingerprint.size(), 64u);
  EXPECT_TRUE(SignedBy(*certificate, authority_.certificate));
  EXPECT_TRUE(CheckPair(key_, *certificate).ok());
}

TEST_F(X509, KeyAndChainInOneTextAreRead) {
  const std::string certificate = *SignRequest(authority_, request_, Spec());
  const std::string bundle = key_ + certificate + authority_.certificate;
  EXPECT_EQ(ReadCertificate(bundle)->common_name, "hosts/h1");
  EXPECT_TRUE(CheckPair(bundle, bundle).ok());
}

TEST_F(X509, EveryCertificateHasItsOwnFingerprint) {
  EXPECT_NE(ReadCertificate(*SignRequest(authority_, request_, Spec()))->fingerprint,
            ReadCertificate(*SignRequest(authority_, request_, Spec()))->fingerprint);
}

TEST_F(X509, TheLongestHostNameFits) {
  CertificateSpec spec = Spec();
  spec.common_name = "hosts/" + std::string(63, 'h');
  EXPECT_EQ(ReadCertificate(*SignRequest(authority_, request_, spec))->common_name, spec.common_name);
}

TEST_F(X509, ANameWithANulIsNotCut) {
  CertificateSpec spec = Spec();
  spec.common_name = std::string("admin\0.evil", 11);
  EXPECT_EQ(ReadCertificate(*SignRequest(authority_, request_, spec))->common_name, spec.common_name);
}

TEST_F(X509, AnotherAuthorityOfTheSameNameDidNotSign) {
  const KeyAndCertificate other = *NewAuthority("Croft", kNow, kNow + absl::Hours(1));
  const std::string certificate = *SignRequest(authority_, request_, Spec());
  EXPECT_FALSE(SignedBy(certificate, other.certificate));
  EXPECT_TRUE(SignedBy(authority_.certificate, authority_.certificate));
}

TEST_F(X509, ALeafIsNoAuthority) {
  const std::string leaf = *SignRequest(authority_, request_, Spec());
  const absl::StatusOr<std::string> forged = SignRequest({key_, leaf}, request_, Spec());
  ASSERT_TRUE(forged.ok()) << forged.status();
  EXPECT_FALSE(SignedBy(*forged, leaf));
}

TEST_F(X509, ATamperedCertificateIsNotSigned) {
  const std::string certificate = *SignRequest(authority_, request_, Spec());
  const size_t begin = certificate.find('\n') + 1;
  int parsed = 0;
  for (size_t i = begin; i < certificate.rfind("\n-----END"); ++i) {
    std::string changed = certificate;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (!ReadCertificate(changed).ok()) continue;
    if (ReadCertificate(changed)->fingerprint == ReadCertificate(certificate)->fingerprint) continue;
    ++parsed;
    EXPECT_FALSE(SignedBy(changed, authority_.certificate)) << i;
  }
  EXPECT_GT(parsed, 100);
}

TEST_F(X509, RequestsThatDoNotParseOrVerifyAreInvalid) {
  for (const std::string& bad : {std::string(), std::string("garbage"), key_, authority_.certificate,
                                 request_.substr(0, request_.size() / 2)}) {
    EXPECT_EQ(SignRequest(authority_, bad, Spec()).status().code(), absl::StatusCode::kInvalidArgument)
        << bad;
  }
  const size_t begin = request_.find('\n') + 1;
  for (size_t i = begin; i < request_.rfind("\n-----END"); ++i) {
    if (request_[i] == '\n' || request_[i] == '=') continue;
    std::string changed = request_;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const absl::StatusOr<std::string> signed_ = SignRequest(authority_, changed, Spec());
    // The last character before the padding has bits that decode to nothing.
    if (signed_.ok()) {
      EXPECT_GT(i, request_.rfind("\n-----END") - 4) << i;
    } else {
      EXPECT_EQ(signed_.status().code(), absl::StatusCode::kInvalidArgument) << i;
    }
  }
}

TEST_F(X509, ServerNamesCannotBringOthersWithThem) {
  for (const std::string& name : {std::string("a.org,DNS:b.org"), std::string("a b"), std::string(""),
                                  std::string("a\0b", 3), std::string("a\nb"), std::string(254, 'a'),
                                  std::string("*"), std::string("-a"), std::string("a/b")}) {
    CertificateSpec spec = Spec();
    spec.server_names = {name};
    EXPECT_EQ(SignRequest(authority_, request_, spec).status().code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
}

TEST_F(X509, AnotherKeyIsNoPair) {
  const std::string certificate = *SignRequest(authority_, request_, Spec());
  EXPECT_THAT(std::string(CheckPair(NewPrivateKey(), certificate).message()), HasSubstr("does not belong"));
  EXPECT_FALSE(CheckPair("", certificate).ok());
  EXPECT_FALSE(CheckPair(key_, "").ok());
}

TEST_F(X509, TextWithoutACertificateIsInvalid) {
  EXPECT_EQ(ReadCertificate("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadCertificate(key_).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace croft::crypto
