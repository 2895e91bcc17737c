#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include "common/enums.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/keyring/keyring.h"
#include "controlplane/lookup/entry.h"
#include "controlplane/lookup/history.h"
#include "controlplane/lookup/host_view.h"
#include "controlplane/lookup/name_table.h"
#include "controlplane/lookup/reclaimer.h"
#include "controlplane/lookup/row.h"
#include "controlplane/lookup/wanted.h"

// Every tenant's placement in memory.
namespace croft::lookup {

// A place in the index's history, held by one subscriber.
struct Cursor {
  int64_t sequence = 0;         // looked at up to here
  int64_t after_revision = 0;   // earlier changes are known
  int64_t whole_set_until = 0;  // up to this sequence number, removals need not be sent
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

// Where every tenant lives, in memory, as of the newest commit. Passwords stay sealed and are opened for each
// reply.
//
// One thread at a time writes (Load, then Apply after each commit, in the order of revisions). Any number of
// threads read at the same time; neither side ever waits for the other. A change is seen by every read that
// begins after Apply has returned.
class PlacementIndex {
 public:
  // `keyring` outlives it. `authority` is the PEM that replies give for servers with certificates of Croft's.
  PlacementIndex(const keyring::Keyring& keyring, std::string authority);
  // Tenants that were purged can be sent to resuming subscribers; the oldest are forgotten beyond `most`.
  PlacementIndex(const keyring::Keyring& keyring, std::string authority, size_t most_tombstones);
  ~PlacementIndex();
  PlacementIndex(const PlacementIndex&) = delete;
  PlacementIndex& operator=(const PlacementIndex&) = delete;

  // --- Writing.
  // Once, before anything else, while the catalog does not change.
  absl::Status Load(catalog::Catalog& catalog);
  // Returns whether a placement changed.
  bool Apply(const std::vector<catalog::Change>& changes, domain::Revision revision);

  // --- Reading.
  domain::Revision revision() const;

  // Appends the LookupResponse, serialised, to `reply`. `name` is an id or an alias, in lower case. The errors of
  // AppendReply, and TENANT_NOT_FOUND.
  absl::Status Lookup(absl::string_view name, const Wanted& wanted, std::string& reply) const;

  // What a caller who may see some tenants only is judged by. False when there is no such tenant.
  struct Identity {
    std::string id;
    std::map<std::string, std::string> labels;
  };
  bool Identify(absl::string_view name, Identity& identity) const;

  // A cursor before everything, or after `since`. OUT_OF_RANGE, REVISION_NOT_AVAILABLE, when what came after
  // `since` is not known here any more, or never was.
  absl::StatusOr<Cursor> Open(const std::optional<domain::Revision>& since) const;

  // What a subscriber gets of a tenant.
  struct PlacementUpdate {
    std::string id;
    std::vector<std::string> aliases;
    std::map<std::string, std::string> labels;
    int64_t generation = 0;
    int64_t revision = 0;
    bool removed = false;  // purged, or gone out of sight
    // Exactly one of the two, when not removed.
    absl::Status refused;
    std::string reply;
  };
  // Whether the tenant is in the subscriber's sight, or was and is to be sent as removed.
  enum class Visibility { kNone, kGone, kPlain, kWithPassword };
  using Judge =
      std::function<Visibility(absl::string_view id, const std::map<std::string, std::string>& labels)>;

  struct Read {
    std::vector<PlacementUpdate> updates;  // of tenants in sight, and what left it: `removed`
    bool caught_up = false;                // nothing more is there now
    domain::Revision revision;             // when caught up: everything up to here was read
  };
  // Returns the next changes after `cursor`, at most `most`, and moves it. A tenant appears once, as it is now,
  // however often it changed.
  Read ReadOn(Cursor& cursor, size_t most, const Wanted& wanted, const Judge& judge) const;

  // --- For measurements.
  size_t tenants() const { return tenants_; }
  // Tenants in `state`, of the newest commit or one before it. Purged ones are not counted. Thread-safe.
  int64_t CountIn(domain::TenantState state) const {
    return by_state_[static_cast<size_t>(state)].load(std::memory_order_relaxed);
  }
  // The same of those that are closed for growth.
  int64_t CountClosedForGrowth() const { return closed_for_growth_.load(std::memory_order_relaxed); }

 private:
  int64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  HostEntry* HostFor(const std::string& id);
  void Put(const domain::Tenant& tenant, int64_t revision);
  // One that is not there yet, and not purged.
  void Add(const domain::Tenant& tenant, int64_t revision);
  void PutHost(const domain::Host& host, int64_t revision);
  void ForgetHost(const std::string& id, int64_t revision);
  void SetView(HostEntry& host, std::unique_ptr<const HostView> view, int64_t revision);
  // Gives the entry a new row and its place in the history.
  void Replace(Entry* entry, Row::Pointer row, int64_t revision);
  void MoveToHost(Entry* entry, const Row* old, HostEntry* host);
  void Unlink(Entry* entry, HostEntry* host);
  void DropOldTombstones();
  Entry* NewEntry();
  // Counts `by` tenants more; purged ones are not counted.
  void CountMore(domain::TenantState state, bool closed_for_growth, int by);

  const keyring::Keyring& keyring_;
  const std::string authority_;
  const size_t most_tombstones_;

  Reclaimer reclaimer_;
  std::deque<Entry> entries_;  // never shrinks: whoever holds a pointer may read it at any time
  std::vector<Entry*> free_entries_;
  std::map<std::string, std::unique_ptr<HostEntry>> hosts_;
  NameTable names_;
  History history_;
  struct Tombstone {
    Entry* entry;
    int64_t sequence;
  };
  std::deque<Tombstone> tombstones_;
  size_t tenants_ = 0;
  std::array<std::atomic<int64_t>, CountOf<domain::TenantState>()> by_state_{};
  std::atomic<int64_t> closed_for_growth_{0};

  std::atomic<int64_t> epoch_{0};
  std::atomic<int64_t> revision_{0};  // stored after everything else of its commit
  std::atomic<int64_t> horizon_{0};   // what came before is not known any more
  std::atomic<int64_t> last_sequence_{0};
};

}  // namespace croft::lookup
