#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <absl/time/time.h>

// Events: what happened to the fleet, for programs that follow it.
namespace croft::domain {

// Never holds a secret. Types and what `data` says of each are in docs/events.md.
struct FleetEvent {
  int64_t position = 0;  // given by the catalog
  absl::Time time;
  std::string type;        // such as `croft.tenant.created`
  std::string subject;     // name of the resource
  std::string tenant;      // id; empty: of no tenant
  std::string tenant_uid;  // an id that was purged may be another tenant's later
  std::string host;        // id of the host that it is about, or that the tenant lives on
  std::map<std::string, std::string> data;

  friend bool operator==(const FleetEvent&, const FleetEvent&) = default;
};

// The events that are kept.
struct EventLog {
  std::string uid;     // of the catalog; tells its events from those of another one
  int64_t pruned = 0;  // events up to here are not kept
  int64_t last = 0;    // position of the newest event that ever was

  friend bool operator==(const EventLog&, const EventLog&) = default;
};

}  // namespace croft::domain
