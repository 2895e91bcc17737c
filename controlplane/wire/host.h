#pragma once

#include "controlplane/domain/host.h"
#include "croft/v1/host.pb.h"

// Hosts in the API's form.
namespace croft::wire {

v1::Host ToProto(const domain::Host& host);

}  // namespace croft::wire
