// The verbs of `croftctl audit`.

#include <string>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "croft/v1/audit.grpc.pb.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/view_parts.h"

namespace croft::ctl {
namespace {

using Audit = v1::AuditService::Stub;

constexpr size_t kUsualLimit = 100;

std::string Condition(absl::string_view field, absl::string_view op, const std::string& value) {
  return value.empty() ? "" : absl::StrCat(field, " ", op, " \"", value, "\"");
}

void AddList(Noun& noun) {
  struct Arguments {
    ListFlags list{.limit = kUsualLimit};
    std::string caller;
    std::string method;
    std::string resource;
    std::string result;
    std::string since;
    bool failed = false;
  };
  auto verb = noun.AddVerb<Arguments>("list", "List who did what, newest first");
  verb->list.AddFilter(verb.app, "result != OK AND time > \"2026-01-01T00:00:00Z\"");
  verb->list.AddTo(verb.app);
  verb.app.add_option("--caller", verb->caller, "Only calls of this one, such as admin or hosts/h1");
  verb.app.add_option("--method", verb->method, "Such as TenantService/CreateTenant, or a whole service");
  verb.app.add_option("--resource", verb->resource, "What it was about, such as tenants/acme");
  verb.app.add_option("--result", verb->result, "OK, or the reason of an error");
  verb.app.add_option("--since", verb->since, "Only the last so much, such as 2h or 7d");
  verb.Reads([](Session& session, const Arguments& arguments) -> absl::Status {
    std::string after;
    if (!arguments.since.empty()) {
      CROFT_ASSIGN_OR_RETURN(const absl::Duration since, ParseDuration(arguments.since, "--since"));
      after = absl::FormatTime(absl::RFC3339_full, absl::Now() - since, absl::UTCTimeZone());
    }
    v1::ListAuditEventsRequest request;
    request.set_filter(
        AllOf({arguments.list.filter, Condition("caller", "=", arguments.caller),
               Condition("method", "=", arguments.method), Condition("resource", "=", arguments.resource),
               Condition("result", "=", arguments.result), Condition("time", ">=", after)}));
    return PrintAll(session, kAuditEvents, request, arguments.list);
  });
}

// `SEQUENCE:HASH`, as verify prints it.
absl::StatusOr<v1::AuditHead> ParseHead(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  int64_t sequence = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &sequence)) {
    return UsageError(
        absl::StrCat("--expect-head wants SEQUENCE:HASH, as audit verify prints it, not '", text, "'"));
  }
  v1::AuditHead head;
  head.set_sequence(sequence);
  head.set_hash(parts[1]);
  return head;
}

std::string WhatWasProven(const v1::VerifyAuditResponse& verified) {
  if (!verified.has_pruned())
    return absl::StrCat("all ", verified.head().sequence(), " rows are as they were written");
  const v1::AuditCheckpoint& pruned = verified.pruned();
  return absl::StrCat("rows ", pruned.head().sequence() + 1, " to ", verified.head().sequence(),
                      " are as they were written\nrows 1 to ", pruned.head().sequence(),
                      ", the last of them from ", When(true, pruned.time()), ", were pruned on ",
                      When(true, pruned.cut_time()),
                      "; the checkpoint of that is signed by this control plane");
}

void AddVerify(Noun& noun) {
  struct Arguments {
    std::string expect_head;
  };
  auto verb = noun.AddVerb<Arguments>(
      "verify", "Prove that nobody changed the audit, and print its head; keep that somewhere else");
  verb.app.add_option("--expect-head", verb->expect_head,
                      "SEQUENCE:HASH that was printed before: its row must still be there");
  verb.Runs([](Session& session, const Arguments& arguments) -> absl::Status {
    v1::VerifyAuditRequest request;
    if (!arguments.expect_head.empty()) {
      CROFT_ASSIGN_OR_RETURN(*request.mutable_expect(), ParseHead(arguments.expect_head));
    }
    CROFT_ASSIGN_OR_RETURN(const auto verified, session.client.Call(&Audit::VerifyAudit, request));
    if (session.printer.format() != Format::kTable) return session.printer.One(verified);
    session.terminal.Say(WhatWasProven(verified));
    session.printer.Text(absl::StrCat(verified.head().sequence(), ":", verified.head().hash(), "\n"));
    return absl::OkStatus();
  });
}

}  // namespace

void AddAudit(Noun& root) {
  Noun noun = root.AddNoun("audit", "Who did what");
  AddList(noun);
  AddVerify(noun);
}

}  // namespace croft::ctl
