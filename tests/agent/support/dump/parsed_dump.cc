#include "tests/agent/support/dump/parsed_dump.h"

#include <algorithm>

#include "agent/dump_format/reader.h"
#include "common/errors.h"

namespace croft::agent {
namespace {

class Collector final : public DumpVisitor {
 public:
  absl::Status OnToc(const Toc& toc) override {
    dump.toc = toc;
    return absl::OkStatus();
  }
  absl::Status OnDataBegin(const TocEntry& entry) override {
    if (entry.kind == "BLOBS") {
      dump.large_objects[entry.dump_id];
    } else {
      dump.tables[entry.dump_id];
    }
    return absl::OkStatus();
  }
  absl::Status OnDataEnd(const TocEntry&) override { return absl::OkStatus(); }
  absl::Status OnTableBytes(const TocEntry& entry, absl::string_view bytes) override {
    dump.tables[entry.dump_id].append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status OnLargeObjectBegin(const TocEntry& entry, uint32_t oid) override {
    dump.large_objects[entry.dump_id].push_back({oid, ""});
    return absl::OkStatus();
  }
  absl::Status OnLargeObjectBytes(const TocEntry& entry, uint32_t, absl::string_view bytes) override {
    dump.large_objects[entry.dump_id].back().bytes.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status OnLargeObjectEnd(const TocEntry&, uint32_t) override { return absl::OkStatus(); }

  ParsedDump dump;
};

class Writer {
 public:
  Writer(const ParsedDump& dump, const DumpLayout& layout) : dump_(dump), layout_(layout) {}

  std::string Write() {
    Head();
    Integer(static_cast<int32_t>(dump_.toc.entries.size()));
    for (const TocEntry& entry : dump_.toc.entries) Entry(entry);
    for (const TocEntry& entry : dump_.toc.entries) Data(entry);
    return std::move(out_);
  }

 private:
  void Byte(int value) { out_.push_back(static_cast<char>(value)); }
  void Integer(int32_t value) {
    Byte(value < 0 ? 1 : 0);
    auto magnitude = value < 0 ? 0U - static_cast<uint32_t>(value) : static_cast<uint32_t>(value);
    for (int i = 0; i < 4; ++i, magnitude >>= 8U) Byte(static_cast<int>(magnitude & 0xffU));
  }
  void Text(absl::string_view text) {
    Integer(static_cast<int32_t>(text.size()));
    out_.append(text.data(), text.size());
  }
  void NoText() { Integer(-1); }
  void TextOrNone(absl::string_view text) { text.empty() ? NoText() : Text(text); }

  void Head() {
    out_ += "PGDMP";
    for (const int byte : {1, layout_.minor, 0, 4, 8, 1}) Byte(byte);
    if (layout_.minor >= 15) {
      Byte(0);
    } else {
      Integer(0);
    }
    for (const int part : {0, 30, 12, 29, 10, 126, 0}) Integer(part);
    Text(dump_.toc.database);
    Text(dump_.toc.server_version);
    Text(dump_.toc.dump_version);
  }

  void Entry(const TocEntry& entry) {
    Integer(entry.dump_id);
    Integer(entry.has_data ? 1 : 0);
    Text(entry.catalog_table);
    Text(entry.oid);
    Text(entry.tag);
    Text(entry.kind);
    Integer(static_cast<int32_t>(entry.section) + 1);
    Text(entry.definition);
    Text(entry.drop_statement);
    TextOrNone(entry.copy_statement);
    TextOrNone(entry.schema);
    TextOrNone(entry.tablespace);
    TextOrNone(entry.access_method);
    if (layout_.minor >= 16) Integer(entry.relation_kind);
    Text(entry.owner);
    Text("false");
    for (const int32_t id : entry.dependencies) Text(std::to_string(id));
    NoText();
    Byte(entry.has_data ? 1 : 3);
    for (int i = 0; i < 8; ++i) Byte(0);
  }

  void Data(const TocEntry& entry) {
    if (!entry.has_data) return;
    if (const auto objects = dump_.large_objects.find(entry.dump_id);
        objects != dump_.large_objects.end()) {
      Byte(3);
      Integer(entry.dump_id);
      for (const LargeObject& object : objects->second) {
        Integer(static_cast<int32_t>(object.oid));
        Chunks(object.bytes, false);
      }
      Integer(0);
      return;
    }
    Byte(1);
    Integer(entry.dump_id);
    const auto rows = dump_.tables.find(entry.dump_id);
    Chunks(rows == dump_.tables.end() ? absl::string_view() : rows->second, layout_.a_chunk_per_row);
  }

  void Chunks(absl::string_view bytes, bool a_row_each) {
    while (!bytes.empty()) {
      size_t size = std::min(bytes.size(), layout_.chunk_bytes);
      if (a_row_each) size = std::min(bytes.size(), bytes.find('\n') + 1);
      Text(bytes.substr(0, size));
      bytes.remove_prefix(size);
    }
    Integer(0);
  }

  const ParsedDump& dump_;
  const DumpLayout& layout_;
  std::string out_;
};

}  // namespace

TocEntry* ParsedDump::Find(absl::string_view kind, absl::string_view tag) {
  const auto found = std::find_if(toc.entries.begin(), toc.entries.end(), [&](const TocEntry& entry) {
    return entry.kind == kind && entry.tag == tag;
  });
  return found == toc.entries.end() ? nullptr : &*found;
}

TocEntry* ParsedDump::Find(absl::string_view kind) {
  const auto found = std::find_if(toc.entries.begin(), toc.entries.end(),
                                  [&](const TocEntry& entry) { return entry.kind == kind; });
  return found == toc.entries.end() ? nullptr : &*found;
}

void ParsedDump::Remove(int32_t dump_id) {
  toc.entries.erase(std::remove_if(toc.entries.begin(), toc.entries.end(),
                                   [&](const TocEntry& entry) { return entry.dump_id == dump_id; }),
                    toc.entries.end());
  tables.erase(dump_id);
  large_objects.erase(dump_id);
}

absl::StatusOr<ParsedDump> ParseDump(absl::string_view bytes, size_t cut) {
  Collector collector;
  DumpReader reader(collector);
  while (!bytes.empty()) {
    CROFT_RETURN_IF_ERROR(reader.Append(bytes.substr(0, cut)));
    bytes.remove_prefix(std::min(cut, bytes.size()));
  }
  CROFT_RETURN_IF_ERROR(reader.Finish());
  return std::move(collector.dump);
}

std::string WriteDump(const ParsedDump& dump, const DumpLayout& layout) {
  return Writer(dump, layout).Write();
}

}  // namespace croft::agent
