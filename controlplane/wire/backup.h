#pragma once

#include "controlplane/domain/backup.h"
#include "croft/v1/backup.pb.h"

// Backups in the API's form.
namespace croft::wire {

v1::Backup ToProto(const domain::Backup& backup);

}  // namespace croft::wire
