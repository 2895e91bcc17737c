#include <atomic>
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/croftctl/control_plane.h"

// What goes wrong, how it is told, what the program ends with, and what is tried again.
namespace croft::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Errors : public ::testing::Test, protected Pair {
 protected:
  // What `tenant get acme` makes of an error.
  Ran GetThatFails(absl::StatusCode code, const std::string& message, const ErrorDetails& details) {
    server.get_tenant.Answers(
        [=](const v1::GetTenantRequest&, v1::Tenant&) { return GrpcError(code, message, details); });
    return desk.Run({"tenant", "get", "acme"});
  }
};

TEST_F(Errors, EveryKindHasItsExitCode) {
  using Code = absl::StatusCode;
  const std::pair<Code, int> cases[] = {{Code::kInvalidArgument, 2},    {Code::kNotFound, 3},
                                        {Code::kPermissionDenied, 4},   {Code::kUnauthenticated, 4},
                                        {Code::kAlreadyExists, 5},      {Code::kAborted, 5},
                                        {Code::kFailedPrecondition, 5}, {Code::kInternal, 1},
                                        {Code::kResourceExhausted, 1},  {Code::kDeadlineExceeded, 6}};
  for (const auto& [code, exit_code] : cases) {
    EXPECT_EQ(GetThatFails(code, "no", {.reason = "SOME_REASON"}).exit_code, exit_code)
        << absl::StatusCodeToString(code);
  }
}

TEST_F(Errors, AnErrorSaysWhatHappenedWhyAndWhatNext) {
  const Ran ran = GetThatFails(
      absl::StatusCode::kAborted, "tenant acme is held by operations/op-7",
      {.reason = "TENANT_BUSY", .metadata = {{"tenant", "acme"}, {"holder", "operations/op-7"}}});
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(ran.err,
            "croftctl: tenant acme is held by operations/op-7\n"
            "  reason: TENANT_BUSY\n"
            "  next: croftctl op wait op-7, then try again\n");
}

TEST_F(Errors, AFailedChangeNamesItsRequest) {
  server.create_tenant.Answers([](const v1::CreateTenantRequest&, v1::Operation&) {
    return GrpcError(absl::StatusCode::kAlreadyExists, "tenant acme exists already",
                     {.reason = "TENANT_EXISTS"});
  });
  const Ran ran = desk.Run({"tenant", "create", "acme"});
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_THAT(ran.err,
              HasSubstr(absl::StrCat("request: ", server.create_tenant.asked().at(0).request_id())));
}

TEST_F(Errors, EveryWrongFieldIsNamed) {
  const Ran ran =
      GetThatFails(absl::StatusCode::kInvalidArgument, "name: bad; etag: worse",
                   {.reason = "INVALID_FIELD", .violations = {{"name", "bad"}, {"etag", "worse"}}});
  EXPECT_THAT(ran.err, AllOf(HasSubstr("  name: bad\n"), HasSubstr("  etag: worse\n")));
}

TEST_F(Errors, TextFromElsewhereCannotDriveTheTerminal) {
  const Ran ran = GetThatFails(absl::StatusCode::kNotFound, "evil \033[2J\xc2\x9b text", {.reason = "X"});
  EXPECT_THAT(ran.err, AllOf(Not(HasSubstr("\033")), Not(HasSubstr("\xc2\x9b")), HasSubstr("evil")));
}

TEST_F(Errors, UnavailableIsTriedAgainUnderTheSameRequestId) {
  server.create_tenant.Answers([count = std::make_shared<std::atomic<int>>(0)](
                                   const v1::CreateTenantRequest&, v1::Operation& operation) {
    if (++*count < 3) return GrpcError(absl::StatusCode::kUnavailable, "starting", {.reason = "STARTING"});
    operation = Succeeded(Running("op-1", "tenants/acme"));
    return grpc::Status::OK;
  });
  EXPECT_EQ(desk.Run({"tenant", "create", "acme"}).exit_code, 0);
  const auto asked = server.create_tenant.asked();
  ASSERT_THAT(asked, SizeIs(3));
  EXPECT_EQ(asked[0].request_id(), asked[2].request_id());
}

TEST_F(Errors, NothingElseIsTriedAgain) {
  for (const absl::StatusCode code : {absl::StatusCode::kAborted, absl::StatusCode::kResourceExhausted}) {
    const size_t before = server.get_tenant.asked().size();
    GetThatFails(code, "no", {.reason = "SOME_REASON", .retry_delay = absl::Milliseconds(1)});
    EXPECT_EQ(server.get_tenant.asked().size(), before + 1);
  }
}

TEST_F(Errors, ARetryThatCannotBeInTimeIsNotAwaited) {
  const absl::Time start = absl::Now();
  const Ran ran = GetThatFails(
      absl::StatusCode::kUnavailable, "host h1 is away",
      {.reason = "HOST_UNREACHABLE", .metadata = {{"host", "h1"}}, .retry_delay = absl::Hours(1)});
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.err, HasSubstr("croftctl host get h1"));
  EXPECT_LT(absl::Now() - start, absl::Minutes(1));
}

TEST_F(Errors, ASecondServerIsAskedWhenTheFirstIsAway) {
  int dead_port = 0;
  {
    const ControlPlane gone(certificates);
    dead_port = gone.port();
  }
  server.get_status.Answers(v1::GetStatusResponse());
  const Ran ran =
      desk.Run({"status", "--server", absl::StrCat("127.0.0.1:", dead_port, ",", server.address())});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const Ran alone =
      desk.Run({"status", "--server", absl::StrCat("127.0.0.1:", dead_port), "--timeout", "1s"});
  EXPECT_EQ(alone.exit_code, 6);
  EXPECT_THAT(alone.err, HasSubstr("croftctl doctor"));
}

TEST_F(Errors, AServerOfAnotherAuthorityIsNotTrusted) {
  const Certificates others = NewCertificates();
  EventQueue asking(others);
  asking.environment["CROFT_SERVER"] = server.address();
  server.get_status.Answers(v1::GetStatusResponse());
  const Ran ran = asking.Run({"status", "--timeout", "30s"});
  EXPECT_EQ(ran.exit_code, 6);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("was not signed by an authority of --ca"),
                             HasSubstr("SERVER_NOT_TRUSTED"), HasSubstr("next: make sure")));
  EXPECT_THAT(server.get_status.asked(), IsEmpty());
}

TEST_F(Errors, WrongCommandLinesAreTwoAndGetASuggestion) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"tenant", "craete", "acme"}, "'craete' is not known here; did you mean 'create'?"},
      {{"tenants", "list"}, "did you mean 'tenant'?"},
      {{"--server", "x:1", "tenant", "lst"}, "did you mean 'list'?"},
      {{"tenant", "create", "acme", "--lables", "a=b"}, "did you mean '--labels'?"},
      {{"tenant", "create"}, "TENANT is required"},
      {{"tenant", "create", "acme", "--connections", "many"}, "--connections"},
      {{"tenant", "suspend"}, "name tenants by id"},
      {{"tenant", "suspend", "acme", "-l", "app=x"}, "one of the two"},
      {{"tenant", "suspend", "acme", "--mode", "rw"}, "blocked, read-only"},
      {{"tenant", "create", "acme", "--expire-in", "soon"}, "--expire-in"},
      {{"tenant", "list", "-o", "xml"}, "table, wide, json, yaml, name or csv"},
      {{"tenant", "list", "-o", "csv"}, "this verb has no -o csv"},
      {{"tenant", "usage", "--top", "colour"}, "size, connections, transactions"},
      {{"tenant", "usage", "--since", "yesterday"}, "--since"},
      {{"tenant", "list", "--server", "http://x/"}, "host:port"},
      {{}, "subcommand"},
  };
  for (const auto& [arguments, text] : cases) {
    const Ran ran = desk.Run(arguments);
    EXPECT_EQ(ran.exit_code, 2) << text;
    EXPECT_THAT(ran.err, HasSubstr(text));
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST_F(Errors, HelpIsNoError) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"tenant", "--help"}, {"tenant", "create", "--help"}}) {
    const Ran ran = desk.Run(arguments);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_THAT(ran.out, HasSubstr("Usage"));
    EXPECT_THAT(ran.err, IsEmpty());
  }
}

TEST_F(Errors, MissingFilesAreNamedByTheirFlag) {
  const Ran ran = desk.Run({"status", "--ca", "/nonexistent/ca.pem"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("--ca"), HasSubstr("/nonexistent/ca.pem")));
}

TEST_F(Errors, AnIdCanBeCalledLikeAVerb) {
  server.get_tenant.Answers(ReadyTenant("list"));
  EXPECT_EQ(desk.Run({"tenant", "get", "list", "-o", "name"}).out, "tenants/list\n");
}

}  // namespace
}  // namespace croft::ctl
