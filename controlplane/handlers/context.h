#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "common/sync.h"
#include "controlplane/access/principal.h"
#include "controlplane/engine/event.h"

namespace croft::handlers {

// Whether the one who called has gone, because the call was cancelled or its deadline passed. Thread-safe.
class Cancellation {
 public:
  bool cancelled() const {
    const MutexLock lock(mutex_);
    return cancelled_;
  }

  // Calls `callback` once, on some thread, when the call is cancelled; here and now when it is already.
  // `callback` must not block.
  void OnCancel(std::function<void()> callback) {
    {
      const MutexLock lock(mutex_);
      if (!cancelled_) {
        callbacks_.push_back(std::move(callback));
        return;
      }
    }
    callback();
  }

  void Cancel() {
    std::vector<std::function<void()>> callbacks;
    {
      const MutexLock lock(mutex_);
      cancelled_ = true;
      callbacks.swap(callbacks_);
    }
    for (const auto& callback : callbacks) callback();
  }

 private:
  mutable Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::function<void()>> callbacks_ ABSL_GUARDED_BY(mutex_);
};

// One call, after it was parsed, authenticated and allowed. Copies share the cancellation.
struct RequestContext {
  // Ready to be handed to engine::EventQueue. `request_id`, `payload_hash` and `validate_only` are empty for
  // methods whose request has no such fields.
  engine::Caller caller;
  absl::Time deadline = absl::InfiniteFuture();
  // Who calls; `caller.name` is its name.
  access::Principal principal;
  // Never null.
  std::shared_ptr<Cancellation> cancellation = std::make_shared<Cancellation>();
};

}  // namespace croft::handlers
