// Carries out the effects of decisions.

#include "controlplane/server/effect_executor.h"

#include <string>
#include <utility>

#include "common/errors.h"
#include "common/log.h"
#include "controlplane/engine/engine.h"

namespace croft::server {

absl::StatusOr<domain::Erasure> ServerEffectExecutor::DestroyAndRecord(const engine::EraseKey& erase) {
  CROFT_RETURN_IF_ERROR(keys_.Destroy(erase.uid));
  domain::Erasure record = engine::RecordOf(erase, clock_.Now());
  CROFT_ASSIGN_OR_RETURN(record.signature, sign_(record.statement));
  return record;
}

void ServerEffectExecutor::Erase(const engine::EraseKey& erase) {
  eraser_.SubmitAlways([this, erase] {
    absl::StatusOr<domain::Erasure> record = DestroyAndRecord(erase);
    if (!record.ok()) {
      const absl::Status& status = record.status();
      log::Error("a data key cannot be destroyed, or the record of it not be signed",
                 {{"uid", erase.uid}, {"error", log::Text(status)}});
      event_queue_.Post(
          engine::TaskReport{.fencing = erase.fencing,
                             .outcome = engine::TaskError{"KEY_NOT_ERASED", std::string(status.message()),
                                                          true, engine::Cause::kOutage}});
      return;
    }
    event_queue_.Post(engine::KeyErased{.fencing = erase.fencing, .record = *std::move(record)});
  });
}

}  // namespace croft::server
