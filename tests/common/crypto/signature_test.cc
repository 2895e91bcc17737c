#include "common/crypto/signature.h"

#include <string>
#include <utility>

#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include "common/crypto/x509.h"
#include "common/errors.h"

namespace croft::crypto {
namespace {

KeyAndCertificate MakeAuthority() {
  const absl::Time now = absl::Now();
  return *NewAuthority("test", now, now + absl::Hours(1));
}

TEST(SignatureTest, ATextInPartsIsSignedAsTheWhole) {
  const KeyAndCertificate authority = MakeAuthority();
  TextSigner signer = *TextSigner::Begin(authority.key);
  TextSigner moved = std::move(signer);
  moved.Add("one\n");
  moved.Add("");
  moved.Add("two\n");
  const std::string signature = *moved.Finish();
  EXPECT_TRUE(IsTextSigned(authority.certificate, "one\ntwo\n", signature));
  EXPECT_FALSE(IsTextSigned(authority.certificate, "one\ntwo", signature));
  EXPECT_TRUE(IsTextSigned(authority.certificate, "whole", *SignText(authority.key, "whole")));
  EXPECT_FALSE(IsTextSigned(MakeAuthority().certificate, "whole", *SignText(authority.key, "whole")));
}

TEST(SignatureTest, WhatIsNoKeySignsNothing) {
  EXPECT_EQ(DetailsOf(TextSigner::Begin("no key").status()).reason, "BAD_CERTIFICATE");
  EXPECT_EQ(DetailsOf(SignText("no key", "text").status()).reason, "BAD_CERTIFICATE");
}

}  // namespace
}  // namespace croft::crypto
