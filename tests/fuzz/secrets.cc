#include <string>

#include <absl/strings/match.h>
#include <absl/time/time.h>

#include "common/crypto/x509.h"
#include "common/join_token.h"
#include "controlplane/access/token.h"
#include "controlplane/keyring/keyring.h"
#include "tests/fuzz/pieces.h"
#include "tests/fuzz/targets.h"

namespace croft::fuzz {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

// What cannot be read is refused, and not quoted: it may be a secret with a letter too many.
template <typename Read>
void ExpectNotQuoted(const Read& read, absl::string_view bytes) {
  const absl::Status status = read(bytes).status();
  if (status.ok()) return;
  Check(status.code() == absl::StatusCode::kInvalidArgument, "a bad token is INVALID_ARGUMENT");
  if (bytes.size() < 24 || !absl::StrContains(status.message(), bytes)) return;
  // Then it is a piece of what is said of any other.
  Check(absl::StrContains(read("another").status().message(), bytes), "a token is not quoted");
}

}  // namespace

void Tokens(absl::string_view bytes) {
  const auto joined = DecodeJoinToken(bytes);
  ExpectNotQuoted(DecodeJoinToken, bytes);
  if (joined.ok()) {
    const auto again = DecodeJoinToken(EncodeJoinToken(*joined));
    Check(again.ok() && *again == *joined, "a join token comes back");
  }
  ExpectNotQuoted(access::ParseJoinToken, bytes);
  ExpectNotQuoted(access::BearerTokenHash, bytes);
}

void Certificates(absl::string_view bytes) {
  static const auto authority =
      *crypto::NewAuthority("fuzz", kNow - absl::Hours(1), kNow + absl::Hours(24));
  static const std::string key = crypto::NewPrivateKey();
  if (const auto facts = crypto::ReadCertificate(bytes); facts.ok()) {
    Check(facts->fingerprint.size() == 64, "a certificate has a fingerprint");
  }
  Check(!crypto::SignedBy(bytes, authority.certificate),
        "no certificate of the authority's can be made up");
  Check(!crypto::CheckPair(key, bytes).ok(), "no certificate for this key can be made up");
  crypto::CheckPair(bytes, authority.certificate).IgnoreError();
  const auto made = crypto::SignRequest(authority, bytes,
                                        {.common_name = "hosts/h1",
                                         .use = crypto::CertificateUse::kAgent,
                                         .not_before = kNow,
                                         .not_after = kNow + absl::Hours(1)});
  if (!made.ok()) {
    Check(made.status().code() == absl::StatusCode::kInvalidArgument, "a bad request is INVALID_ARGUMENT");
    return;
  }
  const auto facts = crypto::ReadCertificate(*made);
  Check(facts.ok() && facts->common_name == "hosts/h1" && facts->server_names.empty(),
        "a certificate names what was asked for, whatever its request says");
}

void Keyrings(absl::string_view bytes) {
  const auto keyring = keyring::Keyring::Parse(bytes);
  if (keyring.ok()) {
    Check(keyring::Keyring::Parse(keyring->Text()).ok(), "a keyring comes back");
    const std::string sealed = keyring->Seal("secret", "context");
    Check(keyring->Open(sealed, "context").value_or("") == "secret", "a seal opens");
  }
  static const auto known = [] {
    class Zeros final : public Random {
     public:
      std::string Bytes(size_t count) override { return std::string(count, '\0'); }
    } zeros;
    return keyring::Keyring::Generate(zeros);
  }();
  Check(!known.Open(bytes, "context").ok(), "no seal can be made up");
}

}  // namespace croft::fuzz
