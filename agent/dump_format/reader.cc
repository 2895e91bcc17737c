// Reads pg_dump's custom format from a stream, without trusting it.

#include "agent/dump_format/reader.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <absl/container/flat_hash_set.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

// The stream is a sequence of three kinds of items: raw bytes; integers, as a sign byte and four bytes of magnitude,
// lowest first; and texts, as an integer that gives their length (-1: none) and their bytes.
constexpr size_t kIntegerBytes = 5;
constexpr size_t kOffsetBytes = 9;  // a state and eight bytes
constexpr absl::string_view kSignature = "PGDMP";
constexpr int kIntegerSize = 4;
constexpr int kOffsetSize = 8;
constexpr int kCustomFormat = 1;
constexpr int kTableBlock = 1;
constexpr int kLargeObjectsBlock = 3;
constexpr int kTimeParts = 7;
constexpr size_t kMostTocBytes = size_t{1} << 30;

// What the next item is.
enum class Step {
  kMagic,
  kSizes,
  kAlgorithm,
  kCompressionLevel,
  kTime,
  kDatabase,
  kServerVersion,
  kDumpVersion,
  kEntryCount,
  kDumpId,
  kHasData,
  kCatalogTable,
  kOid,
  kTag,
  kKind,
  kSection,
  kDefinition,
  kDropStatement,
  kCopyStatement,
  kSchema,
  kTablespace,
  kAccessMethod,
  kRelationKind,
  kOwner,
  kWithOids,
  kDependency,
  kOffset,
  kBlockType,
  kBlockId,
  kLargeObjectOid,
  kChunkLength,
};

enum class ItemType { kRaw, kInteger, kText, kChunk };

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, absl::StrCat("the dump is damaged: ", what),
                   {.reason = "DUMP_DAMAGED"});
}

absl::Status Unknown(absl::string_view what) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("cannot read the dump: ", what,
                   "; this release reads uncompressed dumps in pg_dump's custom format 1.14 to 1.16, as "
                   "pg_dump of PostgreSQL 12 to 18 writes them on 64-bit machines"),
      {.reason = "DUMP_FORMAT_UNKNOWN"});
}

bool IsNumber(absl::string_view text) {
  uint32_t number = 0;
  return absl::SimpleAtoi(text, &number);
}

uint32_t LittleEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace

struct DumpReader::State {
  explicit State(DumpVisitor& v) : visitor(v) { WantRaw(Step::kMagic, kSignature.size() + 3); }

  absl::Status Append(absl::string_view bytes);
  absl::Status Finish() const;

 private:
  absl::Status TakeChunk(absl::string_view& bytes);
  absl::Status TakeItem(absl::string_view& bytes);
  absl::Status OnHeaderBytes();
  absl::Status OnRaw();
  absl::Status OnInteger(int32_t value);
  absl::Status OnHeaderInteger(int32_t value);
  absl::Status OnEntryInteger(int32_t value);
  absl::Status OnDataInteger(int32_t value);
  absl::Status OnTextLength(int32_t length);
  absl::Status OnText(std::string text);
  absl::Status OnDependency(const std::string& text, bool none);

  absl::Status BeginEntries(int32_t count);
  absl::Status EndEntry();
  absl::Status BeginBlock(int32_t dump_id);
  absl::Status EndBlock();
  absl::Status OnChunkLength(int32_t length);
  absl::Status OnLargeObject(uint32_t oid);

  void WantRaw(Step next, size_t size) { Want(next, ItemType::kRaw, size); }
  void WantInteger(Step next) { Want(next, ItemType::kInteger, kIntegerBytes); }
  void WantText(Step next) { Want(next, ItemType::kText, kIntegerBytes); }
  void Want(Step next, ItemType next_type, size_t size) {
    step = next;
    type = next_type;
    wanted = size;
    in_text = false;
    item.clear();
  }
  // What is still to come when the dump ends is nothing.
  bool AtEnd() const { return step == Step::kBlockType && item.empty() && next_data == toc.entries.size(); }
  void SkipToData();
  // False when the table of contents takes more memory than it may.
  bool Charge(size_t bytes) { return (toc_bytes += bytes) <= kMostTocBytes; }

  DumpVisitor& visitor;
  Step step = Step::kMagic;
  ItemType type = ItemType::kRaw;
  size_t wanted = 0;     // bytes of the item, or of the rest of a chunk
  bool in_text = false;  // the length of the text is known, and `wanted`
  std::string item;      // the part of it that is here

  Toc toc;
  size_t toc_bytes = 0;
  int time_parts = 0;
  int32_t entries_left = 0;
  absl::flat_hash_set<int32_t> dump_ids;
  size_t next_data = 0;  // the entry whose data come next
  bool in_large_objects = false;
  uint32_t oid = 0;
};

absl::Status DumpReader::State::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    CROFT_RETURN_IF_ERROR(type == ItemType::kChunk ? TakeChunk(bytes) : TakeItem(bytes));
  }
  return absl::OkStatus();
}

absl::Status DumpReader::State::Finish() const {
  if (AtEnd()) return absl::OkStatus();
  return Damaged("it ends too early");
}

absl::Status DumpReader::State::TakeChunk(absl::string_view& bytes) {
  const absl::string_view part = bytes.substr(0, wanted);
  const TocEntry& entry = toc.entries[next_data];
  bytes.remove_prefix(part.size());
  wanted -= part.size();
  CROFT_RETURN_IF_ERROR(in_large_objects ? visitor.OnLargeObjectBytes(entry, oid, part)
                                         : visitor.OnTableBytes(entry, part));
  if (wanted == 0) WantInteger(Step::kChunkLength);
  return absl::OkStatus();
}

absl::Status DumpReader::State::TakeItem(absl::string_view& bytes) {
  const absl::string_view part = bytes.substr(0, wanted - item.size());
  bytes.remove_prefix(part.size());
  absl::string_view whole = part;
  if (!item.empty() || part.size() < wanted || type != ItemType::kInteger) {
    item.append(part.data(), part.size());
    if (item.size() < wanted) return absl::OkStatus();
    whole = item;
  }
  if (type == ItemType::kRaw) return OnRaw();
  if (in_text) return OnText(std::exchange(item, std::string()));
  const auto sign = static_cast<unsigned char>(whole[0]);
  if (sign > 1) return Damaged("an integer has no sign");
  // As pg_dump reads it: an OID from 2^31 on is negative here.
  const uint32_t magnitude = LittleEndian(whole.substr(1));
  const auto value = static_cast<int32_t>(sign == 1 ? 0U - magnitude : magnitude);
  return type == ItemType::kText ? OnTextLength(value) : OnInteger(value);
}

absl::Status DumpReader::State::OnRaw() {
  switch (step) {
    case Step::kMagic:
    case Step::kSizes:
    case Step::kAlgorithm: return OnHeaderBytes();
    case Step::kOffset: return EndEntry();
    default: break;
  }
  const int block_type = item[0];
  if (block_type != kTableBlock && block_type != kLargeObjectsBlock)
    return Damaged("a block is of no known type");
  in_large_objects = block_type == kLargeObjectsBlock;
  WantInteger(Step::kBlockId);
  return absl::OkStatus();
}

absl::Status DumpReader::State::OnHeaderBytes() {
  const auto byte = [&](size_t at) { return static_cast<int>(static_cast<unsigned char>(item[at])); };
  if (step == Step::kMagic) {
    if (item.compare(0, kSignature.size(), kSignature.data(), kSignature.size()) != 0) {
      return Damaged("it does not begin like one in pg_dump's custom format");
    }
    toc.version = {byte(5), byte(6), byte(7)};
    if (toc.version.major != 1 || toc.version.minor < 14 || toc.version.minor > 16) {
      return Unknown(absl::StrCat("it has format version ", toc.version.major, ".", toc.version.minor));
    }
    WantRaw(Step::kSizes, 3);
    return absl::OkStatus();
  }
  if (step == Step::kSizes) {
    if (byte(0) != kIntegerSize || byte(1) != kOffsetSize) return Unknown("its numbers have unusual sizes");
    if (byte(2) != kCustomFormat) return Unknown("it is not in the custom format");
    if (toc.version.minor == 14) {
      WantInteger(Step::kCompressionLevel);
    } else {
      WantRaw(Step::kAlgorithm, 1);
    }
    return absl::OkStatus();
  }
  if (byte(0) != 0) return Unknown("it is compressed");
  WantInteger(Step::kTime);
  return absl::OkStatus();
}

absl::Status DumpReader::State::OnInteger(int32_t value) {
  if (step >= Step::kBlockId) return OnDataInteger(value);
  if (step >= Step::kDumpId) return OnEntryInteger(value);
  return OnHeaderInteger(value);
}

absl::Status DumpReader::State::OnHeaderInteger(int32_t value) {
  if (step == Step::kEntryCount) return BeginEntries(value);
  if (step == Step::kCompressionLevel) {
    if (value != 0) return Unknown("it is compressed");
    WantInteger(Step::kTime);
    return absl::OkStatus();
  }
  if (++time_parts < kTimeParts) {
    WantInteger(Step::kTime);
  } else {
    WantText(Step::kDatabase);
  }
  return absl::OkStatus();
}

absl::Status DumpReader::State::BeginEntries(int32_t count) {
  if (count < 0) return Damaged("the number of its entries is negative");
  entries_left = count;
  if (count > 0) {
    WantInteger(Step::kDumpId);
    return absl::OkStatus();
  }
  WantRaw(Step::kBlockType, 1);
  return visitor.OnToc(toc);
}

absl::Status DumpReader::State::OnEntryInteger(int32_t value) {
  if (step == Step::kDumpId) {
    if (value <= 0 || !dump_ids.insert(value).second) return Damaged("an entry has an impossible number");
    if (!Charge(sizeof(TocEntry))) return Damaged("its table of contents is too large");
    toc.entries.emplace_back().dump_id = value;
    WantInteger(Step::kHasData);
    return absl::OkStatus();
  }
  TocEntry& entry = toc.entries.back();
  switch (step) {
    case Step::kHasData:
      if (value != 0 && value != 1) return Damaged("it is unclear whether an entry has data");
      entry.has_data = value == 1;
      WantText(Step::kCatalogTable);
      break;
    case Step::kSection:
      if (value < 1 || value > 4) return Damaged("an entry is in no known section");
      entry.section = static_cast<Section>(value - 1);
      WantText(Step::kDefinition);
      break;
    default:
      if (value < 0 || value > std::numeric_limits<signed char>::max()) {
        return Damaged("a relation is of no known kind");
      }
      entry.relation_kind = static_cast<char>(value);
      WantText(Step::kOwner);
  }
  return absl::OkStatus();
}

absl::Status DumpReader::State::OnTextLength(int32_t length) {
  if (length < -1) return Damaged("a text has an impossible length");
  if (length > 0) {
    if (!Charge(static_cast<size_t>(length))) return Damaged("its table of contents is too large");
    wanted = static_cast<size_t>(length);
    in_text = true;
    item.clear();
    return absl::OkStatus();
  }
  if (step == Step::kDependency) return OnDependency("", length < 0);
  return OnText("");
}

absl::Status DumpReader::State::OnText(std::string text) {
  if (text.find('\0') != std::string::npos) return Damaged("a text holds a zero byte");
  const auto keep = [&](std::string& member, Step next) {
    member = std::move(text);
    member.shrink_to_fit();
    WantText(next);
    return absl::OkStatus();
  };
  switch (step) {
    case Step::kDatabase: return keep(toc.database, Step::kServerVersion);
    case Step::kServerVersion: return keep(toc.server_version, Step::kDumpVersion);
    case Step::kDumpVersion:
      toc.dump_version = std::move(text);
      WantInteger(Step::kEntryCount);
      return absl::OkStatus();
    default: break;
  }
  TocEntry& entry = toc.entries.back();
  switch (step) {
    case Step::kCatalogTable:
      if (!IsNumber(text)) return Damaged("an OID is no number");
      return keep(entry.catalog_table, Step::kOid);
    case Step::kOid:
      if (!IsNumber(text)) return Damaged("an OID is no number");
      return keep(entry.oid, Step::kTag);
    case Step::kTag: return keep(entry.tag, Step::kKind);
    case Step::kKind:
      entry.kind = std::move(text);
      WantInteger(Step::kSection);
      return absl::OkStatus();
    case Step::kDefinition: return keep(entry.definition, Step::kDropStatement);
    case Step::kDropStatement: return keep(entry.drop_statement, Step::kCopyStatement);
    case Step::kCopyStatement: return keep(entry.copy_statement, Step::kSchema);
    case Step::kSchema: return keep(entry.schema, Step::kTablespace);
    case Step::kTablespace: return keep(entry.tablespace, Step::kAccessMethod);
    case Step::kAccessMethod:
      entry.access_method = std::move(text);
      if (toc.version.minor >= 16) {
        WantInteger(Step::kRelationKind);
      } else {
        WantText(Step::kOwner);
      }
      return absl::OkStatus();
    case Step::kOwner: return keep(entry.owner, Step::kWithOids);
    case Step::kWithOids:
      if (text != "false") return Damaged("a table has OIDs, which its version does not know");
      WantText(Step::kDependency);
      return absl::OkStatus();
    default: return OnDependency(text, false);
  }
}

absl::Status DumpReader::State::OnDependency(const std::string& text, bool none) {
  if (none) {
    toc.entries.back().dependencies.shrink_to_fit();
    WantRaw(Step::kOffset, kOffsetBytes);
    return absl::OkStatus();
  }
  int32_t dump_id = 0;
  if (!absl::SimpleAtoi(text, &dump_id)) return Damaged("a dependency is no number");
  if (!Charge(2 * sizeof(dump_id))) return Damaged("its table of contents is too large");
  toc.entries.back().dependencies.push_back(dump_id);
  WantText(Step::kDependency);
  return absl::OkStatus();
}

absl::Status DumpReader::State::EndEntry() {
  // The offset itself is only known, and only right, in a dump that was written to a file.
  if (item[0] < 1 || item[0] > 3) return Damaged("an entry's offset is of no known state");
  const TocEntry& entry = toc.entries.back();
  if (entry.kind.empty()) return Damaged("an entry is of no kind");
  if (--entries_left > 0) {
    WantInteger(Step::kDumpId);
    return absl::OkStatus();
  }
  dump_ids = {};
  SkipToData();
  WantRaw(Step::kBlockType, 1);
  return visitor.OnToc(toc);
}

void DumpReader::State::SkipToData() {
  while (next_data < toc.entries.size() && !toc.entries[next_data].has_data) ++next_data;
}

absl::Status DumpReader::State::OnDataInteger(int32_t value) {
  switch (step) {
    case Step::kBlockId: return BeginBlock(value);
    case Step::kLargeObjectOid: return OnLargeObject(static_cast<uint32_t>(value));
    default: return OnChunkLength(value);
  }
}

absl::Status DumpReader::State::BeginBlock(int32_t dump_id) {
  // pg_dump writes the data in the order of the entries, each once.
  if (next_data == toc.entries.size() || toc.entries[next_data].dump_id != dump_id) {
    return Damaged("data do not belong to the entry whose turn it is");
  }
  const TocEntry& entry = toc.entries[next_data];
  if (in_large_objects != (entry.kind == "BLOBS"))
    return Damaged("data are not of the kind of their entry");
  WantInteger(in_large_objects ? Step::kLargeObjectOid : Step::kChunkLength);
  return visitor.OnDataBegin(entry);
}

absl::Status DumpReader::State::EndBlock() {
  const TocEntry& entry = toc.entries[next_data++];
  SkipToData();
  WantRaw(Step::kBlockType, 1);
  return visitor.OnDataEnd(entry);
}

absl::Status DumpReader::State::OnLargeObject(uint32_t next) {
  if (next == 0) return EndBlock();
  oid = next;
  WantInteger(Step::kChunkLength);
  return visitor.OnLargeObjectBegin(toc.entries[next_data], oid);
}

absl::Status DumpReader::State::OnChunkLength(int32_t length) {
  if (length < 0) return Damaged("a block has an impossible length");
  if (length > 0) {
    Want(Step::kChunkLength, ItemType::kChunk, static_cast<size_t>(length));
    return absl::OkStatus();
  }
  if (!in_large_objects) return EndBlock();
  WantInteger(Step::kLargeObjectOid);
  return visitor.OnLargeObjectEnd(toc.entries[next_data], oid);
}

DumpReader::DumpReader(DumpVisitor& visitor) : state_(std::make_unique<State>(visitor)) {}
DumpReader::~DumpReader() = default;

absl::Status DumpReader::Append(absl::string_view bytes) {
  if (failure_.ok()) failure_ = state_->Append(bytes);
  return failure_;
}

absl::Status DumpReader::Finish() { return failure_.ok() ? state_->Finish() : failure_; }

}  // namespace croft::agent
