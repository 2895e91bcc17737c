#pragma once

#include "controlplane/domain/fleet_check.h"
#include "croft/v1/admin.pb.h"

namespace croft::wire {

v1::FleetFinding ToProto(const domain::FleetFinding& finding);

}  // namespace croft::wire
