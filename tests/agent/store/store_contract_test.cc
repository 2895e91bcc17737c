#include "tests/agent/store/store_contract.h"

#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr size_t kLimit = 1 << 20;

std::vector<std::string> Names(const absl::StatusOr<std::vector<StoredObject>>& objects) {
  std::vector<std::string> names;
  if (!objects.ok()) return {objects.status().ToString()};
  for (const StoredObject& object : *objects) names.push_back(object.name);
  return names;
}

TEST_P(StoreContract, CommittedObjectReadsBackByteForByte) {
  std::string content(200'000, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31);
  const auto writer = store_->Put("u1/b1/archive", 0);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->Append(absl::string_view(content).substr(0, 70'000)).ok());
  ASSERT_TRUE((*writer)->Append(absl::string_view(content).substr(70'000)).ok());
  ASSERT_TRUE((*writer)->Commit().ok());
  const auto reader = store_->Get("u1/b1/archive");
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->size_bytes(), 200'000);
  EXPECT_EQ(*ReadObject(*store_, "u1/b1/archive", kLimit), content);
}

TEST_P(StoreContract, EmptyObjectIsAnObject) {
  ASSERT_TRUE(WriteObject(*store_, "u1/key", "").ok());
  EXPECT_EQ(*ReadObject(*store_, "u1/key", kLimit), "");
}

TEST_P(StoreContract, ObjectIsUnseenUntilCommit) {
  const auto writer = store_->Put("u1/b1/archive", 5);
  ASSERT_TRUE((*writer)->Append("hello").ok());
  EXPECT_EQ(store_->Get("u1/b1/archive").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Names(store_->List("u1")), IsEmpty());
  ASSERT_TRUE((*writer)->Commit().ok());
  EXPECT_THAT(Names(store_->List("u1")), ElementsAre("u1/b1/archive"));
}

TEST_P(StoreContract, AbandonedWriteLeavesTheFormerObject) {
  ASSERT_TRUE(WriteObject(*store_, "u1/key", "first").ok());
  {
    const auto writer = store_->Put("u1/key", 6);
    ASSERT_TRUE((*writer)->Append("second").ok());
  }
  EXPECT_EQ(*ReadObject(*store_, "u1/key", kLimit), "first");
  EXPECT_THAT(Names(store_->List("")), ElementsAre("u1/key"));
}

TEST_P(StoreContract, CommitReplacesTheFormerObject) {
  ASSERT_TRUE(WriteObject(*store_, "u1/key", "first").ok());
  ASSERT_TRUE(WriteObject(*store_, "u1/key", "second").ok());
  EXPECT_EQ(*ReadObject(*store_, "u1/key", kLimit), "second");
}

TEST_P(StoreContract, ReaderGoesOnWithTheObjectItOpened) {
  ASSERT_TRUE(WriteObject(*store_, "u1/key", "first").ok());
  const auto reader = store_->Get("u1/key");
  ASSERT_TRUE(WriteObject(*store_, "u1/key", "second").ok());
  char buffer[16];
  const auto got = (*reader)->Read(buffer, sizeof buffer);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(std::string(buffer, *got), "first");
}

TEST_P(StoreContract, SecondWriterOfANameWins) {
  const auto zombie = store_->Put("u1/key", 1);
  ASSERT_TRUE((*zombie)->Append("zombie").ok());
  const auto writer = store_->Put("u1/key", 1);
  ASSERT_TRUE((*writer)->Append("newer").ok());
  ASSERT_TRUE((*writer)->Commit().ok());
  EXPECT_EQ((*zombie)->Commit().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(*ReadObject(*store_, "u1/key", kLimit), "newer");
}

TEST_P(StoreContract, MissingObjectIsNotFound) {
  const absl::Status status = store_->Get("u1/b1/archive").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(DetailsOf(status).reason, "OBJECT_NOT_FOUND");
}

TEST_P(StoreContract, ListTellsTenantsApart) {
  for (const char* name : {"u1/key", "u1/b1/manifest.json", "u1/b1/archive", "u10/key", "u2/key"}) {
    ASSERT_TRUE(WriteObject(*store_, name, name).ok());
  }
  EXPECT_THAT(Names(store_->List("u1")), ElementsAre("u1/b1/archive", "u1/b1/manifest.json", "u1/key"));
  EXPECT_THAT(Names(store_->List("")),
              ElementsAre("u1/b1/archive", "u1/b1/manifest.json", "u1/key", "u10/key", "u2/key"));
  EXPECT_THAT(Names(store_->List("u3")), IsEmpty());
}

TEST_P(StoreContract, EachTenantIsVisitedOnceWithAllItsObjects) {
  for (const char* name : {"u1/key", "u1-x/key", "u1/b1/archive", "u2/key"}) {
    ASSERT_TRUE(WriteObject(*store_, name, name).ok());
  }
  std::vector<std::vector<std::string>> visited;
  const auto visit = [&](const std::vector<StoredObject>& objects) {
    visited.push_back(Names(objects));
    return absl::OkStatus();
  };
  ASSERT_TRUE(store_->VisitTenants(visit).ok());
  EXPECT_THAT(visited, UnorderedElementsAre(ElementsAre("u1/b1/archive", "u1/key"), ElementsAre("u1-x/key"),
                                            ElementsAre("u2/key")));
  // The way of a store that reads all at once.
  visited.clear();
  ASSERT_TRUE(store_->Store::VisitTenants(visit).ok());
  EXPECT_EQ(visited.size(), 3u);
  int visits = 0;
  EXPECT_EQ(store_->VisitTenants([&](const std::vector<StoredObject>&) {
    ++visits;
    return absl::CancelledError("enough");
  }),
            absl::CancelledError("enough"));
  EXPECT_EQ(visits, 1);
}

TEST_P(StoreContract, DeleteRemovesOneObjectAndCanBeRepeated) {
  ASSERT_TRUE(WriteObject(*store_, "u1/b1/archive", "x").ok());
  ASSERT_TRUE(WriteObject(*store_, "u1/b2/archive", "x").ok());
  EXPECT_TRUE(store_->Delete("u1/b1/archive").ok());
  EXPECT_TRUE(store_->Delete("u1/b1/archive").ok());
  EXPECT_THAT(Names(store_->List("")), ElementsAre("u1/b2/archive"));
}

TEST_P(StoreContract, DeleteAllRemovesATenantAndItsUnfinishedWrites) {
  ASSERT_TRUE(WriteObject(*store_, "u1/key", "x").ok());
  ASSERT_TRUE(WriteObject(*store_, "u1/b1/archive", "x").ok());
  ASSERT_TRUE(WriteObject(*store_, "u10/key", "x").ok());
  const auto writer = store_->Put("u1/b2/archive", 1);
  EXPECT_TRUE(store_->DeleteAll("u1").ok());
  EXPECT_TRUE(store_->DeleteAll("u1").ok());
  EXPECT_EQ((*writer)->Commit().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Names(store_->List("")), ElementsAre("u10/key"));
}

TEST_P(StoreContract, IdStaysWithTheStore) {
  const std::string id = store_->id();
  EXPECT_FALSE(id.empty());
  EXPECT_EQ(home_->Open()->id(), id);
  EXPECT_NE(GetParam().make()->Open()->id(), id);
}

TEST_P(StoreContract, AgentsThatComeAtOnceAgreeOnTheId) {
  const auto home = GetParam().make();
  std::vector<std::string> ids(8);
  std::vector<std::thread> threads;
  for (std::string& id : ids) threads.emplace_back([&id, &home] { id = home->Open()->id(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(ids, testing::Each(ids[0]));
}

TEST_P(StoreContract, SizeThatCannotFitIsRefusedAtOnce) {
  const absl::Status status = store_->Put("u1/b1/archive", int64_t{1} << 60).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(status).reason, "DISK_FULL");
  EXPECT_THAT(Names(store_->List("")), IsEmpty());
}

TEST_P(StoreContract, TellsItsRoom) {
  const auto free = store_->FreeBytes();
  ASSERT_TRUE(free.ok()) << free.status();
  EXPECT_GT(*free, 0);
}

TEST_P(StoreContract, NamesThatLeadElsewhereAreRefused) {
  for (const std::string name :
       {"", "key", "/etc/passwd", "u1//key", "u1/", "/key", "../key", "u1/../u2/key", "u1/./key",
        "u1/.hidden", "u1/a b", "u1/a\nb", "u1/a/b/c/d", "u1/caf\xc3\xa9"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(store_->Put(name, 1).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store_->Get(name).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store_->Delete(name).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(store_->Get(std::string("u1/a\0b", 6)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->Get(absl::StrCat("u1/", std::string(101, 'x'))).status().code(),
            absl::StatusCode::kInvalidArgument);
  for (const char* uid : {"", "..", "a/b", ".x"}) {
    SCOPED_TRACE(uid);
    EXPECT_EQ(store_->DeleteAll(uid).code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_P(StoreContract, ReadOfAnObjectOverTheLimitIsDataLoss) {
  ASSERT_TRUE(WriteObject(*store_, "u1/key", "12345").ok());
  EXPECT_EQ(*ReadObject(*store_, "u1/key", 5), "12345");
  EXPECT_EQ(ReadObject(*store_, "u1/key", 4).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace croft::agent
