#include "agent/session/importer.h"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/compression/zstd.h"
#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "tests/agent/session/gate.h"

namespace croft::agent {
namespace {

// Counts what was removed, and takes all that is written.
class SinkStore final : public Store {
 public:
  const std::string& id() const override { return id_; }
  absl::StatusOr<std::unique_ptr<ObjectWriter>> Put(absl::string_view, int64_t) override {
    return std::make_unique<Writer>();
  }
  absl::StatusOr<std::unique_ptr<ObjectReader>> Get(absl::string_view name) override {
    return ObjectNotFound(name);
  }
  absl::StatusOr<std::vector<StoredObject>> List(absl::string_view) override {
    return std::vector<StoredObject>();
  }
  absl::Status Delete(absl::string_view) override { return absl::OkStatus(); }
  absl::Status DeleteAll(absl::string_view uid) override {
    removed.Put(std::string(uid));
    return absl::OkStatus();
  }
  absl::StatusOr<int64_t> FreeBytes() override { return 0; }

  Mailbox<std::string> removed;

 private:
  class Writer final : public ObjectWriter {
   public:
    absl::Status Append(absl::string_view) override { return absl::OkStatus(); }
    absl::Status Commit() override { return absl::OkStatus(); }
  };
  const std::string id_ = "s1";
};

class ImporterTest : public ::testing::Test {
 protected:
  static v1::Upload Begin(int64_t id, const std::string& dump) {
    v1::Upload upload;
    upload.set_id(id);
    v1::UploadBegin& begin = *upload.mutable_begin();
    begin.set_store("s1");
    begin.set_uid("u1");
    begin.set_backup("b1");
    begin.set_key(std::string(crypto::kKeyBytes, 'k'));
    begin.mutable_archive()->set_size_bytes(static_cast<int64_t>(dump.size()));
    begin.mutable_archive()->set_sha256(crypto::Hex(crypto::Sha256(dump)));
    begin.mutable_archive()->set_server_version("15.20");
    return upload;
  }
  static v1::Upload Data(int64_t id, std::string data) {
    v1::Upload upload;
    upload.set_id(id);
    upload.set_data(std::move(data));
    return upload;
  }
  static v1::Upload End(int64_t id) {
    v1::Upload upload;
    upload.set_id(id);
    upload.set_end(true);
    return upload;
  }
  v1::UploadState Next() { return states_.Take().value_or(v1::UploadState()); }
  // Past what is granted.
  v1::UploadState Outcome() {
    v1::UploadState state = Next();
    while (state.parts() > 0) state = Next();
    return state;
  }

  ~ImporterTest() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::remove_all(folder_ + ".killed");
  }

  // Of this process alone: others run the other tests meanwhile.
  const std::string folder_ = absl::StrCat(testing::TempDir(), "uploads-", getpid());
  SystemClock clock_;
  SinkStore store_;
  Mailbox<v1::UploadState> states_;
  Importer importer_{[this](absl::string_view) -> absl::StatusOr<Store*> { return &store_; }, clock_,
                     UploadNotes(folder_),
                     [this](v1::UploadState state) { states_.Put(std::move(state)); }};
};

TEST_F(ImporterTest, GrantsAsItTakesAndRefusesWhatIsNoDump) {
  const std::string text = "no dump";
  importer_.Take(Begin(1, text));
  EXPECT_EQ(Next().parts(), Importer::kWindow);
  importer_.Take(Data(1, *CompressZstd(text)));
  importer_.Take(End(1));
  EXPECT_EQ(Next().parts(), 1);
  EXPECT_EQ(Outcome().error_reason(), "DUMP_DAMAGED");
  EXPECT_EQ(store_.removed.Take(), "u1");
}

TEST_F(ImporterTest, WhatIsNotWhatWasDescribedIsRemoved) {
  for (const std::string sent : {"PGDMP 2", "PGDMP and more", "PG", ""}) {
    importer_.Take(Begin(1, "PGDMP 1"));
    EXPECT_EQ(Next().parts(), Importer::kWindow);
    if (!sent.empty()) importer_.Take(Data(1, *CompressZstd(sent)));
    importer_.Take(End(1));
    const std::string reason = Outcome().error_reason();
    EXPECT_TRUE(reason == "BUNDLE_DAMAGED" || reason == "DUMP_DAMAGED") << reason;
    EXPECT_EQ(store_.removed.Take(), "u1");
    absl::SleepFor(absl::Milliseconds(20));  // until it takes the next
  }
}

TEST_F(ImporterTest, ASecondOneIsRefusedAndAStopRemovesTheFirst) {
  importer_.Take(Begin(1, "PGDMP"));
  EXPECT_EQ(Next().parts(), Importer::kWindow);
  importer_.Take(Begin(2, "PGDMP"));
  const v1::UploadState refusal = Next();
  EXPECT_EQ(refusal.id(), 2);
  EXPECT_EQ(refusal.error_reason(), "UPLOAD_BUSY");
  v1::Upload stop;
  stop.set_id(1);
  stop.set_stop(true);
  importer_.Take(stop);
  EXPECT_EQ(Outcome().id(), 1);
  EXPECT_EQ(store_.removed.Take(), "u1");
}

TEST_F(ImporterTest, TheEndOfTheSessionRemovesWhatWasNotWholeAndNothingIsSaid) {
  importer_.Take(Begin(1, "PGDMP"));
  EXPECT_EQ(Next().parts(), Importer::kWindow);
  importer_.Drop();
  EXPECT_EQ(store_.removed.Take(), "u1");
  EXPECT_TRUE(states_.empty());
}

TEST_F(ImporterTest, WhatAnAgentWasKilledOverIsRemovedWhenItStartsAgain) {
  UploadNotes notes(folder_ + ".killed");
  ASSERT_TRUE(notes.Write({.uid = "u7", .store = "s1"}).ok());
  {
    const Importer importer([this](absl::string_view) -> absl::StatusOr<Store*> { return &store_; }, clock_,
                            notes, [](const v1::UploadState&) {});
    EXPECT_EQ(store_.removed.Take(), "u7");
  }
  EXPECT_TRUE(notes.All().empty());
}

TEST(UploadedBackupTest, TakesOnlyParametersThatATenantMaySet) {
  v1::UploadBegin begin;
  begin.set_uid("u1");
  begin.set_backup("b1");
  begin.set_key(std::string(crypto::kKeyBytes, 'k'));
  begin.mutable_archive()->set_server_version("17.2");
  for (const char* name :
       {"search_path", "app.region", "temp_file_limit", "pgaudit.log", "Session_Replication_Role"}) {
    v1::DatabaseParameter& parameter = *begin.mutable_archive()->add_parameters();
    parameter.set_name(name);
    parameter.set_value("x");
  }
  const absl::StatusOr<UploadedBackup> backup = FromProto(begin);
  ASSERT_TRUE(backup.ok());
  EXPECT_EQ(backup->facts.server_major, 17);
  ASSERT_EQ(backup->facts.settings.size(), 2u);
  EXPECT_EQ(backup->facts.settings[0].name, "search_path");
  EXPECT_EQ(backup->facts.settings[1].name, "app.region");
  EXPECT_EQ(backup->not_dumped.size(), 3u);
}

}  // namespace
}  // namespace croft::agent
