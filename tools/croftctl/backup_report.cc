// The verb `croftctl backup report`.

#include <string>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"
#include "croft/v1/backup.grpc.pb.h"
#include "tools/croftctl/signed_text.h"
#include "tools/croftctl/targets.h"
#include "tools/croftctl/verbs.h"

// The verb that writes the signed report on backups and proofs.
namespace croft::ctl {
namespace {

using Backups = v1::BackupService::Stub;

struct ReportArguments {
  std::string selector;
  std::string save;
};

struct Report {
  std::string statement;
  std::string signature;
};

absl::StatusOr<Report> Fetch(Session& session, const ReportArguments& arguments) {
  v1::ReportBackupsRequest request;
  CROFT_ASSIGN_OR_RETURN(*request.mutable_filter(), TenantFilter(arguments.selector, ""));
  Report report;
  CROFT_RETURN_IF_ERROR(
      (session.client.Stream<Backups, v1::ReportBackupsRequest, v1::ReportBackupsResponse>(
          &Backups::ReportBackups, request, session.limit, [&](const v1::ReportBackupsResponse& part) {
            report.statement += part.text();
            report.signature = part.signature();
            return true;
          })));
  if (report.signature.empty())
    return absl::DataLossError("the report ended before it was whole; try again");
  return report;
}

absl::Status Show(Session& session, const ReportArguments& arguments) {
  CROFT_ASSIGN_OR_RETURN(const Report report, Fetch(session, arguments));
  if (!arguments.save.empty())
    return SaveSigned(session, arguments.save, report.statement, report.signature);
  const std::string signature = absl::Base64Escape(report.signature);
  session.printer.Document({{"statement", report.statement}, {"signature", signature}},
                           absl::StrCat(report.statement, "\nsignature ", signature, "\n"));
  return absl::OkStatus();
}

}  // namespace

void AddBackupReport(Noun& noun) {
  auto verb = noun.AddVerb<ReportArguments>(
      "report", "Print a signed report for auditors: of each tenant its newest backup and last proof");
  verb.app.add_option("-l,--selector", verb->selector,
                      "Only of tenants with these labels, such as app=shop");
  verb.app.add_option("--save", verb->save,
                      "Write it to PREFIX.txt and its signature to PREFIX.sig, as openssl verifies them");
  verb.Reads(Show);
}

}  // namespace croft::ctl
