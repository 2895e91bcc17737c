#pragma once

#include <string>
#include <vector>

#include <absl/time/time.h>

#include "controlplane/domain/host.h"
#include "controlplane/domain/inventory.h"
#include "controlplane/engine/event.h"
#include "controlplane/usage/usage.h"
#include "croft/v1/agent.pb.h"

// agent.proto's messages in the control plane's terms. Pure.
namespace croft::fleet {

// What an agent says of itself for as long as a session lasts, and of its server.
[[nodiscard]] domain::HostReport ReadReport(const v1::Hello& hello);
// The later `report` of the session that began with `first`.
[[nodiscard]] domain::HostReport ReadReport(const v1::HostReport& report, const domain::HostReport& first);

// Adds to `read.problem` that the clock of the agent's machine is off, where its `report`, which came at `now`, shows it.
void CompareClocks(const v1::HostReport& report, absl::Time now, domain::HostReport& read);

[[nodiscard]] engine::Fencing ReadFencing(const v1::Fencing& fencing);
void WriteFencing(const engine::Fencing& fencing, v1::Fencing& into);

[[nodiscard]] engine::TaskReport ReadResult(const std::string& host, const v1::TaskResult& result);

// Adds what this part says.
void ReadInventory(const v1::Inventory& part, domain::Inventory& into);

// Databases that are called by no uid are left out, and numbers that no server counts are cut.
[[nodiscard]] std::vector<usage::Report> ReadUsage(const v1::UsageReport& report);

// Whether `now` is worth a write when `told` was recorded last: anything but a little free space.
[[nodiscard]] bool SaysSomethingNew(const domain::HostReport& told, const domain::HostReport& now);

}  // namespace croft::fleet
