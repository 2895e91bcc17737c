#pragma once

#include "controlplane/domain/host.h"
#include "croft/v1/host.pb.h"

namespace croft::wire {

v1::Host ToProto(const domain::Host& host);

}  // namespace croft::wire
