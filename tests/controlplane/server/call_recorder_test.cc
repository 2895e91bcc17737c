#include "controlplane/server/call_recorder.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(seconds); }
  std::atomic<int64_t> seconds{1'800'000'000 / 3600 * 3600};
};

// Takes what is recorded, or fails.
class Book final : public engine::EventQueue {
 public:
  absl::StatusOr<engine::Answer> Call(engine::Caller, engine::RequestBody body) override {
    const MutexLock lock(mutex_);
    if (!failure_.ok()) return failure_;
    auto& calls = std::get<engine::RecordCalls>(body);
    for (domain::AuditEvent& event : calls.events) events_.push_back(std::move(event));
    for (const auto& use : calls.token_uses) uses_.push_back(use.principal + "/" + use.token);
    return engine::Answer();
  }
  void Post(engine::Event) override {}

  void Fail(absl::Status status) {
    const MutexLock lock(mutex_);
    failure_ = std::move(status);
  }
  std::vector<domain::AuditEvent> events() {
    const MutexLock lock(mutex_);
    return events_;
  }
  std::vector<std::string> uses() {
    const MutexLock lock(mutex_);
    return uses_;
  }

 private:
  Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<domain::AuditEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> uses_ ABSL_GUARDED_BY(mutex_);
};

class CallRecorderTest : public testing::Test {
 protected:
  CallRecorderTest() { recorder_.Start(); }

  static handlers::RequestContext Call(const std::string& caller, const std::string& method = "L/Lookup",
                                       const std::string& peer = "ipv4:10.0.0.1:4242") {
    handlers::RequestContext context;
    context.principal.name = context.caller.name = caller;
    context.caller.method = method;
    context.caller.peer = peer;
    return context;
  }
  bool Note(const std::string& caller, const std::string& tenant) {
    return recorder_.NoteReads(Call(caller), {tenant});
  }
  // What the caller's answer had to wait for.
  absl::Status Wait(const std::string& caller) {
    Mutex mutex;
    CondVar told;
    std::optional<absl::Status> status;
    recorder_.WhenRecorded(Call(caller), [&](const absl::Status& recorded) {
      const MutexLock lock(mutex);
      status = recorded;
      told.NotifyAll();
    });
    const MutexLock lock(mutex);
    while (!status) told.Wait(mutex);
    return *status;
  }
  // Everything that was gathered, also what would have come later.
  std::vector<std::string> AtTheEnd() {
    recorder_.Stop();
    std::vector<std::string> lines;
    for (const domain::AuditEvent& event : book_.events()) {
      lines.push_back(absl::StrCat(event.caller, " ", event.resource, " ", event.result, " ", event.count));
    }
    return lines;
  }
  static absl::Status Denied() {
    return MakeError(absl::StatusCode::kPermissionDenied, "no", {.reason = "PERMISSION_DENIED"});
  }

  SetClock clock_;
  Book book_;
  CallRecorder recorder_{book_, clock_};
};

TEST_F(CallRecorderTest, FirstReadIsDurableBeforeItsAnswer) {
  EXPECT_FALSE(Note("shop", "acme"));
  EXPECT_THAT(book_.events(), IsEmpty());
  EXPECT_TRUE(Wait("shop").ok());
  ASSERT_THAT(book_.events(), SizeIs(1));
  EXPECT_EQ(book_.events()[0].caller, "shop");
  EXPECT_EQ(book_.events()[0].resource, "tenants/acme");
  EXPECT_EQ(book_.events()[0].peer, "ipv4:10.0.0.1:4242");
  EXPECT_TRUE(Note("shop", "acme"));
  EXPECT_FALSE(Note("other", "acme")) << "each caller for itself";
}

TEST_F(CallRecorderTest, FurtherTenantsAreNamedOnceInBatches) {
  EXPECT_FALSE(Note("shop", "t0"));
  EXPECT_TRUE(Wait("shop").ok());
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 150; ++i) EXPECT_TRUE(Note("shop", absl::StrCat("t", i)));
  }
  recorder_.Stop();
  const auto events = book_.events();
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(std::count(events[1].resource.begin(), events[1].resource.end(), ' '), 99);
  EXPECT_EQ(std::count(events[2].resource.begin(), events[2].resource.end(), ' '), 48);
}

TEST_F(CallRecorderTest, NextHourBeginsAnew) {
  EXPECT_FALSE(Note("shop", "acme"));
  EXPECT_TRUE(Wait("shop").ok());
  clock_.seconds += 3600;
  EXPECT_FALSE(Note("shop", "acme"));
  EXPECT_TRUE(Wait("shop").ok());
  EXPECT_THAT(AtTheEnd(), ElementsAre("shop tenants/acme OK 1", "shop tenants/acme OK 1"));
}

TEST_F(CallRecorderTest, WhatCannotBeRecordedIsNotAnswered) {
  book_.Fail(absl::UnavailableError("the disk is full"));
  EXPECT_FALSE(Note("shop", "acme"));
  EXPECT_EQ(Wait("shop"), absl::UnavailableError("the disk is full"));
  EXPECT_FALSE(Note("shop", "acme"));
  book_.Fail(absl::OkStatus());
  EXPECT_TRUE(Wait("shop").ok());
  EXPECT_THAT(AtTheEnd(), ElementsAre("shop tenants/acme OK 1"));
}

TEST_F(CallRecorderTest, BeyondTenThousandTenantsOneRowSaysSo) {
  std::vector<std::string> names;
  for (int i = 0; i < 10'100; ++i) names.push_back(absl::StrCat("t", i));
  const std::vector<absl::string_view> views(names.begin(), names.end());
  EXPECT_FALSE(recorder_.NoteReads(Call("shop"), views));
  EXPECT_FALSE(recorder_.NoteReads(Call("shop"), views));
  recorder_.Stop();
  EXPECT_THAT(book_.events(), SizeIs(101));
  EXPECT_EQ(book_.events().back().resource, "tenants/-");
}

TEST_F(CallRecorderTest, DeniedCallsAreCountedByKind) {
  for (int i = 0; i < 5; ++i) recorder_.NoteDenied(Call("ci", "T/Get"), "acme", Denied());
  recorder_.NoteDenied(Call("ci", "T/Get"), "not a tenant's id", Denied());
  EXPECT_THAT(AtTheEnd(), testing::UnorderedElementsAre("ci tenants/acme PERMISSION_DENIED 5",
                                                        "ci  PERMISSION_DENIED 1"));
}

TEST_F(CallRecorderTest, StrangersCannotMakeTheAuditGrow) {
  for (int i = 0; i < 100'000; ++i) {
    recorder_.NoteDenied(Call("", "T/Get", absl::StrCat("ipv4:10.0.", i % 250, ".", i / 250, ":1")), "acme",
                         absl::UnauthenticatedError("no"));
  }
  recorder_.NoteDenied(Call("ci", "T/Get"), "acme", Denied());
  recorder_.Stop();
  int64_t calls = 0;
  for (const domain::AuditEvent& event : book_.events()) calls += event.count;
  EXPECT_EQ(calls, 100'001);
  EXPECT_LE(book_.events().size(), 2u * 101 + 1);
  for (const domain::AuditEvent& event : book_.events()) {
    EXPECT_TRUE(!event.caller.empty() || event.resource.empty()) << "nothing that a stranger wrote";
  }
}

TEST_F(CallRecorderTest, TokenIsNotedOnceAnHour) {
  for (int i = 0; i < 3; ++i) recorder_.NoteToken("ci", "tk-1");
  recorder_.NoteToken("ci", "tk-2");
  recorder_.Stop();
  EXPECT_THAT(book_.uses(), testing::UnorderedElementsAre("ci/tk-1", "ci/tk-2"));
}

TEST_F(CallRecorderTest, AfterTheEndNobodyWaits) {
  recorder_.Stop();
  EXPECT_FALSE(Note("shop", "acme"));
  EXPECT_EQ(Wait("shop").code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace croft::server
