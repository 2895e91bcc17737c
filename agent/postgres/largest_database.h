#pragma once

#include <cstdint>
#include <string>

#include <absl/strings/string_view.h>

namespace croft::agent {

// How many tables the largest tenant of a managed server has, as its backups saw them; 0 while none is known. Kept in a
// file beside the server's data folder, so that the next start makes room for a dump's locks.
[[nodiscard]] int64_t ReadLargestDatabase(const std::string& data_directory);
// Keeps the larger one. What cannot be written is only missed: the next backup sees it again.
void NoteDatabase(const std::string& data_directory, int64_t tables);

}  // namespace croft::agent
