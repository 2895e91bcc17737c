#pragma once

#include <string>

#include "controlplane/metrics/figures.h"

namespace croft::metrics {

// `figures` as Prometheus' text format 0.0.4. docs/monitoring.md lists what is in it. Pure.
[[nodiscard]] std::string WriteExposition(const Figures& figures);

// What Prometheus' HTTP service discovery reads: where the fleet can be asked, by kind. `metrics_address` is this control
// plane's own `host:port`. A JSON array; hosts by id.
[[nodiscard]] std::string WriteDiscovery(const std::string& metrics_address, const Figures& figures);

}  // namespace croft::metrics
