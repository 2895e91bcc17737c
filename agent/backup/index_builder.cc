// Builds indexes and keys while rows are loaded, and on two sessions when all rows are there.

#include "agent/backup/index_builder.h"

#include <utility>

namespace croft::agent {

IndexBuilder::IndexBuilder(ReplaySession& session, Build build)
    : build_(std::move(build)), thread_([this, &session] { Work(session); }) {}

IndexBuilder::~IndexBuilder() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    waiting_.clear();
    ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void IndexBuilder::Add(int64_t size, Entries entries) {
  if (entries.empty()) return;
  MutexLock lock(mutex_);
  waiting_.emplace(size, std::move(entries));
  changed_.NotifyAll();
}

void IndexBuilder::Pause() {
  MutexLock lock(mutex_);
  paused_ = true;
  while (building_ > 0) changed_.Wait(mutex_);
}

absl::StatusOr<IndexBuilder::Entries> IndexBuilder::Finish(ReplaySession& other) {
  {
    MutexLock lock(mutex_);
    paused_ = false;
    ending_ = true;
    changed_.NotifyAll();
  }
  Work(other);
  thread_.join();
  MutexLock lock(mutex_);
  if (!error_.ok()) return error_;
  return std::exchange(failed_, {});
}

std::optional<IndexBuilder::Entries> IndexBuilder::Next() {
  MutexLock lock(mutex_);
  while (!ending_ && (paused_ || waiting_.empty())) changed_.Wait(mutex_);
  if (waiting_.empty()) return std::nullopt;
  Entries entries = std::move(waiting_.begin()->second);
  waiting_.erase(waiting_.begin());
  ++building_;
  return entries;
}

void IndexBuilder::Work(ReplaySession& session) {
  while (const std::optional<Entries> entries = Next()) BuildTable(session, *entries);
}

void IndexBuilder::BuildTable(ReplaySession& session, const Entries& entries) {
  Entries failed;
  absl::Status error;
  for (const TocEntry* entry : entries) {
    const absl::StatusOr<ReplaySession::Attempt> attempt = build_(session, *entry);
    error = attempt.status();
    if (!error.ok()) break;
    if (!attempt->entry.ok()) failed.push_back(entry);
  }
  MutexLock lock(mutex_);
  failed_.insert(failed_.end(), failed.begin(), failed.end());
  if (!error.ok()) {
    if (error_.ok()) error_ = std::move(error);
    waiting_.clear();
  }
  --building_;
  changed_.NotifyAll();
}

}  // namespace croft::agent
