// Cells that several views have.

#include "tools/croftctl/view_parts.h"

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <google/protobuf/util/json_util.h>

#include "tools/croftctl/error_report.h"

namespace croft::ctl {

std::string When(bool is_set, const google::protobuf::Timestamp& time) {
  return is_set ? TimeText(FromProto(time)) : "";
}

Cell AgeCell(std::string header, const google::protobuf::Timestamp& time, Shown shown) {
  if (time.seconds() == 0) return {std::move(header), "", Tone::kPlain, shown};
  const absl::Duration age = absl::Now() - FromProto(time);
  return {std::move(header), DurationText(absl::Trunc(age, absl::Seconds(1))), Tone::kPlain, shown,
          absl::ToDoubleSeconds(age)};
}

Cell BytesCell(std::string header, int64_t bytes, Shown shown) {
  return {std::move(header), bytes == 0 ? "" : BytesText(bytes), Tone::kPlain, shown,
          static_cast<double>(bytes)};
}

Cell NumberCell(std::string header, int64_t number, Shown shown) {
  return {std::move(header), OrEmpty(number), Tone::kPlain, shown, static_cast<double>(number)};
}

Cell Detail(std::string header, std::string text, Tone tone) {
  return {std::move(header), std::move(text), tone, Shown::kAlone};
}

Cell Wide(std::string header, std::string text) {
  return {std::move(header), std::move(text), Tone::kPlain, Shown::kWide};
}

std::string OrEmpty(int64_t number) { return number == 0 ? "" : absl::StrCat(number); }

std::string YesNo(bool yes) { return yes ? "yes" : "no"; }

std::string Json(const google::protobuf::Message& message) {
  std::string json;
  return google::protobuf::util::MessageToJsonString(message, &json).ok() ? json : "";
}

namespace {

Tone ToneOf(v1::Finding::Severity severity) {
  return severity == v1::Finding::SEVERITY_NOTE ? Tone::kUnsure : Tone::kBad;
}

void AppendLine(absl::string_view what, const std::string& text, std::vector<Cell>& cells) {
  if (!text.empty()) cells.push_back(Detail("", absl::StrCat(what, text)));
}

}  // namespace

void AppendFindings(const std::string& header,
                    const google::protobuf::RepeatedPtrField<v1::Finding>& findings, int count,
                    std::vector<Cell>& cells) {
  int number = 0;
  for (const v1::Finding& finding : findings) {
    cells.push_back(
        Detail(absl::StrCat(header, " ", ++number), SummaryOf(finding), ToneOf(finding.severity())));
    AppendLine("", finding.message(), cells);
    AppendLine("PostgreSQL, perhaps in the tenant's words: ",
               finding.postgres_message().empty() ? "" : Escaped(finding.postgres_message()), cells);
    AppendLine("remedy: ", finding.remedy(), cells);
  }
  if (count > number) {
    cells.push_back(
        Detail(header + "s", absl::StrCat(count, " in all; the gravest ", number, " are shown")));
  }
}

std::string SummaryOf(const v1::Finding& finding) {
  return absl::StrCat(NameIn("SEVERITY_", finding.severity()), " ", finding.reason(),
                      finding.object().empty() ? "" : absl::StrCat(": ", Escaped(finding.object())),
                      finding.owner().empty() ? "" : absl::StrCat(" of ", Escaped(finding.owner())));
}

}  // namespace croft::ctl
