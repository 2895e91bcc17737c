#include "agent/store/s3_store.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/agent/store/s3/s3_home.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(S3, StoreContract,
                         testing::Values(StoreKind{"s3", [] { return std::make_unique<S3Home>(); }}),
                         [](const auto& tested) { return tested.param.name; });

class S3StoreTest : public testing::Test {
 protected:
  S3Client Client() {
    return {home_.Address(Served("CROFT_S3_ENDPOINT")), home_.environment, *home_.clock, home_.random,
            ShortTiming()};
  }

  S3Home home_;
};

std::string Pattern(size_t size) {
  std::string content(size, '\0');
  uint32_t state = 1;
  for (char& c : content) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return content;
}

TEST_F(S3StoreTest, LargeObjectGoesInPartsAndReadsBack) {
  const auto store = home_.Open();
  const std::string content = Pattern((20 << 20) + 12345);
  ASSERT_TRUE(WriteObject(*store, "u1/b1/archive", content).ok());
  const auto read = ReadObject(*store, "u1/b1/archive", content.size());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(*read == content);
  EXPECT_EQ(store->List("u1")->front().size_bytes, static_cast<int64_t>(content.size()));
}

TEST_F(S3StoreTest, UnfinishedPartsGoWithTheTenant) {
  const auto store = home_.Open();
  const auto writer = store->Put("u1/b1/archive", 0);
  ASSERT_TRUE((*writer)->Append(Pattern(18 << 20)).ok());
  ASSERT_TRUE(store->DeleteAll("u1").ok());
  EXPECT_EQ((*writer)->Commit().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(store->List("u1")->empty());
}

TEST_F(S3StoreTest, WriterThatIsOverCannotTakeItsTurnBackByAPart) {
  const auto store = home_.Open();
  const auto zombie = store->Put("u1/b1/archive", 0);
  ASSERT_TRUE((*zombie)->Append("little").ok());
  const auto writer = store->Put("u1/b1/archive", 0);
  ASSERT_TRUE((*writer)->Append("newer").ok());
  EXPECT_EQ((*zombie)->Append(Pattern(9 << 20)).code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE((*writer)->Commit().ok());
  EXPECT_EQ(*ReadObject(*store, "u1/b1/archive", 100), "newer");
}

TEST_F(S3StoreTest, BucketInTheHostsNameIsTheSameStore) {
  const auto by_path = home_.Open();
  ASSERT_TRUE(WriteObject(*by_path, "u1/b1/archive", "x").ok());
  const auto by_host = home_.OpenAt(Served("CROFT_S3_HOST"), "&addressing=virtual");
  ASSERT_TRUE(by_host.ok()) << by_host.status();
  EXPECT_EQ((*by_host)->id(), by_path->id());
  EXPECT_EQ(*ReadObject(**by_host, "u1/b1/archive", 10), "x");
}

TEST_F(S3StoreTest, CertificateIsCheckedAgainstTheNamedAuthority) {
  const std::string endpoint = Served("CROFT_S3_TLS_ENDPOINT");
  const auto named = home_.OpenAt(endpoint, absl::StrCat("&ca-file=", Served("CROFT_S3_AUTHORITY")));
  EXPECT_TRUE(named.ok()) << named.status();
  S3Timing once = ShortTiming();
  once.attempts = 1;
  const auto unnamed = home_.OpenAt(endpoint, "", once);
  EXPECT_EQ(DetailsOf(unnamed.status()).reason, "STORE_UNREACHABLE");
  EXPECT_THAT(std::string(unnamed.status().message()), HasSubstr("certificate"));
}

TEST_F(S3StoreTest, PrefixWithOtherObjectsIsRefusedAndLeftAlone) {
  S3Client client = Client();
  ASSERT_TRUE(client.Put({"croft", home_.prefix + "/thesis.tex"}, "mine").ok());
  EXPECT_EQ(DetailsOf(home_.OpenAt(Served("CROFT_S3_ENDPOINT")).status()).reason, "NOT_A_STORE");
  EXPECT_EQ(client.List("croft", home_.prefix + "/")->size(), 1u);
}

TEST_F(S3StoreTest, DamagedMarkerIsRefused) {
  home_.Open();
  ASSERT_TRUE(Client().Put({"croft", home_.prefix + "/croft-store"}, "\n").ok());
  EXPECT_EQ(DetailsOf(home_.OpenAt(Served("CROFT_S3_ENDPOINT")).status()).reason, "NOT_A_STORE");
}

TEST_F(S3StoreTest, KeysLieInTheirOwnBucketAndGoWithTheTenant) {
  const auto store = home_.OpenAt(Served("CROFT_S3_ENDPOINT"), "&keys-bucket=croft-keys");
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(WriteObject(**store, "u1/key", "k").ok());
  ASSERT_TRUE(WriteObject(**store, "u1/b1/archive", "a").ok());
  S3Client client = Client();
  const S3Place key{"croft-keys", home_.prefix + "/u1/key"};
  EXPECT_EQ(client.Get(key, 0, 10, nullptr)->bytes, "k");
  EXPECT_TRUE(absl::IsNotFound(client.Get({"croft", key.key}, 0, 10, nullptr).status()));
  EXPECT_EQ((*store)->List("u1")->size(), 2u);
  ASSERT_TRUE((*store)->DeleteAll("u1").ok());
  EXPECT_TRUE(absl::IsNotFound(client.Get(key, 0, 10, nullptr).status()));
  EXPECT_TRUE((*store)->List("u1")->empty());
}

TEST_F(S3StoreTest, MissingBucketIsNamed) {
  S3Address address = home_.Address(Served("CROFT_S3_ENDPOINT"));
  address.bucket = address.keys_bucket = "no-such-bucket";
  const auto store = OpenS3Store(address, home_.environment, *home_.clock, home_.random, ShortTiming());
  EXPECT_EQ(DetailsOf(store.status()).reason, "STORE_UNREACHABLE");
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("no-such-bucket"));
}

// On servers that keep versions; the others are asked by the tests of faults.
TEST_F(S3StoreTest, BucketWithVersionsTakesArchivesAndNoKeys) {
  const std::string versioned = FromEnvironment("CROFT_S3_VERSIONED");
  if (versioned.empty()) return;
  S3Address address = home_.Address(Served("CROFT_S3_ENDPOINT"));
  address.bucket = address.keys_bucket = versioned;
  const auto refused = OpenS3Store(address, home_.environment, *home_.clock, home_.random, ShortTiming());
  EXPECT_EQ(DetailsOf(refused.status()).reason, "KEYS_KEEP_VERSIONS");
  address.keys_bucket = "croft-keys";
  const auto store = OpenS3Store(address, home_.environment, *home_.clock, home_.random, ShortTiming());
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(WriteObject(**store, "u1/b1/archive", "x").ok());
  ASSERT_TRUE(WriteObject(**store, "u1/key", "x").ok());
  EXPECT_TRUE((*store)->DeleteAll("u1").ok());
  EXPECT_TRUE((*store)->List("u1")->empty());
}

}  // namespace
}  // namespace croft::agent
