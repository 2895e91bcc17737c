#include "controlplane/catalog/sqlite/columns.h"

#include <array>
#include <cstddef>

#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <nlohmann/json.hpp>

#include "common/errors.h"

namespace croft::catalog {
namespace {

using Json = nlohmann::json;

absl::Status Undecodable(absl::string_view text) {
  return MakeError(absl::StatusCode::kDataLoss,
                   absl::StrCat("the catalog is damaged: no value of its column is written \"", text, "\""),
                   {.reason = "DATABASE_CORRUPT"});
}

template <typename Enum>
struct Name {
  Enum value;
  absl::string_view name;
};

template <typename Enum, size_t N>
absl::string_view Encode(const std::array<Name<Enum>, N>& names, Enum value) {
  for (const Name<Enum>& name : names) {
    if (name.value == value) return name.name;
  }
  return "";
}

template <typename Enum, size_t N>
absl::Status Decode(const std::array<Name<Enum>, N>& names, absl::string_view text, Enum& value) {
  for (const Name<Enum>& name : names) {
    if (name.name == text) {
      value = name.value;
      return absl::OkStatus();
    }
  }
  return Undecodable(text);
}

// Takes `"…"` off the front of `text`, where there are no escapes.
bool ConsumePlainString(absl::string_view& text, absl::string_view& value) {
  if (!absl::ConsumePrefix(&text, "\"")) return false;
  const size_t end = text.find('"');
  if (end == absl::string_view::npos) return false;
  value = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

// Lists and maps without escapes, which nearly all are: a million tenants are read at every start. False for
// any other text.
bool DecodePlainList(absl::string_view text, std::vector<std::string>& list) {
  if (text.find('\\') != absl::string_view::npos || !absl::ConsumePrefix(&text, "[")) return false;
  absl::string_view item;
  do {
    if (!ConsumePlainString(text, item)) return false;
    list.emplace_back(item);
  } while (absl::ConsumePrefix(&text, ","));
  return text == "]";
}

bool DecodePlainMap(absl::string_view text, Labels& map) {
  if (text.find('\\') != absl::string_view::npos || !absl::ConsumePrefix(&text, "{")) return false;
  absl::string_view key, value;
  do {
    if (!ConsumePlainString(text, key) || !absl::ConsumePrefix(&text, ":") ||
        !ConsumePlainString(text, value)) {
      return false;
    }
    map.emplace_hint(map.end(), key, value);
  } while (absl::ConsumePrefix(&text, ","));
  return text == "}";
}

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

constexpr std::array<Name<domain::TenantState>, 6> kTenantStateNames{{
    {domain::TenantState::kCreating, "CREATING"},
    {domain::TenantState::kReady, "READY"},
    {domain::TenantState::kSuspended, "SUSPENDED"},
    {domain::TenantState::kRetired, "RETIRED"},
    {domain::TenantState::kFailed, "FAILED"},
    {domain::TenantState::kPurged, "PURGED"},
}};

constexpr std::array<Name<domain::SuspendMode>, 3> kSuspendModeNames{{
    {domain::SuspendMode::kNone, "NONE"},
    {domain::SuspendMode::kBlocked, "BLOCKED"},
    {domain::SuspendMode::kReadOnly, "READ_ONLY"},
}};

constexpr std::array<Name<domain::LoginRole>, 2> kLoginRoleNames{{
    {domain::LoginRole::kApp, "APP"},
    {domain::LoginRole::kReadOnly, "READ_ONLY"},
}};

constexpr std::array<Name<domain::OperationKind>, 13> kOperationKindNames{{
    {domain::OperationKind::kCreate, "CREATE"},
    {domain::OperationKind::kConfigure, "CONFIGURE"},
    {domain::OperationKind::kSuspend, "SUSPEND"},
    {domain::OperationKind::kResume, "RESUME"},
    {domain::OperationKind::kRetire, "RETIRE"},
    {domain::OperationKind::kUndelete, "UNDELETE"},
    {domain::OperationKind::kPurge, "PURGE"},
    {domain::OperationKind::kRestore, "RESTORE"},
    {domain::OperationKind::kRotate, "ROTATE"},
    {domain::OperationKind::kBackUp, "BACK_UP"},
    {domain::OperationKind::kVerify, "VERIFY"},
    {domain::OperationKind::kDeleteBackup, "DELETE_BACKUP"},
    {domain::OperationKind::kCleanUp, "CLEAN_UP"},
}};

constexpr std::array<Name<domain::OperationState>, 5> kOperationStateNames{{
    {domain::OperationState::kRunning, "RUNNING"},
    {domain::OperationState::kUndoing, "UNDOING"},
    {domain::OperationState::kSucceeded, "SUCCEEDED"},
    {domain::OperationState::kFailed, "FAILED"},
    {domain::OperationState::kCancelled, "CANCELLED"},
}};

constexpr std::array<Name<domain::StepState>, 4> kStepStateNames{{
    {domain::StepState::kPending, "PENDING"},
    {domain::StepState::kDispatched, "DISPATCHED"},
    {domain::StepState::kDone, "DONE"},
    {domain::StepState::kFailed, "FAILED"},
}};

constexpr std::array<Name<domain::TaskKind>, 11> kTaskKindNames{{
    {domain::TaskKind::kCreate, "CREATE"},
    {domain::TaskKind::kConfigure, "CONFIGURE"},
    {domain::TaskKind::kFence, "FENCE"},
    {domain::TaskKind::kUnfence, "UNFENCE"},
    {domain::TaskKind::kDrop, "DROP"},
    {domain::TaskKind::kBackUp, "BACK_UP"},
    {domain::TaskKind::kVerify, "VERIFY"},
    {domain::TaskKind::kRestore, "RESTORE"},
    {domain::TaskKind::kRotate, "ROTATE"},
    {domain::TaskKind::kDeleteBackup, "DELETE_BACKUP"},
    {domain::TaskKind::kEraseKey, "ERASE_KEY"},
}};

constexpr std::array<Name<domain::Landing>, 13> kLandingNames{{
    {domain::Landing::kNone, "NONE"},
    {domain::Landing::kTenantReady, "TENANT_READY"},
    {domain::Landing::kTenantResumed, "TENANT_RESUMED"},
    {domain::Landing::kTenantUndeleted, "TENANT_UNDELETED"},
    {domain::Landing::kTenantFenced, "TENANT_FENCED"},
    {domain::Landing::kPlacementMoved, "PLACEMENT_MOVED"},
    {domain::Landing::kCredentialsPublished, "CREDENTIALS_PUBLISHED"},
    {domain::Landing::kLoginDisabled, "LOGIN_DISABLED"},
    {domain::Landing::kBackupAvailable, "BACKUP_AVAILABLE"},
    {domain::Landing::kBackupVerified, "BACKUP_VERIFIED"},
    {domain::Landing::kBackupDeleted, "BACKUP_DELETED"},
    {domain::Landing::kCopyDropped, "COPY_DROPPED"},
    {domain::Landing::kTenantErased, "TENANT_ERASED"},
}};

constexpr std::array<Name<domain::BackupState>, 8> kBackupStateNames{{
    {domain::BackupState::kCreating, "CREATING"},
    {domain::BackupState::kAvailable, "AVAILABLE"},
    {domain::BackupState::kVerified, "VERIFIED"},
    {domain::BackupState::kFailed, "FAILED"},
    {domain::BackupState::kDeleting, "DELETING"},
    {domain::BackupState::kVerifiedWithNotes, "VERIFIED_WITH_NOTES"},
    {domain::BackupState::kIncomplete, "INCOMPLETE"},
    {domain::BackupState::kDamaged, "DAMAGED"},
}};

constexpr std::array<Name<domain::FindingSeverity>, 3> kSeverityNames{{
    {domain::FindingSeverity::kNote, "NOTE"},
    {domain::FindingSeverity::kMissing, "MISSING"},
    {domain::FindingSeverity::kDifferent, "DIFFERENT"},
}};

constexpr std::array<Name<domain::BackupOrigin>, 3> kBackupOriginNames{{
    {domain::BackupOrigin::kManual, "MANUAL"},
    {domain::BackupOrigin::kFinal, "FINAL"},
    {domain::BackupOrigin::kScheduled, "SCHEDULED"},
}};

constexpr std::array<Name<domain::Role>, 6> kRoleNames{{
    {domain::Role::kAdmin, "ADMIN"},
    {domain::Role::kOperator, "OPERATOR"},
    {domain::Role::kViewer, "VIEWER"},
    {domain::Role::kConnector, "CONNECTOR"},
    {domain::Role::kLocator, "LOCATOR"},
    {domain::Role::kAgent, "AGENT"},
}};

}  // namespace

std::string EncodeList(const std::vector<std::string>& list) { return list.empty() ? "[]" : Dump(list); }

std::string EncodeMap(const Labels& map) { return map.empty() ? "{}" : Dump(map); }

absl::Status DecodeList(absl::string_view text, std::vector<std::string>& list) {
  list.clear();
  if (text == "[]") return absl::OkStatus();
  if (DecodePlainList(text, list)) return absl::OkStatus();
  list.clear();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return Undecodable(text);
  for (const Json& item : json) {
    if (!item.is_string()) return Undecodable(text);
    list.push_back(item.get_ref<const std::string&>());
  }
  return absl::OkStatus();
}

absl::Status DecodeMap(absl::string_view text, Labels& map) {
  map.clear();
  if (text == "{}") return absl::OkStatus();
  if (DecodePlainMap(text, map)) return absl::OkStatus();
  map.clear();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Undecodable(text);
  for (const auto& [key, item] : json.items()) {
    if (!item.is_string()) return Undecodable(text);
    map.emplace_hint(map.end(), key, item.get_ref<const std::string&>());
  }
  return absl::OkStatus();
}

namespace {

// Reads `key` of `object` where it is text; false where it is none.
bool ReadText(const Json& object, const char* key, std::string& text) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return false;
  text = found->get_ref<const std::string&>();
  return true;
}

bool ReadFinding(const Json& json, domain::Finding& finding) {
  std::string severity;
  return json.is_object() && ReadText(json, "severity", severity) &&
         Decode(kSeverityNames, severity, finding.severity).ok() &&
         ReadText(json, "reason", finding.reason) && ReadText(json, "object", finding.object) &&
         ReadText(json, "owner", finding.owner) && ReadText(json, "message", finding.message) &&
         ReadText(json, "postgres_message", finding.postgres_message) &&
         ReadText(json, "remedy", finding.remedy);
}

bool ReadMissingRight(const Json& json, domain::MissingRight& right) {
  if (!json.is_object() || !ReadText(json, "right", right.right) ||
      !ReadText(json, "consequence", right.consequence) || !ReadText(json, "remedy", right.remedy)) {
    return false;
  }
  const auto kinds = json.find("task_kinds");
  return kinds != json.end() && DecodeList(kinds->dump(), right.task_kinds).ok();
}

// A list whose items `read` takes one by one.
template <typename Item, typename Read>
absl::Status DecodeItems(absl::string_view text, std::vector<Item>& items, Read read) {
  items.clear();
  if (text == "[]") return absl::OkStatus();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return Undecodable(text);
  for (const Json& item : json) {
    if (!read(item, items.emplace_back())) return Undecodable(text);
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeFindings(const std::vector<domain::Finding>& findings) {
  Json list = Json::array();
  for (const domain::Finding& finding : findings) {
    list.push_back({{"severity", std::string(Encode(kSeverityNames, finding.severity))},
                    {"reason", finding.reason},
                    {"object", finding.object},
                    {"owner", finding.owner},
                    {"message", finding.message},
                    {"postgres_message", finding.postgres_message},
                    {"remedy", finding.remedy}});
  }
  return Dump(list);
}

absl::Status DecodeFindings(absl::string_view text, std::vector<domain::Finding>& findings) {
  return DecodeItems(text, findings, ReadFinding);
}

std::string EncodeMissingRights(const std::vector<domain::MissingRight>& rights) {
  Json list = Json::array();
  for (const domain::MissingRight& right : rights) {
    list.push_back({{"right", right.right},
                    {"consequence", right.consequence},
                    {"remedy", right.remedy},
                    {"task_kinds", right.task_kinds}});
  }
  return Dump(list);
}

absl::Status DecodeMissingRights(absl::string_view text, std::vector<domain::MissingRight>& rights) {
  return DecodeItems(text, rights, ReadMissingRight);
}

absl::string_view EncodeEnum(domain::TenantState value) { return Encode(kTenantStateNames, value); }
absl::string_view EncodeEnum(domain::SuspendMode value) { return Encode(kSuspendModeNames, value); }
absl::string_view EncodeEnum(domain::LoginRole value) { return Encode(kLoginRoleNames, value); }
absl::string_view EncodeEnum(domain::OperationKind value) { return Encode(kOperationKindNames, value); }
absl::string_view EncodeEnum(domain::OperationState value) { return Encode(kOperationStateNames, value); }
absl::string_view EncodeEnum(domain::StepState value) { return Encode(kStepStateNames, value); }
absl::string_view EncodeEnum(domain::TaskKind value) { return Encode(kTaskKindNames, value); }
absl::string_view EncodeEnum(domain::Landing value) { return Encode(kLandingNames, value); }
absl::string_view EncodeEnum(domain::BackupState value) { return Encode(kBackupStateNames, value); }
absl::string_view EncodeEnum(domain::BackupOrigin value) { return Encode(kBackupOriginNames, value); }
absl::string_view EncodeEnum(domain::Role value) { return Encode(kRoleNames, value); }

absl::Status DecodeEnum(absl::string_view text, domain::TenantState& value) {
  return Decode(kTenantStateNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::SuspendMode& value) {
  return Decode(kSuspendModeNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::LoginRole& value) {
  return Decode(kLoginRoleNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::OperationKind& value) {
  return Decode(kOperationKindNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::OperationState& value) {
  return Decode(kOperationStateNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::StepState& value) {
  return Decode(kStepStateNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::TaskKind& value) {
  return Decode(kTaskKindNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::Landing& value) {
  return Decode(kLandingNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::BackupState& value) {
  return Decode(kBackupStateNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::BackupOrigin& value) {
  return Decode(kBackupOriginNames, text, value);
}
absl::Status DecodeEnum(absl::string_view text, domain::Role& value) {
  return Decode(kRoleNames, text, value);
}

}  // namespace croft::catalog
