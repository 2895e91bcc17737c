// Every tenant's placement in memory, kept up to date by commits.

#include "controlplane/lookup/placement_index.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <absl/strings/str_cat.h>

#include "common/bounded_pipeline.h"
#include "common/errors.h"
#include "controlplane/domain/errors.h"
#include "controlplane/lookup/reply.h"

namespace croft::lookup {
namespace {

constexpr size_t kMostTombstones = 100'000;
// While tenants are loaded nobody reads: tables that were grown out of are given back soon, and all at the end.
constexpr size_t kCollectEvery = 1'024;
constexpr int kEpochsOfGarbage = 3;

void DestroyRow(void* row) { Row::Free()(static_cast<const Row*>(row)); }
void DestroyView(void* view) { delete static_cast<const HostView*>(view); }

bool Has(const std::vector<absl::string_view>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<absl::string_view> NamesOf(const RowContents& contents) {
  std::vector<absl::string_view> names = contents.aliases;
  names.push_back(contents.id);
  return names;
}

// A purged tenant as subscribers get it: nothing but that it is gone.
domain::Tenant TombstoneOf(const domain::Tenant& tenant) {
  domain::Tenant stone;
  stone.id = tenant.id;
  stone.labels = tenant.labels;
  stone.state = domain::TenantState::kPurged;
  stone.placement.host = tenant.placement.host;
  stone.placement.generation = tenant.placement.generation;
  return stone;
}

absl::Status RevisionNotAvailable(const domain::Revision& since) {
  return MakeError(
      absl::StatusCode::kOutOfRange,
      "what came after this revision is not known here; start again from nothing",
      {.reason = "REVISION_NOT_AVAILABLE",
       .metadata = {{"epoch", absl::StrCat(since.epoch)}, {"revision", absl::StrCat(since.revision)}}});
}

}  // namespace

PlacementIndex::PlacementIndex(const keyring::Keyring& keyring, std::string authority)
    : PlacementIndex(keyring, std::move(authority), kMostTombstones) {}

PlacementIndex::PlacementIndex(const keyring::Keyring& keyring, std::string authority,
                               size_t most_tombstones)
    : keyring_(keyring),
      authority_(std::move(authority)),
      most_tombstones_(most_tombstones),
      names_(reclaimer_),
      history_(reclaimer_) {}

PlacementIndex::~PlacementIndex() {
  for (const Entry& entry : entries_) Row::Free()(entry.row.load(std::memory_order_relaxed));
  for (const auto& [id, host] : hosts_) delete host->view.load(std::memory_order_relaxed);
}

absl::Status PlacementIndex::Load(catalog::Catalog& catalog) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<domain::Host> hosts, catalog.ListHosts());
  const domain::Revision present = catalog.revision();
  for (const domain::Host& host : hosts) PutHost(host, present.revision);
  // Reading a million rows and packing them take about as long as each other. They are packed on this thread, for
  // malloc's main arena grows by larger steps than others.
  absl::StatusOr<domain::Revision> read = absl::UnknownError("");
  {
    BoundedPipeline<domain::Tenant> tenants(
        [&](const auto& place) { read = catalog.ReadPlacements(place); });
    while (const domain::Tenant* tenant = tenants.Next()) {
      Add(*tenant, present.revision);
      if (tenants_ % kCollectEvery == 0) reclaimer_.Collect();
    }
  }
  if (!read.ok()) return read.status();
  for (int epoch = 0; epoch < kEpochsOfGarbage; ++epoch) reclaimer_.Collect();
  epoch_.store(read->epoch, std::memory_order_release);
  // When each tenant changed before this is not known: whoever knows an older state starts again.
  horizon_.store(read->revision, std::memory_order_release);
  last_sequence_.store(history_.last_sequence(), std::memory_order_release);
  revision_.store(read->revision, std::memory_order_release);
  return absl::OkStatus();
}

bool PlacementIndex::Apply(const std::vector<catalog::Change>& changes, domain::Revision revision) {
  const int64_t before = history_.last_sequence();
  for (const catalog::Change& change : changes) {
    if (const auto* tenant = std::get_if<catalog::PutTenant>(&change)) {
      Put(tenant->tenant, revision.revision);
    } else if (const auto* host = std::get_if<catalog::PutHost>(&change)) {
      PutHost(host->host, revision.revision);
    } else if (const auto* gone = std::get_if<catalog::DeleteHost>(&change)) {
      ForgetHost(gone->id, revision.revision);
    }
  }
  DropOldTombstones();
  reclaimer_.Collect();
  epoch_.store(revision.epoch, std::memory_order_release);
  last_sequence_.store(history_.last_sequence(), std::memory_order_release);
  revision_.store(revision.revision, std::memory_order_release);
  return history_.last_sequence() != before;
}

HostEntry* PlacementIndex::HostFor(const std::string& id) {
  std::unique_ptr<HostEntry>& host = hosts_[id];
  if (!host) {
    host = std::make_unique<HostEntry>();
    host->id = id;
  }
  return host.get();
}

void PlacementIndex::Put(const domain::Tenant& tenant, int64_t revision) {
  const bool purged = tenant.state == domain::TenantState::kPurged;
  Entry* entry = names_.FindForWriting(tenant.id);
  // An alias of that name belongs to somebody else; an id is always found first by its own row.
  const Row* old = entry == nullptr ? nullptr : entry->row.load(std::memory_order_relaxed);
  if (old == nullptr) {
    if (!purged) Add(tenant, revision);
    return;
  }
  const domain::TenantState old_state = old->state();
  const bool old_closed = old->closed_for_growth();
  const bool was_there = old_state != domain::TenantState::kPurged;

  HostEntry* host = HostFor(tenant.placement.host);
  const int64_t sequence = history_.NextSequence();
  Row::Pointer row = purged ? Row::Make(TombstoneOf(tenant), host, revision, sequence)
                            : Row::Make(tenant, host, revision, sequence);
  const Row* made = row.get();
  // The old row is destroyed later: its names can be read until the next commit.
  const std::vector<absl::string_view> old_names = NamesOf(old->Unpack());
  const std::vector<absl::string_view> new_names = NamesOf(made->Unpack());
  MoveToHost(entry, old, host);
  Replace(entry, std::move(row), revision);
  for (const absl::string_view name : new_names) {
    if (!Has(old_names, name)) names_.Insert(name, entry);
  }
  for (const absl::string_view name : old_names) {
    if (!Has(new_names, name)) names_.Erase(name, entry);
  }
  if (purged) tombstones_.push_back({entry, made->sequence()});
  tenants_ += (purged ? 0 : 1);
  tenants_ -= (was_there ? 1 : 0);
  CountMore(tenant.state, tenant.storage.closed, 1);
  CountMore(old_state, old_closed, -1);
}

void PlacementIndex::Add(const domain::Tenant& tenant, int64_t revision) {
  HostEntry* host = HostFor(tenant.placement.host);
  Entry* entry = NewEntry();  // with the row of who had it before, if any
  MoveToHost(entry, nullptr, host);
  Replace(entry, Row::Make(tenant, host, revision, history_.NextSequence()), revision);
  for (const std::string& alias : tenant.aliases) names_.Insert(alias, entry);
  names_.Insert(tenant.id, entry);
  ++tenants_;
  CountMore(tenant.state, tenant.storage.closed, 1);
}

void PlacementIndex::CountMore(domain::TenantState state, bool closed_for_growth, int by) {
  if (state == domain::TenantState::kPurged) return;
  by_state_[static_cast<size_t>(state)].fetch_add(by, std::memory_order_relaxed);
  if (closed_for_growth) closed_for_growth_.fetch_add(by, std::memory_order_relaxed);
}

void PlacementIndex::Replace(Entry* entry, Row::Pointer row, int64_t revision) {
  history_.MarkSuperseded(entry);
  const Row* old = entry->row.exchange(row.release(), std::memory_order_acq_rel);
  if (old != nullptr) reclaimer_.Retire(const_cast<Row*>(old), DestroyRow);
  history_.Append(entry, revision);
}

void PlacementIndex::MoveToHost(Entry* entry, const Row* old, HostEntry* host) {
  if (old != nullptr) {
    if (old->host() == host) return;
    Unlink(entry, const_cast<HostEntry*>(old->host()));
  }
  entry->previous_on_host = nullptr;
  entry->next_on_host = host->first;
  if (host->first != nullptr) host->first->previous_on_host = entry;
  host->first = entry;
}

void PlacementIndex::Unlink(Entry* entry, HostEntry* host) {
  if (entry->previous_on_host != nullptr) {
    entry->previous_on_host->next_on_host = entry->next_on_host;
  } else {
    host->first = entry->next_on_host;
  }
  if (entry->next_on_host != nullptr) entry->next_on_host->previous_on_host = entry->previous_on_host;
}

Entry* PlacementIndex::NewEntry() {
  if (!free_entries_.empty()) {
    Entry* entry = free_entries_.back();
    free_entries_.pop_back();
    return entry;
  }
  return &entries_.emplace_back();
}

void PlacementIndex::PutHost(const domain::Host& host, int64_t revision) {
  SetView(*HostFor(host.id), std::make_unique<const HostView>(HostView::Of(host, authority_)), revision);
}

void PlacementIndex::ForgetHost(const std::string& id, int64_t revision) {
  SetView(*HostFor(id), nullptr, revision);
}

// Most of what a host reports is nothing to lookups; what is changes the answers for all its tenants.
void PlacementIndex::SetView(HostEntry& host, std::unique_ptr<const HostView> view, int64_t revision) {
  const HostView* old = host.view.load(std::memory_order_relaxed);
  const bool same = old == nullptr || view == nullptr ? old == view.get() : *old == *view;
  if (same) return;
  host.view.store(view.release(), std::memory_order_release);
  if (old != nullptr) reclaimer_.Retire(const_cast<HostView*>(old), DestroyView);
  for (Entry* entry = host.first; entry != nullptr; entry = entry->next_on_host) {
    const Row* row = entry->row.load(std::memory_order_relaxed);
    if (row->state() == domain::TenantState::kPurged) continue;
    Replace(entry, Row::Copy(*row, revision, history_.NextSequence()), revision);
  }
}

void PlacementIndex::DropOldTombstones() {
  while (tombstones_.size() > most_tombstones_) {
    const auto [entry, sequence] = tombstones_.front();
    tombstones_.pop_front();
    const Row* row = entry->row.load(std::memory_order_relaxed);
    if (row->sequence() != sequence) continue;  // its id was given out again
    horizon_.store(std::max(horizon_.load(std::memory_order_relaxed), row->revision()),
                   std::memory_order_release);
    names_.Erase(row->id(), entry);
    Unlink(entry, const_cast<HostEntry*>(row->host()));
    history_.MarkSuperseded(entry);
    free_entries_.push_back(entry);
  }
}

domain::Revision PlacementIndex::revision() const {
  const int64_t revision = revision_.load(std::memory_order_acquire);
  return {epoch(), revision};
}

absl::Status PlacementIndex::Lookup(absl::string_view name, const Wanted& wanted,
                                    std::string& reply) const {
  const Reclaimer::Reading reading(reclaimer_);
  const Entry* entry = names_.Find(name);
  if (entry == nullptr) return domain::TenantNotFound(name);
  return AppendReply(*entry->row.load(std::memory_order_acquire), epoch(), wanted, keyring_, reply);
}

bool PlacementIndex::Identify(absl::string_view name, Identity& identity) const {
  const Reclaimer::Reading reading(reclaimer_);
  const Entry* entry = names_.Find(name);
  if (entry == nullptr) return false;
  RowContents contents = entry->row.load(std::memory_order_acquire)->Unpack(true);
  identity.id = std::string(contents.id);
  identity.labels = std::move(contents.labels);
  return true;
}

absl::StatusOr<Cursor> PlacementIndex::Open(const std::optional<domain::Revision>& since) const {
  const Reclaimer::Reading reading(reclaimer_);
  if (!since) {
    return Cursor{.whole_set_until = last_sequence_.load(std::memory_order_acquire)};
  }
  const domain::Revision present = revision();
  const bool known = since->epoch == present.epoch && since->revision <= present.revision &&
                     since->revision >= horizon_.load(std::memory_order_acquire);
  if (!known) return RevisionNotAvailable(*since);
  return Cursor{.sequence = history_.SequenceBefore(since->revision), .after_revision = since->revision};
}

PlacementIndex::Read PlacementIndex::ReadOn(Cursor& cursor, size_t most, const Wanted& wanted,
                                            const Judge& judge) const {
  Read read;
  const Reclaimer::Reading reading(reclaimer_);
  // Before the items: all of this revision's are there then.
  read.revision = revision();
  read.caught_up = true;
  const auto tell = [&](const Row& row) {
    if (read.updates.size() == most) {
      read.caught_up = false;
      return false;
    }
    const bool purged = row.state() == domain::TenantState::kPurged;
    const bool known = row.revision() <= cursor.after_revision;
    if (known || (purged && row.sequence() <= cursor.whole_set_until)) return true;
    RowContents contents = row.Unpack(true);
    PlacementUpdate update{.id = std::string(contents.id),
                           .aliases = {contents.aliases.begin(), contents.aliases.end()},
                           .labels = std::move(contents.labels),
                           .generation = row.generation(),
                           .revision = row.revision()};
    const Visibility sight = judge(update.id, update.labels);
    if (sight == Visibility::kNone) return true;
    update.removed = purged || sight == Visibility::kGone;
    if (!update.removed) {
      Wanted own = wanted;
      own.password = wanted.password && sight == Visibility::kWithPassword;
      update.refused = AppendReply(row, read.revision.epoch, own, keyring_, update.reply);
    }
    read.updates.push_back(std::move(update));
    return true;
  };
  const int64_t last = history_.ReadAfter(cursor.sequence, tell);
  // The item that found no room is looked at again.
  cursor.sequence = read.caught_up ? last : last - 1;
  return read;
}

}  // namespace croft::lookup
