// Forbids core dumps of this process.

#include "common/core_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace croft {

void ForbidCoreDumps() {
  // A kernel that pipes cores to a program passes over the limit, but not over this.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
}

}  // namespace croft
