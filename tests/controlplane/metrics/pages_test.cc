#include "controlplane/metrics/pages.h"

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "tests/controlplane/metrics/support.h"

namespace croft::metrics {
namespace {

class PagesTest : public ::testing::Test {
 protected:
  PageSources Sources() {
    return {.metrics = [this] { return absl::StrCat("read ", ++reads_); },
            .discovery = [] { return "[]"; },
            .ready = [this] { return ready_; }};
  }
  PageSources Guarded() {
    PageSources sources = Sources();
    sources.permit = [](const std::string& authorization, const std::string&) {
      if (authorization.empty()) return absl::UnauthenticatedError("show a token");
      return authorization == "Bearer good" ? absl::OkStatus() : absl::PermissionDeniedError("not you");
    };
    return sources;
  }

  SetClock clock_;
  int reads_ = 0;
  absl::Status ready_;
};

TEST_F(PagesTest, OneReadAnswersAllWhoComeWithinASecond) {
  Pages pages(Sources(), clock_);
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(pages.Answer({.method = "GET", .path = "/metrics"}).body, "read 1");
  }
  clock_.now += absl::Seconds(1);
  EXPECT_EQ(pages.Answer({.method = "GET", .path = "/metrics"}).body, "read 2");
  clock_.now -= absl::Hours(1);
  EXPECT_EQ(pages.Answer({.method = "GET", .path = "/metrics"}).body, "read 3") << "a clock set back";
}

TEST_F(PagesTest, FiguresAreForThoseWhoArePermitted) {
  Pages pages(Guarded(), clock_);
  for (const char* path : {"/metrics", "/sd"}) {
    EXPECT_EQ(pages.Answer({.method = "GET", .path = path}).code, 401);
    EXPECT_EQ(pages.Answer({.method = "GET", .path = path, .authorization = "Bearer bad"}).code, 403);
    EXPECT_EQ(pages.Answer({.method = "GET", .path = path, .authorization = "Bearer good"}).code, 200);
  }
  EXPECT_EQ(pages.Answer({.method = "GET", .path = "/healthz"}).code, 200);
  EXPECT_EQ(pages.Answer({.method = "GET", .path = "/readyz"}).code, 200);
}

TEST_F(PagesTest, TenantsPageIsReadForEachWhoAsks) {
  PageSources sources = Sources();
  sources.tenant = [this](const std::string& id, const std::string& authorization,
                          const std::string&) -> absl::StatusOr<std::string> {
    if (authorization.empty()) return absl::UnauthenticatedError("show a token");
    if (id != "acme") return absl::NotFoundError("no such tenant");
    return absl::StrCat("read ", ++reads_);
  };
  Pages pages(std::move(sources), clock_);
  const auto ask = [&pages](const std::string& path, const std::string& authorization) {
    return pages.Answer({.method = "GET", .path = path, .authorization = authorization});
  };
  EXPECT_EQ(ask("/tenants/acme", "").code, 401) << "although nothing guards /metrics";
  EXPECT_EQ(ask("/tenants/acme", "Bearer good").body, "read 1");
  EXPECT_EQ(ask("/tenants/acme", "Bearer good").body, "read 2");
  EXPECT_EQ(ask("/tenants/nobody", "Bearer good").code, 404);
  EXPECT_EQ(ask("/tenants/", "Bearer good").code, 404);
  EXPECT_EQ(ask("/tenants", "Bearer good").code, 404);
}

TEST_F(PagesTest, NotReadyIs503WithTheReason) {
  Pages pages(Sources(), clock_);
  ready_ = absl::UnavailableError("the catalog's disk is full");
  const HttpResponse answer = pages.Answer({.method = "GET", .path = "/readyz"});
  EXPECT_EQ(answer.code, 503);
  EXPECT_EQ(answer.body, "the catalog's disk is full\n");
  EXPECT_EQ(pages.Answer({.method = "GET", .path = "/healthz"}).code, 200) << "it lives all the same";
}

TEST_F(PagesTest, OtherPathsAndMethodsAreRefused) {
  Pages pages(Sources(), clock_);
  EXPECT_EQ(pages.Answer({.method = "GET", .path = "/"}).code, 404);
  EXPECT_EQ(pages.Answer({.method = "GET", .path = "/metrics/"}).code, 404);
  EXPECT_EQ(pages.Answer({.method = "POST", .path = "/metrics"}).code, 405);
  EXPECT_EQ(pages.Answer({.method = "HEAD", .path = "/metrics"}).code, 200);
  EXPECT_EQ(reads_, 1);
}

}  // namespace
}  // namespace croft::metrics
