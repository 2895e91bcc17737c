#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "croft/v1/backup.pb.h"

// The bundle that an export makes (docs/backups.md says its format): a tar archive, compressed by zstd, that
// `tar`, `sha256sum` and `pg_restore` read.
namespace croft::ctl {

// Takes bytes in their order; its first error ends the writing.
using ByteSink = std::function<absl::Status(absl::string_view)>;

// Writes one bundle. What comes is compressed already and goes into it as it is. One thread at a time.
class BundleWriter {
 public:
  explicit BundleWriter(ByteSink sink);
  ~BundleWriter();
  BundleWriter(const BundleWriter&) = delete;
  BundleWriter& operator=(const BundleWriter&) = delete;

  // First, once.
  absl::Status Describe(const v1::BackupExport& description);
  // DATA_LOSS when it is not what was described.
  absl::Status Append(absl::string_view compressed);
  // Last, once. DATA_LOSS when it is not all that was described.
  absl::Status Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Encrypts what it takes to a passphrase, as `age -d` opens it.
class PassphraseFilter {
 public:
  PassphraseFilter(std::string passphrase, ByteSink sink);
  ~PassphraseFilter();
  PassphraseFilter(const PassphraseFilter&) = delete;
  PassphraseFilter& operator=(const PassphraseFilter&) = delete;

  // The first takes about a second more. RESOURCE_EXHAUSTED where there is too little memory for that.
  absl::Status Append(absl::string_view bytes);
  // Last, once.
  absl::Status Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace croft::ctl
