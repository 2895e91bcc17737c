#pragma once

#include "controlplane/domain/fleet_check.h"
#include "croft/v1/admin.pb.h"

// Findings of a fleet check in the API's form.
namespace croft::wire {

v1::FleetFinding ToProto(const domain::FleetFinding& finding);

}  // namespace croft::wire
