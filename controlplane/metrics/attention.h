#pragma once

#include <vector>

#include "controlplane/domain/attention.h"
#include "controlplane/metrics/figures.h"

namespace croft::metrics {

// What of the figures an operator should look at, the most urgent first; nothing when all is well. The limits are those of
// the alerts in deploy/monitoring/croft.rules.yml, without the time that those wait.
std::vector<domain::Attention> WhatNeedsAttention(const Figures& figures);

}  // namespace croft::metrics
