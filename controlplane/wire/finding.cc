// Converts findings to the API.

#include "controlplane/wire/finding.h"

namespace croft::wire {
namespace {

v1::Finding::Severity ToProto(domain::FindingSeverity severity) {
  switch (severity) {
    case domain::FindingSeverity::kNote: return v1::Finding::SEVERITY_NOTE;
    case domain::FindingSeverity::kMissing: return v1::Finding::SEVERITY_MISSING;
    case domain::FindingSeverity::kDifferent: return v1::Finding::SEVERITY_DIFFERENT;
  }
  return v1::Finding::SEVERITY_UNSPECIFIED;
}

}  // namespace

v1::Finding ToProto(const domain::Finding& finding) {
  v1::Finding proto;
  proto.set_severity(ToProto(finding.severity));
  proto.set_reason(finding.reason);
  proto.set_object(finding.object);
  proto.set_owner(finding.owner);
  proto.set_message(finding.message);
  proto.set_postgres_message(finding.postgres_message);
  proto.set_remedy(finding.remedy);
  return proto;
}

}  // namespace croft::wire
