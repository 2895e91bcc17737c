// What one run of a verb has: its client, its request ids, and the questions it may ask.

#include "tools/croftctl/tool.h"

#include <absl/strings/str_cat.h>

#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/values.h"

namespace croft::ctl {

Session::Session(const Tool& tool, Client& client_in)
    : Tool(tool),
      client(client_in),
      request_id_(flags.request_id.empty() ? NewRequestId() : flags.request_id) {}

std::string Session::RequestId(absl::string_view key) const {
  return key.empty() ? request_id_ : DerivedRequestId(request_id_, key);
}

absl::Status Session::Confirm(absl::string_view what, absl::string_view name) const {
  return Ask(absl::StrCat(what, " ", name), name);
}

absl::Status Session::Ask(absl::string_view what, absl::string_view answer) const {
  return flags.dry_run ? absl::OkStatus() : terminal.Confirm(what, answer);
}

absl::Status Session::CheckCanAsk(absl::string_view what) const {
  return flags.dry_run ? absl::OkStatus() : terminal.CheckCanAsk(what);
}

absl::Status Session::NoDryRun() { return UsageError("this verb has no --dry-run"); }

}  // namespace croft::ctl
