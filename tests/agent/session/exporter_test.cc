#include "agent/session/exporter.h"

#include <algorithm>
#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/agent/session/gate.h"

namespace croft::agent {
namespace {

v1::ExportQuery Query(int64_t id, int32_t parts) {
  v1::ExportQuery query;
  query.set_id(id);
  query.set_parts(parts);
  query.mutable_source()->set_backup(absl::StrCat("b", id));
  return query;
}

v1::ExportControl Grant(int64_t id, int32_t parts) {
  v1::ExportControl control;
  control.set_id(id);
  control.set_parts(parts);
  return control;
}

TEST(ArchiveFactsTest, HoldEverything) {
  Manifest manifest;
  manifest.owner_role = "t_acme";
  manifest.reader_role = "t_acme_r";
  manifest.facts = {.server_version = "15.20",
                    .locale = {.encoding = "UTF8", .collate = "C", .ctype = "C.UTF-8", .icu_locale = "de"},
                    .extensions = {{.name = "hstore", .version = "1.8", .schema = "public"}},
                    .settings = {{.role = "t_acme", .name = "work_mem", .value = "8MB"}}};
  EXPECT_EQ(
      ToProto(manifest, {.size_bytes = 7, .sha256 = "ab"}).ShortDebugString(),
      "size_bytes: 7 sha256: \"ab\" server_version: \"15.20\" encoding: \"UTF8\" collate: \"C\" ctype: "
      "\"C.UTF-8\" icu_locale: \"de\" extensions { name: \"hstore\" version: \"1.8\" schema: \"public\" } "
      "parameters { name: \"work_mem\" value: \"8MB\" role: \"t_acme\" } owner_role: \"t_acme\" "
      "reader_role: \"t_acme_r\"");
}

class ExporterTest : public ::testing::Test {
 protected:
  // Gives `size` bytes in pieces, as ExportArchive does.
  Exporter::Read Bytes(size_t size) {
    return [this, size](const v1::BackupSource& source, const ExportSink& sink) -> absl::Status {
      asked_.Put(source.backup());
      CROFT_RETURN_IF_ERROR(sink.describe(Manifest(), {.size_bytes = 1, .sha256 = "ab"}));
      const std::string piece(100'000, 'x');
      for (size_t left = size; left > 0;) {
        CROFT_RETURN_IF_ERROR(sink.keep_going());
        const size_t now = std::min(left, piece.size());
        CROFT_RETURN_IF_ERROR(sink.take(piece.substr(0, now)));
        left -= now;
      }
      return absl::OkStatus();
    };
  }
  Exporter::Send Send() {
    return [this](v1::ExportPart part) { parts_.Put(std::move(part)); };
  }
  v1::ExportPart Next() { return parts_.Take().value_or(v1::ExportPart()); }

  Mailbox<std::string> asked_;
  Mailbox<v1::ExportPart> parts_;
};

TEST_F(ExporterTest, SendsTheFactsThenFullPartsThenTheEnd) {
  Exporter exporter(Bytes(2 * Exporter::kPartBytes + 1), Send());
  exporter.Begin(Query(1, 10));
  EXPECT_EQ(Next().archive().sha256(), "ab");
  EXPECT_EQ(Next().data().size(), Exporter::kPartBytes);
  EXPECT_EQ(Next().data().size(), Exporter::kPartBytes);
  EXPECT_EQ(Next().data().size(), 1u);
  const v1::ExportPart last = Next();
  EXPECT_TRUE(last.end());
  EXPECT_EQ(last.id(), 1);
}

TEST_F(ExporterTest, SendsNoMoreThanItWasGranted) {
  Exporter exporter(Bytes(4 * Exporter::kPartBytes), Send());
  exporter.Begin(Query(1, 1));
  EXPECT_TRUE(Next().has_archive());
  EXPECT_EQ(Next().data().size(), Exporter::kPartBytes);
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_TRUE(parts_.empty());
  exporter.Control(Grant(2, 5));
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_TRUE(parts_.empty()) << "of another export";
  exporter.Control(Grant(1, 3));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Next().data().size(), Exporter::kPartBytes);
  EXPECT_TRUE(Next().end());
}

TEST_F(ExporterTest, ASecondOneIsRefusedWhileOneRunsAndTakenAfterIt) {
  Exporter exporter(Bytes(Exporter::kPartBytes), Send());
  exporter.Begin(Query(1, 0));
  EXPECT_TRUE(Next().has_archive());
  exporter.Begin(Query(2, 1));
  const v1::ExportPart refusal = Next();
  EXPECT_EQ(refusal.id(), 2);
  EXPECT_EQ(refusal.error().reason(), "EXPORT_BUSY");
  exporter.Control(Grant(1, 1));
  EXPECT_EQ(Next().id(), 1);
  EXPECT_TRUE(Next().end());
  exporter.Begin(Query(3, 1));
  EXPECT_TRUE(Next().has_archive());
}

TEST_F(ExporterTest, WhatIsStoppedEndsWhileItWaits) {
  Exporter exporter(Bytes(Exporter::kPartBytes), Send());
  exporter.Begin(Query(1, 0));
  EXPECT_TRUE(Next().has_archive());
  v1::ExportControl stop = Grant(1, 0);
  stop.set_stop(true);
  exporter.Control(stop);
  // Nothing is sent of it any more; the next one is taken as soon as it has ended.
  for (int64_t id = 2;; ++id) {
    exporter.Begin(Query(id, 1));
    const v1::ExportPart part = Next();
    ASSERT_EQ(part.id(), id);
    if (part.has_archive()) break;
    ASSERT_EQ(part.error().reason(), "EXPORT_BUSY");
  }
}

TEST_F(ExporterTest, NothingIsSentOfWhatWasDropped) {
  Exporter exporter(Bytes(Exporter::kPartBytes), Send());
  exporter.Begin(Query(1, 0));
  EXPECT_TRUE(Next().has_archive());
  exporter.Drop();
  exporter.Stop();
  EXPECT_TRUE(parts_.empty());
}

TEST_F(ExporterTest, AnErrorEndsItAndSaysWhy) {
  Exporter exporter(
      [](const v1::BackupSource&, const ExportSink&) { return ArchiveDamaged("it was changed"); }, Send());
  exporter.Begin(Query(1, 1));
  const v1::ExportPart part = Next();
  EXPECT_EQ(part.error().reason(), "ARCHIVE_DAMAGED");
  EXPECT_THAT(part.error().message(), ::testing::HasSubstr("it was changed"));
}

TEST_F(ExporterTest, ReadFromRefusesAKeyOfTheWrongSizeAndAStoreItDoesNotHave) {
  const Exporter::Read read = ReadFrom([](absl::string_view id) -> absl::StatusOr<Store*> {
    return StoreUnreachable(absl::StrCat("no ", id));
  });
  v1::BackupSource source;
  EXPECT_EQ(DetailsOf(read(source, {})).reason, "INVALID_FIELD");
  source.set_key(std::string(32, 'k'));
  EXPECT_EQ(DetailsOf(read(source, {})).reason, "STORE_UNREACHABLE");
}

}  // namespace
}  // namespace croft::agent
