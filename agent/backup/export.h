#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "agent/backup/restore.h"

// Gives the archive of a backup away, decrypted.
namespace croft::agent {

// Of a dump as pg_dump wrote it.
struct PlainDump {
  int64_t size_bytes = 0;
  std::string sha256;  // lower-case hexadecimal

  friend bool operator==(const PlainDump&, const PlainDump&) = default;
};

struct ExportSink {
  // First, once.
  std::function<absl::Status(const Manifest&, const PlainDump&)> describe;
  // The dump piece by piece, compressed by zstd.
  std::function<absl::Status(absl::string_view)> take;
  // Asked before each piece that is read.
  std::function<absl::Status()> keep_going;
};

// Reads the archive twice: first to its end, so that nothing of one that was changed, cut or replaced is ever given away
// and its size is known before; then again to give it. The second reading checks all again: only with OK was the whole given.
// The first error of `sink` is the answer.
[[nodiscard]] absl::Status ExportArchive(Store& store, const BackupToRead& backup, const ExportSink& sink);

}  // namespace croft::agent
