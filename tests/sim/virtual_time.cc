// The two things that shipped code takes from the machine without asking anybody are exchanged here when this
// program is linked, so that production code needs no seam for it: time, which is the scheduler's, and the price of
// a password's verifier, of which one round of hashing is done instead of thousands.

#include <absl/time/clock.h>
#include <openssl/hmac.h>

#include "tests/sim/scheduler.h"

namespace croft::sim {
namespace {

Scheduler* current = nullptr;

}  // namespace

void UseTimeOf(Scheduler* scheduler) { current = scheduler; }

}  // namespace croft::sim

namespace absl {
ABSL_NAMESPACE_BEGIN

Time Now() { return croft::sim::current == nullptr ? UnixEpoch() : croft::sim::current->Now(); }

ABSL_NAMESPACE_END
}  // namespace absl

extern "C" void ABSL_INTERNAL_C_SYMBOL(AbslInternalSleepFor)(absl::Duration duration) {
  croft::sim::current->Sleep(duration);
}

extern "C" int PKCS5_PBKDF2_HMAC(const char* password, int password_bytes, const unsigned char* salt,
                                 int salt_bytes, int /*iterations*/, const EVP_MD* digest, int key_bytes,
                                 unsigned char* key) {
  unsigned char out[EVP_MAX_MD_SIZE] = {};
  if (HMAC(digest, password, password_bytes, salt, static_cast<size_t>(salt_bytes), out, nullptr) ==
      nullptr)
    return 0;
  for (int i = 0; i < key_bytes; ++i) key[i] = out[i % EVP_MAX_MD_SIZE];
  return 1;
}
