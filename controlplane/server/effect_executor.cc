// Carries out the effects of decisions.

#include "controlplane/server/effect_executor.h"

#include "common/log.h"

namespace croft::server {

void ServerEffectExecutor::Erase(const engine::EraseKey& erase) {
  eraser_.SubmitAlways([this, erase] {
    if (const absl::Status status = keys_.Destroy(erase.uid); !status.ok()) {
      log::Error("a data key cannot be destroyed", {{"uid", erase.uid}, {"error", log::Text(status)}});
      event_queue_.Post(
          engine::TaskReport{.fencing = erase.fencing,
                             .outcome = engine::TaskError{"KEY_NOT_ERASED", std::string(status.message()),
                                                          true, engine::Cause::kOutage}});
      return;
    }
    event_queue_.Post(engine::KeyErased{.fencing = erase.fencing});
  });
}

}  // namespace croft::server
