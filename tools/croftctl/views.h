#pragma once

#include <string>
#include <vector>

#include <google/protobuf/message.h>

#include "croft/v1/access.pb.h"
#include "croft/v1/admin.pb.h"
#include "croft/v1/audit.pb.h"
#include "croft/v1/backup.pb.h"
#include "croft/v1/host.pb.h"
#include "croft/v1/lookup.pb.h"
#include "croft/v1/operation.pb.h"
#include "croft/v1/tenant.pb.h"

namespace croft::ctl {

enum class Tone { kPlain, kGood, kBad, kUnsure };

// What people see of one field.
struct Cell {
  std::string header;
  std::string text;
  Tone tone = Tone::kPlain;
  bool in_list = true;  // false: only shown where one resource is shown alone
};

// A message of the API as people see it. `message` must outlive it.
struct View {
  const google::protobuf::Message* message = nullptr;
  std::string name;  // what `-o name` prints
  std::vector<Cell> cells;
};

// What a list shows, and in which order, does not depend on the message's contents.
[[nodiscard]] View ViewOf(const v1::Tenant& tenant);
[[nodiscard]] View ViewOf(const v1::Backup& backup);
[[nodiscard]] View ViewOf(const v1::Host& host);
[[nodiscard]] View ViewOf(const v1::Operation& operation);
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

// One line on where an operation stands, such as "step 2 of 3, back_up on h1: 40 MB".
[[nodiscard]] std::string ProgressOf(const v1::Operation& operation);
// Such as "RESTORE".
[[nodiscard]] std::string KindOf(const v1::Operation& operation);

}  // namespace croft::ctl
