#pragma once

#include "controlplane/domain/finding.h"
#include "croft/v1/finding.pb.h"

namespace croft::wire {

v1::Finding ToProto(const domain::Finding& finding);

}  // namespace croft::wire
