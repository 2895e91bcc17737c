// Counts operations as commits change them.

#include "controlplane/metrics/operation_counts.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/errors.h"
#include "controlplane/domain/backup.h"

namespace croft::metrics {
namespace {

constexpr int32_t kPage = 1000;

// From a create of an empty database to a restore of a large one.
std::vector<absl::Duration> Bounds() {
  return {absl::Milliseconds(100), absl::Milliseconds(250),  absl::Milliseconds(500),
          absl::Seconds(1),        absl::Milliseconds(2500), absl::Seconds(5),
          absl::Seconds(10),       absl::Seconds(30),        absl::Minutes(1),
          absl::Minutes(5),        absl::Minutes(15),        absl::Hours(1),
          absl::Hours(6)};
}

void Earliest(absl::Time time, std::optional<absl::Time>& earliest) {
  if (!earliest || time < *earliest) earliest = time;
}

Outcome OutcomeOf(const domain::Operation& operation) {
  if (operation.state == domain::OperationState::kSucceeded) return Outcome::kSucceeded;
  if (operation.state == domain::OperationState::kCancelled) return Outcome::kCancelled;
  const bool bad_backup = operation.kind == domain::OperationKind::kVerify && operation.error &&
                          domain::IsVerdict(operation.error->reason);
  return bad_backup ? Outcome::kBadBackup : Outcome::kFailed;
}

}  // namespace

absl::Status OperationCounts::Load(catalog::Catalog& catalog) {
  CROFT_RETURN_IF_ERROR(LoadPages(catalog, {.ended = false, .limit = kPage}));
  // Listed only when asked for by kind.
  return LoadPages(catalog, {.ended = false, .kind = domain::OperationKind::kCleanUp, .limit = kPage});
}

absl::Status OperationCounts::LoadPages(catalog::Catalog& catalog, catalog::OperationQuery query) {
  do {
    CROFT_ASSIGN_OR_RETURN(const catalog::OperationPage page, catalog.ListOperations(query));
    const MutexLock lock(mutex_);
    for (const domain::Operation& operation : page.operations) Put(operation);
    query.before = page.next;
  } while (query.before);
  return absl::OkStatus();
}

void OperationCounts::Apply(const std::vector<catalog::Change>& changes) {
  const MutexLock lock(mutex_);
  for (const catalog::Change& change : changes) {
    const auto* put = std::get_if<catalog::PutOperation>(&change);
    if (put == nullptr) continue;
    if (domain::Ended(put->operation)) {
      End(put->operation);
    } else {
      Put(put->operation);
    }
  }
}

void OperationCounts::Put(const domain::Operation& operation) {
  const std::optional<size_t> current = domain::CurrentStep(operation);
  const domain::Step* step = current ? &operation.steps[*current] : nullptr;
  const Phase phase =
      step != nullptr && step->state == domain::StepState::kDispatched ? Phase::kWorking : Phase::kWaiting;
  const auto [found, is_new] = running_.try_emplace(operation.id);
  Running& running = found->second;
  if (is_new || running.phase != phase) running.phase_since = operation.update_time;
  running.kind = operation.kind;
  running.state = operation.state;
  running.create_time = operation.create_time;
  running.phase = phase;
  running.not_before = step == nullptr ? std::nullopt : step->not_before;
}

// One that has ended may be put again, such as with a warning; it is counted when it leaves the running ones, or when it
// began and ended in one commit.
void OperationCounts::End(const domain::Operation& operation) {
  const bool ran = running_.erase(operation.id) > 0;
  if (!ran && operation.version > 1) return;
  ++ended_[{operation.kind, OutcomeOf(operation)}];
  std::unique_ptr<Histogram>& took = took_[operation.kind];
  if (!took) took = std::make_unique<Histogram>(Bounds());
  took->Observe(operation.end_time.value_or(clock_.Now()) - operation.create_time);
}

OperationFigures OperationCounts::Read() const {
  const absl::Time now = clock_.Now();
  const MutexLock lock(mutex_);
  OperationFigures figures{.ended = ended_};
  for (const auto& [kind, took] : took_) figures.took.emplace(kind, took->Read());
  for (const auto& [id, running] : running_) {
    ++figures.running[{running.kind, running.state}];
    // It works and waits through its children, and may take days.
    if (running.kind == domain::OperationKind::kCampaign) continue;
    const absl::Time due = std::max(running.phase_since, running.not_before.value_or(absl::InfinitePast()));
    if (due > now) continue;  // appointed for later
    Earliest(std::max(running.create_time, running.not_before.value_or(absl::InfinitePast())),
             figures.running_since);
    if (running.phase == Phase::kWorking) {
      ++figures.working;
    } else {
      ++figures.waiting;
      Earliest(due, figures.waiting_since);
    }
  }
  return figures;
}

}  // namespace croft::metrics
