// Reduces a dump to what is compared: definitions, and counts and hashes of rows and large objects.

#include "agent/dump_format/digest.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include "agent/dump_format/row_digest.h"
#include "common/crypto/keyed_hash.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, absl::StrCat("the dump is damaged: ", what),
                   {.reason = "DUMP_DAMAGED"});
}

// Which table has the rows of which.
class PartitionTree {
 public:
  explicit PartitionTree(const Toc& toc) {
    for (const TocEntry& entry : toc.entries) {
      if (entry.kind != "TABLE" && entry.kind != "TABLE ATTACH") continue;
      if (IsHashPartitioned(entry.definition)) hashed_.insert({entry.schema, entry.tag});
      for (Attachment& attachment : Attachments(entry.definition)) {
        parents_[std::move(attachment.child)] = std::move(attachment.parent);
      }
    }
  }

  // The topmost hash-partitioned table that `table` is a partition of, or itself.
  QualifiedName HolderOf(const QualifiedName& table) const {
    QualifiedName holder = table;
    auto parent = parents_.find(table);
    // A dump that was made up may have them in a ring.
    for (size_t steps = 0; parent != parents_.end() && steps < parents_.size(); ++steps) {
      if (hashed_.count(parent->second) > 0) holder = parent->second;
      parent = parents_.find(parent->second);
    }
    return holder;
  }

 private:
  std::map<QualifiedName, QualifiedName> parents_;
  std::set<QualifiedName> hashed_;
};

TocEntry Compared(const TocEntry& entry) {
  return {.dump_id = entry.dump_id,
          .has_data = entry.has_data,
          .tag = entry.tag,
          .kind = entry.kind,
          .section = entry.section,
          .definition = entry.definition,
          .schema = entry.schema,
          .access_method = entry.access_method,
          .owner = entry.owner,
          .dependencies = entry.dependencies};
}

}  // namespace

struct DumpDigester::State {
  explicit State(absl::string_view key) : rows(key), large_object(crypto::KeyedHash(key, "large object")) {}

  absl::Status AddTable(const TocEntry& entry, const PartitionTree& tree);

  DumpDigest digest;
  RowDigester rows;
  crypto::KeyedHashStream large_object;
  absl::flat_hash_set<uint32_t> oids;                   // of the large objects that were seen
  std::map<QualifiedName, size_t> places;               // in digest.tables
  std::map<int32_t, std::pair<size_t, CopyTarget>> of;  // a TABLE DATA entry's table there, and its COPY
};

absl::Status DumpDigester::State::AddTable(const TocEntry& entry, const PartitionTree& tree) {
  std::optional<CopyTarget> copy = ParseCopy(entry.copy_statement);
  if (!copy) {
    return MakeError(absl::StatusCode::kDataLoss,
                     "the dump is damaged: a table's data have no COPY statement",
                     {.reason = "DUMP_DAMAGED"});
  }
  // Not the table that COPY names: that may be the root, for the server to find the partition.
  const QualifiedName holder = tree.HolderOf({entry.schema, entry.tag});
  const auto [place, is_new] = places.try_emplace(holder, digest.tables.size());
  if (is_new) {
    digest.tables.push_back({.table = holder, .columns = copy->columns});
    std::sort(digest.tables.back().columns.begin(), digest.tables.back().columns.end());
  }
  digest.tables[place->second].entries.push_back(entry.dump_id);
  of[entry.dump_id] = {place->second, *std::move(copy)};
  return absl::OkStatus();
}

DumpDigester::DumpDigester(absl::string_view key) : state_(std::make_unique<State>(key)) {}
DumpDigester::~DumpDigester() = default;

absl::Status DumpDigester::OnToc(const Toc& toc) {
  const PartitionTree tree(toc);
  state_->digest.server_version = toc.server_version;
  state_->digest.entries.reserve(toc.entries.size());
  for (const TocEntry& entry : toc.entries) {
    state_->digest.entries.push_back(Compared(entry));
    if (entry.has_data && entry.kind != "BLOBS") CROFT_RETURN_IF_ERROR(state_->AddTable(entry, tree));
  }
  return absl::OkStatus();
}

absl::Status DumpDigester::OnDataBegin(const TocEntry& entry) {
  if (entry.kind != "BLOBS") state_->rows.Begin(state_->of.at(entry.dump_id).second.columns);
  return absl::OkStatus();
}

absl::Status DumpDigester::OnDataEnd(const TocEntry& entry) {
  if (entry.kind == "BLOBS") return absl::OkStatus();
  CROFT_RETURN_IF_ERROR(state_->rows.End());
  TableRows& table = state_->digest.tables[state_->of.at(entry.dump_id).first];
  table.rows += state_->rows.rows();
  table.sum += state_->rows.sum();
  return absl::OkStatus();
}

absl::Status DumpDigester::OnTableBytes(const TocEntry&, absl::string_view bytes) {
  return state_->rows.Append(bytes);
}

absl::Status DumpDigester::OnLargeObjectBegin(const TocEntry&, uint32_t oid) {
  if (state_->oids.insert(oid).second) return absl::OkStatus();
  return Damaged("a large object is in it twice");
}

absl::Status DumpDigester::OnLargeObjectBytes(const TocEntry&, uint32_t, absl::string_view bytes) {
  state_->large_object.Update(bytes);
  return absl::OkStatus();
}

absl::Status DumpDigester::OnLargeObjectEnd(const TocEntry& entry, uint32_t oid) {
  const uint64_t size = state_->large_object.size();
  state_->digest.large_objects.push_back(
      {.oid = oid, .size = size, .hash = state_->large_object.Finish(), .entry = entry.dump_id});
  return absl::OkStatus();
}

DumpDigest DumpDigester::Take() { return std::move(state_->digest); }

}  // namespace croft::agent
