// Hashes audit rows into a chain and verifies it.

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

std::string TextOf(const domain::AuditCheckpoint& checkpoint) {
  return absl::StrCat("croft audit checkpoint\nsequence ", checkpoint.head.sequence, "\nhash ",
                      checkpoint.head.hash, "\ntime ", absl::ToUnixMicros(checkpoint.time), "\ncut ",
                      absl::ToUnixMicros(checkpoint.cut_time), "\n");
}

absl::StatusOr<ProvenAudit> BeginningOfAudit(Catalog& catalog, const IsSigned& is_signed) {
  ProvenAudit proven;
  CROFT_ASSIGN_OR_RETURN(proven.pruned, catalog.GetAuditCheckpoint());
  if (!proven.pruned) return proven;
  if (!is_signed(TextOf(*proven.pruned), proven.pruned->signature)) {
    return MakeError(
        absl::StatusCode::kDataLoss,
        absl::StrCat("the audit was changed from outside: its rows up to ", proven.pruned->head.sequence,
                     " were cut off, and the checkpoint of the cut is not signed by this control plane"),
        {.reason = "AUDIT_BROKEN", .metadata = {{"sequence", absl::StrCat(proven.pruned->head.sequence)}}});
  }
  proven.head = proven.pruned->head;
  return proven;
}

namespace {

// Those that the rows that are left have to show.
absl::StatusOr<std::vector<AuditHead>> Wanted(const ProvenAudit& beginning,
                                              const std::vector<AuditHead>& anchors) {
  std::vector<AuditHead> wanted;
  for (const AuditHead& anchor : anchors) {
    if (anchor.sequence > beginning.head.sequence) wanted.push_back(anchor);
    if (anchor.sequence == beginning.head.sequence && anchor.hash != beginning.head.hash)
      return Broken(anchor.sequence, "is not the one that was noted");
  }
  return wanted;
}

// Whether the audit was cut since `beginning` was read: rows that are missing may have been pruned meanwhile.
absl::StatusOr<bool> WasCutSince(Catalog& catalog, const ProvenAudit& beginning) {
  CROFT_ASSIGN_OR_RETURN(const std::optional<domain::AuditCheckpoint> now, catalog.GetAuditCheckpoint());
  return now != beginning.pruned;
}

}  // namespace

absl::StatusOr<ProvenAudit> VerifyAudit(Catalog& catalog, const std::vector<AuditHead>& anchors,
                                        const IsSigned& is_signed, const std::function<bool()>& stopped) {
  CROFT_ASSIGN_OR_RETURN(ProvenAudit proven, BeginningOfAudit(catalog, is_signed));
  CROFT_ASSIGN_OR_RETURN(std::vector<AuditHead> missing, Wanted(proven, anchors));
  while (!stopped()) {
    CROFT_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows,
                           catalog.ListAudit(proven.head.sequence, kRowsAtOnce));
    if (!rows.empty() && rows.front().sequence != proven.head.sequence + 1) {
      CROFT_ASSIGN_OR_RETURN(const bool cut, WasCutSince(catalog, proven));
      if (cut) return VerifyAudit(catalog, anchors, is_signed, stopped);
    }
    for (const AuditRow& row : rows) {
      CROFT_RETURN_IF_ERROR(CheckAuditRow(proven.head, row));
      proven.head = {row.sequence, row.hash};
      missing.erase(std::remove(missing.begin(), missing.end(), proven.head), missing.end());
    }
    if (!rows.empty()) continue;
    if (missing.empty()) return proven;
    const int64_t sequence = missing.front().sequence;
    if (sequence > proven.head.sequence) return Broken(proven.head.sequence + 1, "is missing");
    return Broken(sequence, "is not the one that was noted");
  }
  return absl::CancelledError("nobody waits for the end of the audit any more");
}

absl::StatusOr<AuditHead> VerifyAuditChain(Catalog& catalog, const std::vector<AuditHead>& anchors,
                                           const std::function<bool()>& stopped) {
  CROFT_ASSIGN_OR_RETURN(
      ProvenAudit proven,
      VerifyAudit(
          catalog, anchors, [](absl::string_view, absl::string_view) { return false; }, stopped));
  return std::move(proven.head);
}

}  // namespace croft::catalog
