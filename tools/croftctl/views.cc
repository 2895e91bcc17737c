#include "tools/croftctl/views.h"

#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>
#include <google/protobuf/util/json_util.h>

#include "tools/croftctl/values.h"

namespace croft::ctl {
namespace {

std::string When(bool is_set, const google::protobuf::Timestamp& time) {
  return is_set ? absl::FormatTime("%Y-%m-%d %H:%M:%SZ", FromProto(time), absl::UTCTimeZone()) : "";
}

std::string Age(const google::protobuf::Timestamp& time) {
  return time.seconds() == 0 ? ""
                             : DurationText(absl::Trunc(absl::Now() - FromProto(time), absl::Seconds(1)));
}

template <class Map>
std::string Pairs(const Map& labels) {
  const std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  return absl::StrJoin(sorted, ",", absl::PairFormatter("="));
}

template <class Strings>
std::string Joined(const Strings& strings) {
  return absl::StrJoin(strings, ",");
}

std::string OrEmpty(int64_t number) { return number == 0 ? "" : absl::StrCat(number); }
std::string BytesOrEmpty(int64_t bytes) { return bytes == 0 ? "" : BytesText(bytes); }
std::string YesNo(bool yes) { return yes ? "yes" : "no"; }

std::string Json(const google::protobuf::Message& message) {
  std::string json;
  return google::protobuf::util::MessageToJsonString(message, &json).ok() ? json : "";
}

std::string FeaturesOf(const v1::Tenant& tenant) {
  std::map<std::string, std::string> features;
  for (const auto& [name, value] : tenant.features()) features[name] = Json(value);
  return Pairs(features);
}

template <class Enum>
std::string NameIn(absl::string_view prefix, Enum value) {
  return EnumName(*google::protobuf::GetEnumDescriptor<Enum>(), prefix, static_cast<int>(value));
}

Tone ToneOf(v1::Tenant::State state) {
  switch (state) {
    case v1::Tenant::STATE_READY: return Tone::kGood;
    case v1::Tenant::STATE_FAILED: return Tone::kBad;
    default: return Tone::kUnsure;
  }
}

Tone ToneOf(v1::Backup::State state) {
  switch (state) {
    case v1::Backup::STATE_VERIFIED: return Tone::kGood;
    case v1::Backup::STATE_FAILED: return Tone::kBad;
    case v1::Backup::STATE_AVAILABLE: return Tone::kPlain;
    default: return Tone::kUnsure;
  }
}

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

Tone ToneOf(v1::Operation::State state) {
  switch (state) {
    case v1::Operation::STATE_SUCCEEDED: return Tone::kGood;
    case v1::Operation::STATE_FAILED: return Tone::kBad;
    default: return Tone::kUnsure;
  }
}

std::string ConditionTypes(const v1::Tenant& tenant) {
  return absl::StrJoin(tenant.conditions(), ",", [](std::string* out, const v1::Condition& condition) {
    out->append(condition.type());
  });
}

std::string ConditionTexts(const v1::Tenant& tenant) {
  return absl::StrJoin(tenant.conditions(), "; ", [](std::string* out, const v1::Condition& condition) {
    absl::StrAppend(out, condition.type(), ": ", condition.message());
  });
}

std::string Logins(const v1::Tenant& tenant) {
  return absl::StrJoin(tenant.credentials(), ", ", [](std::string* out, const v1::Credential& credential) {
    absl::StrAppend(out, credential.user(), " (", NameIn("ROLE_", credential.role()), ")");
  });
}

std::string Endpoints(const v1::LookupResponse& placement) {
  return absl::StrJoin(placement.endpoints(), ", ", [](std::string* out, const v1::Endpoint& endpoint) {
    absl::StrAppend(out, endpoint.host(), ":", endpoint.port());
  });
}

std::string StepText(const v1::Step& step) {
  std::string text = step.task();
  if (!step.host().empty()) absl::StrAppend(&text, " on ", LastPart(step.host()));
  return step.message().empty() ? text : absl::StrCat(text, ": ", step.message());
}

// A field that only shows where its resource is shown alone.
Cell Detail(std::string header, std::string text) {
  return {std::move(header), std::move(text), Tone::kPlain, false};
}

}  // namespace

std::string KindOf(const v1::Operation& operation) { return NameIn("KIND_", operation.kind()); }

std::string ProgressOf(const v1::Operation& operation) {
  if (operation.done()) return operation.error().message();
  int position = 0;
  for (const v1::Step& step : operation.steps()) {
    ++position;
    if (step.state() != v1::Step::STATE_DISPATCHED) continue;
    return absl::StrCat("step ", position, " of ", operation.steps_size(), ", ", StepText(step));
  }
  return operation.progress();
}

View ViewOf(const v1::Tenant& tenant) {
  return {&tenant,
          tenant.name(),
          {{"id", LastPart(tenant.name())},
           {"state", NameIn("STATE_", tenant.state()), ToneOf(tenant.state())},
           {"host", LastPart(tenant.placement().host())},
           {"labels", Pairs(tenant.labels())},
           {"conditions", ConditionTypes(tenant), Tone::kBad},
           {"operation", LastPart(tenant.current_operation())},
           {"age", Age(tenant.create_time())},
           Detail("created", When(tenant.has_create_time(), tenant.create_time())),
           Detail("display name", tenant.display_name()),
           Detail("aliases", Joined(tenant.aliases())),
           Detail("suspended as", tenant.suspend_mode() == v1::SUSPEND_MODE_UNSPECIFIED
                                      ? ""
                                      : NameIn("SUSPEND_MODE_", tenant.suspend_mode())),
           Detail("conditions in full", ConditionTexts(tenant)),
           Detail("database", tenant.placement().database()),
           Detail("generation", OrEmpty(tenant.placement().generation())),
           Detail("logins", Logins(tenant)),
           Detail("connections", OrEmpty(tenant.quota().connections())),
           Detail("storage limit", BytesOrEmpty(tenant.quota().storage_bytes())),
           Detail("statement timeout", tenant.quota().has_statement_timeout()
                                           ? DurationText(FromProto(tenant.quota().statement_timeout()))
                                           : ""),
           Detail("extensions", Joined(tenant.extensions())),
           Detail("locale", tenant.locale()),
           Detail("settings", tenant.has_settings() ? Json(tenant.settings()) : ""),
           Detail("features", FeaturesOf(tenant)),
           Detail("last backup", LastPart(tenant.last_backup())),
           Detail("backups kept", OrEmpty(tenant.backup_policy().keep())),
           Detail("expires", When(tenant.has_expire_time(), tenant.expire_time())),
           Detail("retired", When(tenant.has_delete_time(), tenant.delete_time())),
           Detail("purges itself", When(tenant.has_purge_time(), tenant.purge_time())),
           Detail("uid", tenant.uid()),
           Detail("etag", tenant.etag())}};
}

View ViewOf(const v1::Backup& backup) {
  return {
      &backup,
      backup.name(),
      {{"id", LastPart(backup.name())},
       {"tenant",
        backup.name().empty() ? "" : LastPart(backup.name().substr(0, backup.name().rfind("/backups/")))},
       {"state", NameIn("STATE_", backup.state()), ToneOf(backup.state())},
       {"origin", NameIn("ORIGIN_", backup.origin())},
       {"size", BytesOrEmpty(backup.size_bytes())},
       {"rows", absl::StrCat(backup.row_count())},
       {"age", Age(backup.create_time())},
       Detail("created", When(backup.has_create_time(), backup.create_time())),
       Detail("verified", When(backup.has_verify_time(), backup.verify_time())),
       Detail("tables", absl::StrCat(backup.table_count())),
       Detail("store", backup.store()),
       Detail("sha256", backup.sha256()),
       Detail("generation", OrEmpty(backup.placement_generation())),
       Detail("server version", backup.server_version()),
       Detail("uid", backup.uid()),
       Detail("etag", backup.etag())}};
}

View ViewOf(const v1::Host& host) {
  return {&host,
          host.name(),
          {{"id", LastPart(host.name())},
           {"state", NameIn("STATE_", host.state()), ToneOf(host.state())},
           {"cordoned", host.cordoned() ? "yes" : "", Tone::kUnsure},
           {"databases", absl::StrCat(host.database_count())},
           {"free", BytesOrEmpty(host.free_bytes())},
           {"postgresql", PostgresOf(host), PostgresIsDown(host) ? Tone::kBad : Tone::kPlain},
           {"tls", YesNo(host.tls())},
           {"endpoints", Joined(host.advertise_endpoints())},
           {"labels", Pairs(host.labels())},
           {"seen", Age(host.last_seen_time())},
           Detail("created", When(host.has_create_time(), host.create_time())),
           Detail("database limit", OrEmpty(host.limits().databases())),
           Detail("connection limit", OrEmpty(host.limits().connections())),
           Detail("reserve", BytesOrEmpty(host.limits().reserve_bytes())),
           Detail("agent", host.agent_version()),
           Detail("system identifier", host.system_identifier()),
           Detail("timeline", OrEmpty(host.timeline())),
           Detail("problem", host.problem()),
           Detail("tasks", Joined(host.task_kinds())),
           Detail("stores", Joined(host.stores())),
           Detail("uid", host.uid()),
           Detail("etag", host.etag())}};
}

View ViewOf(const v1::Operation& operation) {
  View view = {&operation,
               operation.name(),
               {{"id", LastPart(operation.name())},
                {"kind", KindOf(operation)},
                {"target", operation.target()},
                {"result", operation.result()},
                {"state", NameIn("STATE_", operation.state()), ToneOf(operation.state())},
                {"progress", ProgressOf(operation)},
                {"age", Age(operation.create_time())},
                Detail("asked by", operation.caller()),
                Detail("created", When(operation.has_create_time(), operation.create_time())),
                Detail("ended", When(operation.has_end_time(), operation.end_time())),
                Detail("uid", operation.uid()),
                Detail("etag", operation.etag())}};
  // Behind the fields that every operation has, so that lists line up.
  int position = 0;
  for (const v1::Step& step : operation.steps()) {
    view.cells.push_back(Detail(absl::StrCat("step ", ++position),
                                absl::StrCat(NameIn("STATE_", step.state()), " ", StepText(step))));
  }
  return view;
}

View ViewOf(const v1::LookupResponse& placement) {
  const v1::Endpoint endpoint = placement.endpoints().empty() ? v1::Endpoint() : placement.endpoints(0);
  return {&placement,
          placement.tenant(),
          {{"tenant", LastPart(placement.tenant())},
           {"endpoints", Endpoints(placement)},
           {"database", endpoint.database()},
           {"user", endpoint.user()},
           {"password", placement.password()},
           {"sslmode", placement.sslmode()},
           {"generation", OrEmpty(placement.placement_generation())},
           {"settings", placement.has_settings() ? Json(placement.settings()) : ""},
           {"usable for", DurationText(FromProto(placement.ttl()))},
           {"uid", placement.uid()}}};
}

View ViewOf(const v1::GetStatusResponse& status) {
  return {&status,
          status.caller(),
          {{"version", status.version()},
           {"started", When(status.has_start_time(), status.start_time())},
           {"you are", status.caller()},
           {"tenants", absl::StrCat(status.tenant_count())},
           {"hosts up", absl::StrCat(status.hosts_up(), " of ", status.host_count()),
            status.hosts_up() < status.host_count() ? Tone::kBad : Tone::kGood},
           {"operations running", absl::StrCat(status.operations_running())},
           {"revision", absl::StrCat(status.revision().epoch(), ".", status.revision().revision())}}};
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
