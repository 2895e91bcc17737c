#pragma once

#include <optional>
#include <string>
#include <vector>

#include <google/protobuf/message.h>

#include "croft/v1/access.pb.h"
#include "croft/v1/admin.pb.h"
#include "croft/v1/audit.pb.h"
#include "croft/v1/backup.pb.h"
#include "croft/v1/backup_policy.pb.h"
#include "croft/v1/event.pb.h"
#include "croft/v1/finding.pb.h"
#include "croft/v1/host.pb.h"
#include "croft/v1/lookup.pb.h"
#include "croft/v1/operation.pb.h"
#include "croft/v1/tenant.pb.h"
#include "croft/v1/usage.pb.h"

// What people see of a resource.
namespace croft::ctl {

enum class Tone { kPlain, kGood, kBad, kUnsure };

// Where a field shows.
enum class Shown {
  kAlways,
  kWide,   // in lists only with -o wide
  kAlone,  // only where one resource is shown alone
};

// What people see of one field.
struct Cell {
  std::string header;
  std::string text;
  Tone tone = Tone::kPlain;
  Shown shown = Shown::kAlways;
  std::optional<double> rank = std::nullopt;  // sorts the rows; by the text where it is not set
};

// A message of the API as people see it. `message` must outlive it.
struct View {
  const google::protobuf::Message* message = nullptr;
  std::string name;  // what `-o name` prints
  std::vector<Cell> cells;
};

// What a list shows, and in which order, does not depend on the message's contents.
[[nodiscard]] View ViewOf(const v1::Tenant& tenant);
// With what is known of its last backup and of what it uses.
[[nodiscard]] View ViewOf(const v1::Tenant& tenant, const v1::Backup& last_backup,
                          const v1::TenantUsage& usage);
[[nodiscard]] View ViewOf(const v1::TenantUsage& usage);
[[nodiscard]] View ViewOf(const v1::Backup& backup);
[[nodiscard]] View ViewOf(const v1::BackupPlan& plan);
[[nodiscard]] View ViewOf(const v1::PlannedBackup& backup);
[[nodiscard]] View ViewOf(const v1::SharedBackupPolicy& policy);
[[nodiscard]] View ViewOf(const v1::Erasure& erasure);
[[nodiscard]] View ViewOf(const v1::Host& host);
[[nodiscard]] View ViewOf(const v1::Operation& operation);
[[nodiscard]] View ViewOf(const v1::RestoreEstimate& estimate);
[[nodiscard]] View ViewOf(const v1::LookupResponse& placement);
[[nodiscard]] View ViewOf(const v1::GetStatusResponse& status);
[[nodiscard]] View ViewOf(const v1::FleetFinding& finding);
[[nodiscard]] View ViewOf(const v1::CheckFleetResponse& check);
[[nodiscard]] View ViewOf(const v1::FleetRepair& repair);
[[nodiscard]] View ViewOf(const v1::RepairFleetResponse& answer);
[[nodiscard]] View ViewOf(const v1::CatalogCopy& copy);
[[nodiscard]] View ViewOf(const v1::RemoveHostResponse& removed);
[[nodiscard]] View ViewOf(const v1::CreateJoinTokenResponse& token);
[[nodiscard]] View ViewOf(const v1::Principal& principal);
[[nodiscard]] View ViewOf(const v1::CreateTokenResponse& token);
[[nodiscard]] View ViewOf(const v1::WhoAmIResponse& caller);
[[nodiscard]] View ViewOf(const v1::AuditEvent& event);
[[nodiscard]] View ViewOf(const v1::VerifyAuditResponse& verified);
[[nodiscard]] View ViewOf(const v1::Event& event);

// One line on where an operation stands, such as "step 2 of 3, back_up on h1: 40 MB".
[[nodiscard]] std::string ProgressOf(const v1::Operation& operation);
// One line that names a finding: its severity, reason, object and owner, escaped.
[[nodiscard]] std::string SummaryOf(const v1::Finding& finding);
// Such as "RESTORE".
[[nodiscard]] std::string KindOf(const v1::Operation& operation);

}  // namespace croft::ctl
