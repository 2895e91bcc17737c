#pragma once

#include <functional>

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include "controlplane/handlers/context.h"

namespace croft::handlers {

// What is recorded in the audit of calls that change nothing. Thread-safe; never waits.
class CallLog {
 public:
  virtual ~CallLog() = default;

  // An answer that is about to go out holds the passwords of these tenants (ids). False while it is not durable yet
  // that this caller reads passwords at all: then the answer must wait for WhenRecorded.
  [[nodiscard]] virtual bool NoteReads(const RequestContext& context,
                                       absl::Span<const absl::string_view> tenants) = 0;
  // Calls `then`, soon and on some thread, with OK when the caller's first read in this hour is durable, or with
  // the error for which the answer must not go out.
  virtual void WhenRecorded(const RequestContext& context,
                            std::function<void(const absl::Status&)> then) = 0;

  // The call was refused with `error` for what its caller is, or is not. `tenant`: the one it was about, or empty.
  virtual void NoteDenied(const RequestContext& context, absl::string_view tenant,
                          const absl::Status& error) = 0;
};

}  // namespace croft::handlers
