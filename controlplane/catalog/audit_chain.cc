#include "controlplane/catalog/audit_chain.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/crypto/hash.h"
#include "common/errors.h"

namespace croft::catalog {
namespace {

using domain::AuditEvent;
using domain::AuditRow;

constexpr int32_t kRowsAtOnce = 1000;

void AppendNumber(std::string& out, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift & 0xff));
}

// With its length before it, so that no two rows have the same encoding.
void AppendText(std::string& out, const std::string& text) {
  AppendNumber(out, text.size());
  out += text;
}

std::string HashOf(const std::string& previous_hash, int64_t sequence, const AuditEvent& event) {
  std::string encoded;
  AppendText(encoded, previous_hash);
  AppendNumber(encoded, static_cast<uint64_t>(sequence));
  AppendNumber(encoded, static_cast<uint64_t>(absl::ToUnixMicros(event.time)));
  for (const std::string* text :
       {&event.caller, &event.peer, &event.method, &event.resource, &event.result, &event.request_id}) {
    AppendText(encoded, *text);
  }
  // Rows of one call hash as they did before there were others.
  if (event.count != 1) AppendNumber(encoded, static_cast<uint64_t>(event.count));
  return crypto::Hex(crypto::Sha256(encoded));
}

absl::Status Broken(int64_t sequence, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("the audit was changed from outside: row ", sequence, " ", what),
                   {.reason = "AUDIT_BROKEN", .metadata = {{"sequence", absl::StrCat(sequence)}}});
}

}  // namespace

AuditRow ChainAudit(const AuditHead& head, const AuditEvent& event) {
  return {.sequence = head.sequence + 1,
          .event = event,
          .previous_hash = head.hash,
          .hash = HashOf(head.hash, head.sequence + 1, event)};
}

absl::Status CheckAuditRow(const AuditHead& head, const AuditRow& row) {
  if (row.sequence != head.sequence + 1) return Broken(head.sequence + 1, "is missing");
  if (row.previous_hash != head.hash) return Broken(row.sequence, "does not follow the one before it");
  if (row.hash != HashOf(row.previous_hash, row.sequence, row.event)) {
    return Broken(row.sequence, "is not what was written");
  }
  return absl::OkStatus();
}

absl::StatusOr<AuditHead> VerifyAuditChain(Catalog& catalog, const std::vector<AuditHead>& anchors,
                                           const std::function<bool()>& stopped) {
  AuditHead head;
  std::vector<AuditHead> missing;
  std::copy_if(anchors.begin(), anchors.end(), std::back_inserter(missing),
               [&](const AuditHead& anchor) { return anchor != head; });
  while (!stopped()) {
    CROFT_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, catalog.ListAudit(head.sequence, kRowsAtOnce));
    for (const AuditRow& row : rows) {
      CROFT_RETURN_IF_ERROR(CheckAuditRow(head, row));
      head = {row.sequence, row.hash};
      missing.erase(std::remove(missing.begin(), missing.end(), head), missing.end());
    }
    if (!rows.empty()) continue;
    if (missing.empty()) return head;
    const int64_t sequence = missing.front().sequence;
    if (sequence > head.sequence) return Broken(head.sequence + 1, "is missing");
    return Broken(sequence, "is not the one that was noted");
  }
  return absl::CancelledError("nobody waits for the end of the audit any more");
}

}  // namespace croft::catalog
