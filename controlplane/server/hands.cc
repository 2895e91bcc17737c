#include "controlplane/server/hands.h"

#include "common/log.h"

namespace croft::server {

void ServerHands::Erase(const engine::EraseKey& erase) {
  eraser_.SubmitAlways([this, erase] {
    // After an error the operation waits, visibly, and the next start asks again.
    if (const absl::Status status = keys_.Destroy(erase.uid); !status.ok()) {
      log::Error("a data key cannot be destroyed", {{"uid", erase.uid}, {"error", status.ToString()}});
      return;
    }
    desk_.Tell(engine::KeyErased{.fencing = erase.fencing});
  });
}

}  // namespace croft::server
