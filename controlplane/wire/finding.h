#pragma once

#include "controlplane/domain/finding.h"
#include "croft/v1/finding.pb.h"

// Findings in the API's form.
namespace croft::wire {

v1::Finding ToProto(const domain::Finding& finding);

}  // namespace croft::wire
