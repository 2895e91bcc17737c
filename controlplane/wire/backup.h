#pragma once

#include "controlplane/domain/backup.h"
#include "croft/v1/backup.pb.h"

namespace croft::wire {

v1::Backup ToProto(const domain::Backup& backup);

}  // namespace croft::wire
