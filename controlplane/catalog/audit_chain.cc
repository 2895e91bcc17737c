#include "controlplane/catalog/audit_chain.h"

#include <utility>
#include <vector>

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

absl::StatusOr<AuditHead> VerifyAuditChain(Catalog& catalog, const std::optional<AuditHead>& anchor) {
  AuditHead head;
  bool anchored = !anchor.has_value() || *anchor == head;
  while (true) {
    CROFT_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, catalog.ListAudit(head.sequence, kRowsAtOnce));
    if (rows.empty()) break;
    for (const AuditRow& row : rows) {
      CROFT_RETURN_IF_ERROR(CheckAuditRow(head, row));
      head = {row.sequence, row.hash};
      anchored = anchored || head == *anchor;
    }
  }
  if (anchored) return head;
  if (anchor->sequence > head.sequence) return Broken(head.sequence + 1, "is missing");
  return Broken(anchor->sequence, "is not the one that was noted");
}

}  // namespace croft::catalog
