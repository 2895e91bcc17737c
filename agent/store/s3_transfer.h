#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "agent/store/s3_client.h"
#include "agent/store/store.h"

namespace croft::agent {

// The most that an object of an S3 store can hold.
[[nodiscard]] int64_t MaxS3ObjectBytes();

// Ends what an earlier writer of the object has left, which `note` tells of, and begins anew. The note lies beside the
// objects while one is written: it names the writer, so that a writer whose turn is over sees it, and the upload, so
// that an abandoned one can be ended. A writer that is overtaken in the middle of Commit, between its last look at the
// note and the server's answer, can still win when its object is less than one part; a larger one is refused.
[[nodiscard]] absl::StatusOr<std::unique_ptr<ObjectWriter>> NewS3Writer(S3Client& client, S3Place object,
                                                                        S3Place note, std::string writer);
// Removes what an earlier writer has left.
[[nodiscard]] absl::Status EndS3Writer(S3Client& client, const S3Place& object, const S3Place& note);

// Reads ahead by one block. An object that is replaced meanwhile is UNAVAILABLE (STORE_UNREACHABLE).
[[nodiscard]] absl::StatusOr<std::unique_ptr<ObjectReader>> NewS3Reader(S3Client& client, S3Place object);

}  // namespace croft::agent
