// The store over a server that misbehaves: a proxy stands before the served one and does what each test says.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/store/s3_store.h"
#include "common/errors.h"
#include "tests/agent/store/s3/loopback.h"
#include "tests/agent/store/s3/s3_home.h"

namespace croft::agent {
namespace {

using ::testing::HasSubstr;

std::string ErrorXml(absl::string_view code) {
  return absl::StrCat("<Error><Code>", code, "</Code></Error>");
}

class S3FaultTest : public testing::Test {
 protected:
  // The store by way of a proxy that answers as `fault` says; where that says nothing, as the server does.
  std::unique_ptr<Store> OpenThrough(std::function<std::string(const RawRequest&)> fault) {
    const std::string server = Served("CROFT_S3_ENDPOINT");
    // Faults meet a store that is made.
    S3Client client(home_.Address(server), &FromEnvironment, home_.system_clock, home_.random,
                    ShortTiming());
    EXPECT_TRUE(client.Put({"croft", home_.prefix + "/croft-store"}, "store-of-faults\n").ok());
    proxy_ =
        std::make_unique<Loopback>([this, server, fault = std::move(fault)](const RawRequest& request) {
          ++requests_;
          const std::string answer = fault(request);
          return answer.empty() ? Forward(server, request) : answer == kCut ? "" : answer;
        });
    auto store = home_.OpenAt(proxy_->url(), "", timing_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  // Whether the request is one more of the first `count`.
  bool Among(int count) { return faults_++ < count; }

  void ExpectWholeRoundTrip(Store& store) {
    const std::string content((9 << 20) + 7, 'x');
    const absl::Status written = WriteObject(store, "u1/b1/archive", content);
    ASSERT_TRUE(written.ok()) << written;
    const auto read = ReadObject(store, "u1/b1/archive", content.size());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == content);
  }

  static constexpr char kCut[] = "cut";
  S3Home home_;
  S3Timing timing_ = ShortTiming();
  std::atomic<int> requests_{0};
  std::atomic<int> faults_{0};
  std::unique_ptr<Loopback> proxy_;
};

TEST_F(S3FaultTest, EveryRequestMayBeCutOnceBeforeItsAnswer) {
  timing_.attempts = 20;
  std::atomic<int> turn{0};
  const auto store = OpenThrough([&](const RawRequest&) { return turn++ % 2 == 0 ? kCut : ""; });
  ExpectWholeRoundTrip(*store);
}

TEST_F(S3FaultTest, AnswerThatIsLostOrCutInItsMiddleIsAskedForAgain) {
  timing_.attempts = 20;
  std::atomic<int> turn{0};
  const auto store = OpenThrough([&](const RawRequest& request) -> std::string {
    if (turn++ % 2 == 1) return "";
    const std::string answer = Forward(Served("CROFT_S3_ENDPOINT"), request);
    return request.Is("GET") ? answer.substr(0, answer.size() / 2) : kCut;
  });
  ExpectWholeRoundTrip(*store);
}

TEST_F(S3FaultTest, OverloadIsWaitedFor) {
  const auto store = OpenThrough([&](const RawRequest&) -> std::string {
    const int turn = faults_++;
    if (turn < 2) return Respond(503, ErrorXml("SlowDown"));
    if (turn < 4) return Respond(500, ErrorXml("InternalError"));
    return turn < 5 ? Respond(502, "<html>") : "";
  });
  ExpectWholeRoundTrip(*store);
}

TEST_F(S3FaultTest, RetryAfterIsTheLeastPause) {
  const auto store = OpenThrough([](const RawRequest&) { return ""; });
  const absl::Time begun = absl::Now();
  proxy_ = nullptr;
  Loopback slow([&](const RawRequest& request) {
    return Among(1) ? Respond(503, ErrorXml("SlowDown"), "Retry-After: 1\r\n")
                    : Forward(Served("CROFT_S3_ENDPOINT"), request);
  });
  EXPECT_TRUE(home_.OpenAt(slow.url()).ok());
  EXPECT_GE(absl::Now() - begun, absl::Seconds(1));
}

TEST_F(S3FaultTest, ServerThatStaysDownIsUnreachable) {
  std::atomic<bool> down{false};
  const auto store = OpenThrough([&](const RawRequest&) { return down ? Respond(500, "") : ""; });
  down = true;
  const int before = requests_;
  const absl::Status status = store->Get("u1/key").status();
  EXPECT_EQ(DetailsOf(status).reason, "STORE_UNREACHABLE");
  EXPECT_EQ(requests_ - before, timing_.attempts);
}

TEST_F(S3FaultTest, TransferThatStallsIsCutAndTriedAgain) {
  timing_.stall_time = absl::Seconds(1);
  const auto store = OpenThrough([&](const RawRequest& request) -> std::string {
    if (!request.Is("GET /croft/") || !request.Is("/u1/key") || !Among(1)) return "";
    while (!proxy_->ending() && faults_ < 2) absl::SleepFor(absl::Milliseconds(20));
    return kCut;
  });
  ASSERT_TRUE(WriteObject(*store, "u1/key", "x").ok());
  const absl::StatusOr<std::string> read = ReadObject(*store, "u1/key", 10);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, "x");
  EXPECT_GE(faults_, 2);
}

TEST_F(S3FaultTest, FullServerIsDiskFullAtOnceAndNothingIsLeft) {
  std::atomic<bool> full{false};
  const auto store = OpenThrough([&](const RawRequest& request) {
    return full && request.Is("PUT") ? Respond(507, ErrorXml("InsufficientStorage")) : "";
  });
  const auto writer = store->Put("u1/b1/archive", 0);
  ASSERT_TRUE((*writer)->Append("x").ok());
  full = true;
  EXPECT_EQ(DetailsOf((*writer)->Commit()).reason, "DISK_FULL");
  EXPECT_EQ(DetailsOf(store->Put("u1/b2/archive", 1).status()).reason, "DISK_FULL");
  EXPECT_TRUE(store->List("")->empty());
}

TEST_F(S3FaultTest, BlockOfAnotherLengthThanItSaysIsRefused) {
  const auto store = OpenThrough([](const RawRequest& request) {
    if (!request.Is("GET") || !request.Is("/u1/b1/archive")) return std::string();
    return Respond(206, "short", "Content-Range: bytes 0-9/10\r\nETag: \"e\"\r\n");
  });
  EXPECT_EQ(DetailsOf(store->Get("u1/b1/archive").status()).reason, "STORE_UNREACHABLE");
}

TEST_F(S3FaultTest, ObjectThatIsReplacedBetweenTwoBlocksIsRefused) {
  const std::string block(8 << 20, 'a');
  const auto store = OpenThrough([&](const RawRequest& request) {
    if (!request.Is("GET") || !request.Is("/u1/b1/archive")) return std::string();
    const bool first = absl::StrContains(request.head, "bytes=0-");
    return Respond(206, block,
                   first ? "Content-Range: bytes 0-8388607/16777216\r\nETag: \"a\"\r\n"
                         : "Content-Range: bytes 8388608-16777215/16777216\r\nETag: \"b\"\r\n");
  });
  const auto reader = store->Get("u1/b1/archive");
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::string buffer(block.size(), '\0');
  ASSERT_EQ(*(*reader)->Read(buffer.data(), buffer.size()), buffer.size());
  EXPECT_EQ(DetailsOf((*reader)->Read(buffer.data(), 1).status()).reason, "STORE_UNREACHABLE");
}

TEST_F(S3FaultTest, BytesAlteredOnTheirWayToTheServerAreSentAgain) {
  const auto store = OpenThrough([&](const RawRequest& request) -> std::string {
    if (!request.Is("PUT") || request.body.size() < 100 || !Among(1)) return "";
    RawRequest altered = request;
    altered.body[50] ^= 1;
    return Forward(Served("CROFT_S3_ENDPOINT"), altered);
  });
  ExpectWholeRoundTrip(*store);
  EXPECT_GE(faults_, 1);
}

TEST_F(S3FaultTest, KeyIsDestroyedThoughTheListingDoesNotShowIt) {
  const auto store = OpenThrough([](const RawRequest& request) -> std::string {
    if (!request.Is("list-type=2")) return "";
    return Respond(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  });
  ASSERT_TRUE(WriteObject(*store, "u1/key", "k").ok());
  ASSERT_TRUE(store->DeleteAll("u1").ok());
  EXPECT_EQ(DetailsOf(store->Get("u1/key").status()).reason, "OBJECT_NOT_FOUND");
}

TEST_F(S3FaultTest, ListingThatGoesInCirclesIsRefused) {
  const auto store = OpenThrough([](const RawRequest& request) -> std::string {
    if (!request.Is("list-type=2")) return "";
    return Respond(
        200,
        "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>p/u1/key</Key><Size>1</Size>"
        "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents></ListBucketResult>");
  });
  EXPECT_EQ(DetailsOf(store->List("").status()).reason, "STORE_UNREACHABLE");
}

TEST_F(S3FaultTest, KeysAreRefusedWhenTheBucketBeginsToKeepVersions) {
  std::atomic<bool> versioned{false};
  const auto store = OpenThrough([&](const RawRequest& request) -> std::string {
    if (!versioned || !request.Is("versioning=")) return "";
    return Respond(200, "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>");
  });
  versioned = true;
  EXPECT_EQ(DetailsOf(store->Put("u1/key", 1).status()).reason, "KEYS_KEEP_VERSIONS");
  EXPECT_TRUE(WriteObject(*store, "u1/b1/archive", "x").ok());
}

class WrongClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now() - absl::Minutes(40); }
};

TEST_F(S3FaultTest, ClockThatIsOffIsCorrectedByTheServers) {
  const WrongClock wrong;
  home_.clock = &wrong;
  const auto store = OpenThrough([](const RawRequest&) { return ""; });
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(WriteObject(*store, "u1/key", "x").ok());
}

TEST_F(S3FaultTest, ExpiredCredentialsAreReadAgain) {
  std::atomic<bool> expired{false};
  home_.environment = [&](const char* name) {
    const bool key = std::string(name) == "AWS_ACCESS_KEY_ID";
    return key && expired ? std::string("RENEWED") : FromEnvironment(name);
  };
  const auto store = OpenThrough([&](const RawRequest& request) -> std::string {
    if (!expired) return "";
    return absl::StrContains(request.head, "RENEWED/") ? Respond(404, ErrorXml("NoSuchKey"))
                                                       : Respond(400, ErrorXml("ExpiredToken"));
  });
  expired = true;
  EXPECT_EQ(DetailsOf(store->Get("u1/key").status()).reason, "OBJECT_NOT_FOUND");
}

TEST_F(S3FaultTest, ExpiredCredentialsThatNobodyRenewsAreSaid) {
  std::atomic<bool> expired{false};
  const auto store =
      OpenThrough([&](const RawRequest&) { return expired ? Respond(400, ErrorXml("ExpiredToken")) : ""; });
  expired = true;
  const int before = requests_;
  const absl::Status status = store->Get("u1/key").status();
  EXPECT_EQ(DetailsOf(status).reason, "STORE_UNREACHABLE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("credentials have expired"));
  EXPECT_EQ(requests_ - before, 1);
}

TEST_F(S3FaultTest, RefusalsAreNotRepeated) {
  std::atomic<bool> refusing{false};
  const auto store = OpenThrough(
      [&](const RawRequest&) { return refusing ? Respond(403, ErrorXml("AccessDenied")) : ""; });
  refusing = true;
  const int before = requests_;
  const absl::Status status = store->Delete("u1/key");
  EXPECT_EQ(DetailsOf(status).reason, "STORE_UNREACHABLE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("AccessDenied"));
  EXPECT_EQ(requests_ - before, 1);
}

TEST_F(S3FaultTest, AbandonedWriteEndsSoonThoughItsTransferStalls) {
  std::atomic<int> stalled{0};
  const auto store = OpenThrough([&](const RawRequest& request) -> std::string {
    if (!request.Is("partNumber=1")) return "";
    ++stalled;
    while (!proxy_->ending()) absl::SleepFor(absl::Milliseconds(20));
    return kCut;
  });
  auto writer = store->Put("u1/b1/archive", 0);
  ASSERT_TRUE((*writer)->Append(std::string(9 << 20, 'x')).ok());
  while (stalled == 0) absl::SleepFor(absl::Milliseconds(5));
  const absl::Time begun = absl::Now();
  writer->reset();
  EXPECT_LT(absl::Now() - begun, absl::Seconds(10));
}

}  // namespace
}  // namespace croft::agent
