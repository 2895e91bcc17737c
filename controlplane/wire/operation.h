#pragma once

#include <string>

#include <absl/time/time.h>

#include "controlplane/domain/host.h"
#include "controlplane/domain/operation.h"
#include "controlplane/domain/restore_estimate.h"
#include "croft/v1/operation.pb.h"

// Operations in the API's form.
namespace croft::wire {

// Id of the host that the operation works on or waits for now; empty when there is none.
std::string HostOfCurrentStep(const domain::Operation& operation);

// `host` is that of the current step, or nullptr when it is unknown.
v1::Operation ToProto(const domain::Operation& operation, const domain::Host* host, absl::Time now);

// One line on what the operation does or waits for now, such as "waiting for hosts/h1, away since 10:02".
// Times are UTC.
std::string ProgressLine(const domain::Operation& operation, const domain::Host* host, absl::Time now);

// Names of the resource that is worked on, and of what comes of it where that differs (else empty).
std::string TargetOf(const domain::Operation& operation);
std::string ResultOf(const domain::Operation& operation);

v1::RestoreEstimate ToProto(const domain::RestoreEstimate& estimate);

}  // namespace croft::wire
