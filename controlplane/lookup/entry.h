#pragma once

#include <atomic>

#include "controlplane/lookup/row.h"

// A tenant's entry in the placement index.
namespace croft::lookup {

struct Chunk;

// What stays of a tenant while its rows come and go: names, history and host lists point here. A purged tenant's
// entry stays for a while, with a row that says so.
struct Entry {
  std::atomic<const Row*> row{nullptr};  // never nullptr once readers can reach the entry

  // --- Of the writer.
  Chunk* chunk = nullptr;  // of the history, that holds its newest change
  Entry* previous_on_host = nullptr;
  Entry* next_on_host = nullptr;
};

}  // namespace croft::lookup
