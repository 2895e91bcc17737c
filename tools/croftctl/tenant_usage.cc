// The verb of `croftctl tenant` that shows what tenants use.

#include "tools/croftctl/tenant_usage.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include "common/errors.h"
#include "common/names.h"
#include "tools/croftctl/error_report.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/lists.h"
#include "tools/croftctl/values.h"
#include "tools/croftctl/verbs.h"
#include "tools/croftctl/view_parts.h"

namespace croft::ctl {
namespace {

using Usage = v1::UsageService::Stub;

constexpr size_t kUsualLimit = 20;
constexpr char kUsualSince[] = "24h";
// Named in one call.
constexpr size_t kTenantsACall = 500;

struct UsageArguments {
  std::vector<std::string> ids;
  std::string top = "size";
  std::string since = kUsualSince;
  bool statements = false;
  ListFlags list{.limit = kUsualLimit};
};

std::string CountColumns() {
  return "commits,rollbacks,blocks_read,blocks_hit,rows_returned,rows_fetched,rows_inserted,rows_updated,"
         "rows_deleted,deadlocks,temporary_bytes";
}

std::string CountFields(const v1::UsageCounts& counts) {
  return absl::StrJoin(
      {counts.commits(), counts.rollbacks(), counts.blocks_read(), counts.blocks_hit(),
       counts.rows_returned(), counts.rows_fetched(), counts.rows_inserted(), counts.rows_updated(),
       counts.rows_deleted(), counts.deadlocks(), counts.temporary_bytes()},
      ",");
}

std::string SizeField(const auto& message) {
  return message.has_size_bytes() ? absl::StrCat(message.size_bytes()) : "";
}

// No field needs quotes: ids, numbers and times.
std::string ListAsCsv(const std::vector<v1::TenantUsage>& usage) {
  std::string text = absl::StrCat(
      "tenant,host,measure_time,size_bytes,size_time,connections,transactions_per_second,most_connections,",
      CountColumns(), "\n");
  for (const v1::TenantUsage& one : usage) {
    absl::StrAppend(&text, LastPart(one.tenant()), ",", LastPart(one.host()), ",",
                    When(one.has_measure_time(), one.measure_time()), ",", SizeField(one), ",",
                    When(one.has_size_time(), one.size_time()), ",", one.connections(), ",",
                    one.transactions_per_second(), ",", one.most_connections(), ",",
                    CountFields(one.counts()), "\n");
  }
  return text;
}

std::string HoursAsCsv(const std::vector<v1::TenantUsage>& usage) {
  std::string text = absl::StrCat("tenant,hour,size_bytes,connections,", CountColumns(), "\n");
  for (const v1::TenantUsage& one : usage) {
    for (const v1::UsageHour& hour : one.hours()) {
      absl::StrAppend(&text, LastPart(one.tenant()), ",", When(true, hour.start_time()), ",",
                      SizeField(hour), ",", hour.connections(), ",", CountFields(hour.counts()), "\n");
    }
  }
  return text;
}

// What people see of a tenant's hours, below what it uses now.
std::string HoursTable(const v1::TenantUsage& usage, const Look& look) {
  std::vector<std::vector<Cell>> rows;
  const auto cells = [](const v1::UsageHour& hour) -> std::vector<Cell> {
    const v1::UsageCounts& counts = hour.counts();
    return {
        {"hour", When(hour.has_start_time(), hour.start_time())},
        BytesCell("size", hour.size_bytes()),
        {"most connections", OrEmpty(hour.connections())},
        {"transactions", OrEmpty(counts.commits() + counts.rollbacks())},
        {"rows read", OrEmpty(counts.rows_returned())},
        {"rows written", OrEmpty(counts.rows_inserted() + counts.rows_updated() + counts.rows_deleted())},
        {"cache hits", CacheHits(counts)},
        BytesCell("temporary", counts.temporary_bytes())};
  };
  for (const v1::UsageHour& hour : usage.hours()) rows.push_back(cells(hour));
  return absl::StrCat("\nBY THE HOUR\n",
                      rows.empty() ? "  none\n" : TableText(cells(v1::UsageHour()), rows, look));
}

absl::StatusOr<absl::Time> Since(const UsageArguments& arguments) {
  CROFT_ASSIGN_OR_RETURN(const absl::Duration since, ParseDuration(arguments.since, "--since"));
  return absl::Now() - since;
}

absl::Status ShowNamed(Session& session, const UsageArguments& arguments) {
  CROFT_ASSIGN_OR_RETURN(const absl::Time since, Since(arguments));
  std::vector<v1::TenantUsage> usage;
  for (const std::string& id : arguments.ids) {
    v1::GetUsageRequest request;
    request.set_name(TenantName(LastPart(id)));
    *request.mutable_since() = ToProto(since);
    CROFT_ASSIGN_OR_RETURN(usage.emplace_back(), session.client.Call(&Usage::GetUsage, request));
  }
  if (session.printer.format() == Format::kCsv) {
    session.printer.Text(HoursAsCsv(usage));
    return absl::OkStatus();
  }
  if (usage.size() > 1) return session.printer.List(kTenantUsage.field, usage);
  CROFT_RETURN_IF_ERROR(session.printer.One(usage.front()));
  if (session.printer.format() == Format::kTable)
    session.printer.Text(HoursTable(usage.front(), session.printer.look()));
  return absl::OkStatus();
}

absl::Status ShowTop(Session& session, const UsageArguments& arguments) {
  CROFT_ASSIGN_OR_RETURN(const absl::Time since, Since(arguments));
  v1::ListUsageRequest request;
  CROFT_ASSIGN_OR_RETURN(const auto order,
                         ParseEnum<v1::UsageOrder>("USAGE_ORDER_", arguments.top, "--top"));
  request.set_order_by(order);
  *request.mutable_since() = ToProto(since);
  CROFT_ASSIGN_OR_RETURN(const std::vector<v1::TenantUsage> usage,
                         ListAsked(session, kTenantUsage, request, arguments.list));
  if (session.printer.format() == Format::kCsv) {
    session.printer.Text(ListAsCsv(usage));
    return absl::OkStatus();
  }
  return session.printer.List(kTenantUsage.field, usage, {arguments.list.sort_by, arguments.list.limit});
}

std::string Milliseconds(const google::protobuf::Duration& time) {
  return absl::StrFormat("%.1f ms", absl::ToDoubleMilliseconds(FromProto(time)));
}

Cell TimeCell(std::string header, const google::protobuf::Duration& time, Shown shown = Shown::kAlways) {
  return {std::move(header), Milliseconds(time), Tone::kPlain, shown,
          absl::ToDoubleMilliseconds(FromProto(time))};
}

// The text last: it is the widest, and a terminal cuts it.
View ViewOf(const v1::StatementUsage& statement) {
  const auto calls = static_cast<double>(std::max<int64_t>(statement.calls(), 1));
  v1::UsageCounts blocks;
  blocks.set_blocks_read(statement.blocks_read());
  blocks.set_blocks_hit(statement.blocks_hit());
  return {&statement,
          statement.text(),
          {TimeCell("time", statement.total_time()),
           NumberCell("calls", statement.calls()),
           TimeCell("a call", ToProto(FromProto(statement.total_time()) / calls)),
           TimeCell("longest", statement.longest_time()),
           NumberCell("rows", statement.rows()),
           {"cache hits", CacheHits(blocks), Tone::kPlain, Shown::kWide},
           BytesCell("temporary", statement.temporary_bytes(), Shown::kWide),
           {"the tenant's statement",
            absl::StrCat(Escaped(statement.text()), statement.text_cut() ? " …" : "")}}};
}

absl::Status ShowStatements(Session& session, const UsageArguments& arguments) {
  if (arguments.ids.size() != 1) return UsageError("--statements wants one tenant");
  if (session.printer.format() == Format::kCsv) return UsageError("statements are not printed as csv");
  v1::ListStatementsRequest request;
  request.set_name(TenantName(LastPart(arguments.ids.front())));
  request.set_limit(static_cast<int32_t>(std::min(arguments.list.limit, kUsualLimit)));
  CROFT_ASSIGN_OR_RETURN(const v1::ListStatementsResponse response,
                         session.client.Call(&Usage::ListStatements, request));
  std::vector<View> views;
  for (const v1::StatementUsage& statement : response.statements()) views.push_back(ViewOf(statement));
  return session.printer.Views("statements", ViewOf(v1::StatementUsage()).cells, std::move(views),
                               {.sort_by = arguments.list.sort_by});
}

}  // namespace

std::string CacheHits(const v1::UsageCounts& counts) {
  const double all = static_cast<double>(counts.blocks_hit()) + static_cast<double>(counts.blocks_read());
  if (all == 0) return "";
  return absl::StrCat(static_cast<int>(100 * static_cast<double>(counts.blocks_hit()) / all), "%");
}

std::map<std::string, v1::TenantUsage> UsageOf(Session& session, const std::vector<v1::Tenant>& tenants) {
  std::map<std::string, v1::TenantUsage> found;
  for (size_t i = 0; i < tenants.size(); i += kTenantsACall) {
    v1::ListUsageRequest request;
    const size_t end = std::min(tenants.size(), i + kTenantsACall);
    for (size_t at = i; at < end; ++at) request.add_tenants(tenants[at].name());
    const absl::StatusOr<v1::ListUsageResponse> page = session.client.Call(&Usage::ListUsage, request);
    if (!page.ok()) {
      session.terminal.Say(absl::StrCat("sizes are left out: ", page.status().message()));
      return found;
    }
    for (const v1::TenantUsage& usage : page->usage()) found[usage.tenant()] = usage;
  }
  return found;
}

void AddTenantUsage(Noun& noun) {
  auto verb = noun.AddVerb<UsageArguments>(
      "usage", "Show what tenants use: those that use most, or some with their history by the hour");
  verb.app.add_option("TENANT", verb->ids, "Ids of one or more; without, those that use most");
  verb.app.add_option("--top", verb->top, "What to rank by: size, connections or transactions")
      ->capture_default_str();
  verb.app.add_option("--since", verb->since, "What was done in the last so much, such as 2h or 30d")
      ->capture_default_str();
  verb.app.add_flag(
      "--statements", verb->statements,
      "Of one tenant, the statements that took the most time since its server began to count; at most 20");
  verb->list.AddTo(verb.app);
  verb.PrintsCsv();
  verb.Reads([](Session& session, const UsageArguments& arguments) -> absl::Status {
    if (arguments.statements) return ShowStatements(session, arguments);
    return arguments.ids.empty() ? ShowTop(session, arguments) : ShowNamed(session, arguments);
  });
}

}  // namespace croft::ctl
