#pragma once

namespace croft {

// From now on up to 8 MiB that were freed stay with the process, of each of malloc's arenas. SQLite takes and frees 64
// KiB for nearly every statement that writes (its statement journal); by default malloc gives them back to the kernel
// and asks for them again each time, which costs ten times what the statement does.
void KeepFreedMemory();

// Gives back what is free by now, all of it: after work that needed much for once.
void GiveBackFreedMemory();

}  // namespace croft
