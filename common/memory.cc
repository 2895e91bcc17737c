#include "common/memory.h"

#include <malloc.h>

namespace croft {

void KeepFreedMemory() { mallopt(M_TRIM_THRESHOLD, 8 << 20); }

}  // namespace croft
