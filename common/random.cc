// Random bytes from the kernel.

#include "common/random.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <sys/random.h>

namespace croft {

std::string SystemRandom::Bytes(size_t count) {
  std::string bytes(count, '\0');
  size_t filled = 0;
  while (filled < count) {
    const ssize_t got = getrandom(bytes.data() + filled, count - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      std::perror("getrandom");
      std::abort();
    }
    filled += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace croft
