#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "controlplane/domain/host_choice.h"
#include "controlplane/domain/lifecycle.h"
#include "controlplane/engine/draft.h"

// What several kinds of operations do to a tenant and to the account of its host.
namespace croft::operations {

// Sooner than this nobody notices a mistake in time.
inline constexpr absl::Duration kTimeToNotice = absl::Hours(1);

// How long a replaced database is kept, sealed.
inline constexpr absl::Duration kUndoCopyAge = absl::Hours(24);

// The tenant, when its life has a row for `event` and nothing holds it. `verb` is for the refusal: "suspended".
absl::StatusOr<domain::Tenant*> TenantFor(engine::Draft& draft, const std::string& id,
                                          const std::string& etag, domain::TenantEvent event,
                                          domain::OperationKind kind, absl::string_view verb);

// An alias must not be another tenant's alias or id: Lookup takes both.
absl::Status CheckAliases(engine::Draft& draft, const std::string& tenant,
                          const std::vector<std::string>& aliases);

// A new tenant in its first state, placed and its room taken. Counters go on where a purged namesake's ended.
absl::StatusOr<domain::Tenant*> PlaceNewTenant(engine::Draft& draft, domain::Tenant tenant,
                                               domain::PlacementRequest wanted,
                                               const std::string& operation);

// The creation's undo steps are through: the tenant is FAILED, and what could not be removed keeps its room.
void FailCreation(engine::Draft& draft, const domain::Operation& operation, domain::Tenant& tenant);

void MoveTo(domain::Tenant& tenant, domain::TenantEvent event);

// Nothing when the host is not there any more.
void GiveBackRoomOn(engine::Draft& draft, const std::string& host, int32_t connections);

// Whether what the operation made on `host` could not be removed.
bool LeftBehind(const domain::Operation& operation, const std::string& host);

// A backup that was begun and is not whole stays visible as failed.
void FailBackup(engine::Draft& draft, const domain::Operation& operation);

// The backup is whole: what the agent reports of it.
void RecordBackup(engine::Draft& draft, const domain::Operation& operation,
                  const engine::TaskReport& report);

// The tenant's final backup is proven: the last retirement has what the purge asks for.
void RecordProof(engine::Draft& draft, const domain::Operation& operation);

}  // namespace croft::operations
