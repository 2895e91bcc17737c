#pragma once

namespace croft {

// From now on memory that was freed stays with the process, up to 8 MiB of each of malloc's arenas, and there are as
// many arenas as processors. By default each of a few threads has an arena of its own, which grows by a page at a time
// and gives everything back to the kernel at once: a large page of a list, worked on by another thread each time, then
// costs twice what it does here, and a statement that writes (64 KiB for its statement journal) ten times.
// Before any other thread is started.
void KeepFreedMemory();

// Gives back what is free by now, all of it: after work that needed much for once.
void GiveBackFreedMemory();

}  // namespace croft
