// Tells malloc to keep freed memory.

#include "common/memory.h"

#include <malloc.h>

#include <algorithm>
#include <thread>

namespace croft {

void KeepFreedMemory() {
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  mallopt(M_MMAP_THRESHOLD, 4 << 20);  // larger pieces come from the kernel and go back to it
  mallopt(M_TOP_PAD, 1 << 20);
  mallopt(M_ARENA_MAX, std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
}

void GiveBackFreedMemory() { malloc_trim(0); }

}  // namespace croft
