#pragma once

#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include "croft/v1/backup.pb.h"
#include "tools/croftctl/bundle.h"

// Reads the bundles that exports make, as they were made or packed again with tar and zstd.
namespace croft::ctl {

// Reads one bundle as it comes. All errors of what is in it are DATA_LOSS. One thread at a time.
class BundleReader {
 public:
  struct Sink {
    // Once, before the archive: its digest is compared with SHA256SUMS by then.
    std::function<absl::Status(const v1::BackupExport&)> describe;
    // The archive piece by piece, uncompressed. Only when Finish is OK was it the one that is described.
    ByteSink take;
  };

  explicit BundleReader(Sink sink);
  ~BundleReader();
  BundleReader(const BundleReader&) = delete;
  BundleReader& operator=(const BundleReader&) = delete;

  absl::Status Append(absl::string_view bytes);
  // Last, once: OK when the bundle was whole.
  absl::Status Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Decrypts what is encrypted to a passphrase, and passes on what is not encrypted.
class PassphraseReader {
 public:
  PassphraseReader(std::string passphrase, ByteSink sink);
  ~PassphraseReader();
  PassphraseReader(const PassphraseReader&) = delete;
  PassphraseReader& operator=(const PassphraseReader&) = delete;

  absl::Status Append(absl::string_view bytes);
  // Last, once.
  absl::Status Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace croft::ctl
