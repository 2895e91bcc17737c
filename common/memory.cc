#include "common/memory.h"

#include <malloc.h>

namespace croft {

void KeepFreedMemory() { mallopt(M_TRIM_THRESHOLD, 8 << 20); }

void GiveBackFreedMemory() { malloc_trim(0); }

}  // namespace croft
