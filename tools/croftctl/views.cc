// How hosts, status and other resources are shown.

#include "tools/croftctl/views.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "tools/croftctl/values.h"
#include "tools/croftctl/view_parts.h"

// How hosts, the control plane and its fleet are shown.
namespace croft::ctl {
namespace {

Tone ToneOf(v1::Host::State state) {
  switch (state) {
    case v1::Host::STATE_UP: return Tone::kGood;
    case v1::Host::STATE_EXPECTED: return Tone::kUnsure;
    default: return Tone::kBad;
  }
}

// Of a host that is not up nobody knows.
bool PostgresIsDown(const v1::Host& host) {
  return host.state() == v1::Host::STATE_UP && !host.postgres_up();
}

std::string PostgresOf(const v1::Host& host) {
  if (!PostgresIsDown(host)) return host.postgres_version();
  return absl::StrCat(host.postgres_version(), host.postgres_version().empty() ? "" : " ", "down");
}

// An agent that does not run the server cannot see its disk.
Cell FreeCell(const v1::Host& host) {
  if (host.free_bytes_unknown()) return {"free", "unknown"};
  return BytesCell("free", host.free_bytes());
}

// By id, with the name that the agent was told, such as `offsite=store-k3…`.
std::string StoresOf(const v1::Host& host) {
  return absl::StrJoin(host.stores(), ", ", [&](std::string* out, const std::string& store) {
    const auto name = host.store_names().find(store);
    if (name != host.store_names().end()) absl::StrAppend(out, name->second, "=");
    absl::StrAppend(out, store);
  });
}

std::string CheckedText(const v1::GetStatusResponse& status) {
  if (!status.has_fleet_check_time()) return "not yet; croftctl admin check-fleet does it now";
  return TimeText(FromProto(status.fleet_check_time()));
}

}  // namespace

View ViewOf(const v1::Host& host) {
  View view = {&host,
               host.name(),
               {{"id", LastPart(host.name())},
                {"state", NameIn("STATE_", host.state()), ToneOf(host.state())},
                {"cordoned", host.cordoned() ? "yes" : "", Tone::kUnsure},
                {"databases", absl::StrCat(host.database_count())},
                FreeCell(host),
                {"postgresql", PostgresOf(host), PostgresIsDown(host) ? Tone::kBad : Tone::kPlain},
                {"tls", host.tls() && !host.tls_verifiable() ? "unverifiable" : YesNo(host.tls())},
                {"endpoints", Joined(host.advertise_endpoints())},
                {"labels", Pairs(host.labels())},
                AgeCell("seen", host.last_seen_time()),
                Wide("created", When(host.has_create_time(), host.create_time())),
                Wide("database limit", OrEmpty(host.limits().databases())),
                Wide("connection limit", OrEmpty(host.limits().connections())),
                Detail("reserve",
                       host.limits().reserve_bytes() == 0 ? "" : BytesText(host.limits().reserve_bytes())),
                Wide("agent", host.agent_version()),
                Detail("system identifier", host.system_identifier()),
                Detail("timeline", OrEmpty(host.timeline())),
                Wide("problem", host.problem()),
                Wide("managed", host.managed() ? "yes" : ""),
                Wide("server connections", OrEmpty(host.max_connections())),
                Detail("tasks", Joined(host.task_kinds())),
                Detail("stores", StoresOf(host)),
                Detail("uid", host.uid()),
                Detail("etag", host.etag())}};
  for (const v1::MissingRight& right : host.missing_rights()) {
    view.cells.push_back(
        Detail("missing right", absl::StrCat(right.right(), ": ", right.consequence()), Tone::kBad));
    view.cells.push_back(Detail("", absl::StrCat("remedy: ", right.remedy())));
  }
  return view;
}

View ViewOf(const v1::GetStatusResponse& status) {
  const int problems = status.attention_size();
  View view = {
      &status,
      status.caller(),
      {{"health",
        problems == 0 ? "all is well"
                      : absl::StrCat(problems, problems == 1 ? " thing needs you" : " things need you"),
        problems == 0 ? Tone::kGood : Tone::kBad},
       {"version", status.version()},
       {"started", When(status.has_start_time(), status.start_time())},
       {"you are", status.caller()},
       {"tenants", absl::StrCat(status.tenant_count())},
       {"hosts up", absl::StrCat(status.hosts_up(), " of ", status.host_count()),
        status.hosts_up() < status.host_count() ? Tone::kBad : Tone::kGood},
       {"operations running", absl::StrCat(status.operations_running())},
       {"fleet checked", CheckedText(status)},
       {"fleet problems", status.has_fleet_check_time() ? absl::StrCat(status.fleet_problem_count()) : "",
        status.fleet_problem_count() == 0 ? Tone::kGood : Tone::kBad},
       {"revision", absl::StrCat(status.revision().epoch(), ".", status.revision().revision())}}};
  for (const v1::Attention& attention : status.attention()) {
    view.cells.push_back(
        {"needs you", absl::StrCat(attention.subject(), ": ", attention.message()), Tone::kBad});
    view.cells.push_back({"", absl::StrCat("remedy: ", attention.remedy())});
  }
  return view;
}

View ViewOf(const v1::FleetFinding& finding) {
  const bool problem = finding.severity() == v1::FleetFinding::SEVERITY_PROBLEM;
  return {&finding,
          finding.object(),
          {{"where", finding.host().empty() ? finding.store() : finding.host()},
           {"kind", NameIn("KIND_", finding.kind()), problem ? Tone::kBad : Tone::kUnsure},
           {"tenant", finding.tenant().empty() ? finding.uid() : LastPart(finding.tenant())},
           {"object", finding.object()},
           {"what", finding.message()},
           Detail("severity", NameIn("SEVERITY_", finding.severity())),
           Detail("remedy", finding.remedy())}};
}

View ViewOf(const v1::CheckFleetResponse& check) {
  return {&check, "", {{"findings", absl::StrCat(check.findings_size())}}};
}

View ViewOf(const v1::FleetRepair& repair) {
  return {&repair,
          repair.id(),
          {{"tenant", LastPart(repair.tenant())},
           {"host", LastPart(repair.host())},
           {"repair", repair.description()},
           {"operation", LastPart(repair.operation())},
           {"problem", repair.problem(), Tone::kBad}}};
}

View ViewOf(const v1::RepairFleetResponse& answer) {
  return {&answer, "", {{"repairs", absl::StrCat(answer.repairs_size())}}};
}

View ViewOf(const v1::CatalogCopy& copy) {
  return {&copy,
          copy.sha256(),
          {{"revision", absl::StrCat(copy.revision().epoch(), ".", copy.revision().revision())},
           {"size", BytesText(copy.size_bytes())},
           {"sha256", copy.sha256()},
           {"made", When(copy.has_create_time(), copy.create_time())}}};
}

View ViewOf(const v1::RemoveHostResponse& removed) { return {&removed, "", {}}; }

View ViewOf(const v1::CreateJoinTokenResponse& token) {
  return {&token,
          token.token(),
          {{"token", token.token()}, {"expires", When(token.has_expire_time(), token.expire_time())}}};
}

}  // namespace croft::ctl
