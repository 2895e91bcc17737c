#pragma once

namespace croft {

// From now on this process leaves no core dump, whatever the machine does with them, and no other process of its
// user may read its memory: it holds keys and passwords. Programs that it runs leave none in files either.
void ForbidCoreDumps();

}  // namespace croft
