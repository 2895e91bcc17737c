// Reads files that declare tenants.

#include "tools/croftctl/declared.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <google/protobuf/util/message_differencer.h>
#include <nlohmann/json.hpp>

#include "common/closest.h"
#include "common/errors.h"
#include "common/names.h"
#include "tools/croftctl/exit_code.h"
#include "tools/croftctl/yaml_tree.h"

namespace croft::ctl {
namespace {

using Kind = YamlNode::Kind;
using google::protobuf::Value;

absl::Status ErrorAt(const YamlNode& node, absl::string_view what) {
  return UsageError(absl::StrCat("line ", node.line, ": ", what));
}

// Values by the kinds that fields have. `name` is what errors call them.

absl::StatusOr<std::string> TextOf(const YamlNode& node, absl::string_view name) {
  if (node.kind == Kind::kNull) return std::string();
  if (node.kind != Kind::kScalar) return ErrorAt(node, absl::StrCat(name, " must be text"));
  return node.text;
}

// Labels and aliases that look like something else are more likely a slip than meant.
absl::StatusOr<std::string> PlainTextOf(const YamlNode& node, absl::string_view name) {
  const bool other = node.kind != Kind::kScalar || (!node.quoted && node.text == "true") ||
                     (!node.quoted && node.text == "false");
  if (other) return ErrorAt(node, absl::StrCat(name, " must be text; put quotes around it"));
  return node.text;
}

absl::StatusOr<bool> BoolOf(const YamlNode& node, absl::string_view name) {
  if (node.kind == Kind::kNull) return false;
  if (node.kind == Kind::kScalar && !node.quoted && (node.text == "true" || node.text == "false"))
    return node.text == "true";
  return ErrorAt(node, absl::StrCat(name, " must be true or false"));
}

absl::StatusOr<int32_t> NumberOf(const YamlNode& node, absl::string_view name) {
  int32_t number = 0;
  if (node.kind == Kind::kScalar && !node.quoted && absl::SimpleAtoi(node.text, &number) && number > 0)
    return number;
  return ErrorAt(node, absl::StrCat(name, " must be a whole number of 1 or more"));
}

absl::StatusOr<std::vector<std::string>> TextsOf(const YamlNode& node, absl::string_view name) {
  std::vector<std::string> texts;
  if (node.kind == Kind::kNull) return texts;
  if (node.kind != Kind::kList) return ErrorAt(node, absl::StrCat(name, " must be a list"));
  for (const YamlNode& item : node.items) {
    CROFT_ASSIGN_OR_RETURN(texts.emplace_back(), PlainTextOf(item, absl::StrCat("what is in ", name)));
  }
  return texts;
}

absl::Status CheckMap(const YamlNode& node, absl::string_view name) {
  if (node.kind == Kind::kNull || node.kind == Kind::kMap) return absl::OkStatus();
  return ErrorAt(node, absl::StrCat(name, " must be a map"));
}

absl::StatusOr<Labels> LabelsOf(const YamlNode& node, absl::string_view name) {
  CROFT_RETURN_IF_ERROR(CheckMap(node, name));
  Labels labels;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    CROFT_ASSIGN_OR_RETURN(labels[node.keys[i]],
                           PlainTextOf(node.items[i], absl::StrCat(name, ".", node.keys[i])));
  }
  return labels;
}

Value ScalarOf(const YamlNode& node) {
  Value value;
  const bool plain = !node.quoted;
  if (double number = 0; plain && (node.text == "true" || node.text == "false")) {
    value.set_bool_value(node.text == "true");
  } else if (plain && nlohmann::json::accept(node.text) && absl::SimpleAtod(node.text, &number)) {
    value.set_number_value(number);
  } else {
    value.set_string_value(node.text);
  }
  return value;
}

Value ValueOf(const YamlNode& node) {
  Value value;
  switch (node.kind) {
    case Kind::kNull: value.set_null_value(google::protobuf::NULL_VALUE); break;
    case Kind::kScalar: return ScalarOf(node);
    case Kind::kList:
      value.mutable_list_value();
      for (const YamlNode& item : node.items) *value.mutable_list_value()->add_values() = ValueOf(item);
      break;
    case Kind::kMap:
      value.mutable_struct_value();
      for (size_t i = 0; i < node.keys.size(); ++i)
        (*value.mutable_struct_value()->mutable_fields())[node.keys[i]] = ValueOf(node.items[i]);
      break;
  }
  return value;
}

// Fields of a tenant.

absl::Status ReadDisplayName(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(*tenant.fields.mutable_display_name(), TextOf(node, field));
  return absl::OkStatus();
}

absl::Status ReadAliases(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> aliases, TextsOf(node, field));
  tenant.fields.mutable_aliases()->Assign(aliases.begin(), aliases.end());
  return absl::OkStatus();
}

absl::Status ReadLabels(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const Labels labels, LabelsOf(node, field));
  if (labels.count(kOwnerLabel) > 0)
    return ErrorAt(
        node, absl::StrCat("labels.", kOwnerLabel, " is set by apply to the file's owner; leave it out"));
  tenant.fields.mutable_labels()->insert(labels.begin(), labels.end());
  return absl::OkStatus();
}

absl::Status ReadExpireTime(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  if (node.kind == Kind::kNull) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const std::string text, TextOf(node, field));
  CROFT_ASSIGN_OR_RETURN(const absl::Time time,
                         ParseTime(text, absl::StrCat("line ", node.line, ": expireTime")));
  *tenant.fields.mutable_expire_time() = ToProto(time);
  return absl::OkStatus();
}

absl::Status ReadExtensions(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> extensions, TextsOf(node, field));
  tenant.fields.mutable_extensions()->Assign(extensions.begin(), extensions.end());
  return absl::OkStatus();
}

absl::Status ReadLocale(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(*tenant.fields.mutable_locale(), TextOf(node, field));
  return absl::OkStatus();
}

absl::Status ReadSettings(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_RETURN_IF_ERROR(CheckMap(node, field));
  *tenant.fields.mutable_settings() = ValueOf(node).struct_value();
  return absl::OkStatus();
}

absl::Status ReadFeatures(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_RETURN_IF_ERROR(CheckMap(node, field));
  for (size_t i = 0; i < node.keys.size(); ++i) {
    if (node.items[i].kind != Kind::kScalar)
      return ErrorAt(node.items[i],
                     absl::StrCat(field, ".", node.keys[i], " must be true, false, a number or text"));
    (*tenant.fields.mutable_features())[node.keys[i]] = ScalarOf(node.items[i]);
  }
  return absl::OkStatus();
}

absl::Status ReadDeleteProtection(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const bool on, BoolOf(node, field));
  tenant.fields.set_delete_protection(on);
  return absl::OkStatus();
}

absl::Status ReadConnections(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const int32_t most, NumberOf(node, field));
  tenant.fields.mutable_quota()->set_connections(most);
  return absl::OkStatus();
}

absl::Status ReadStorage(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  if (node.kind == Kind::kNull) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const std::string text, TextOf(node, field));
  CROFT_ASSIGN_OR_RETURN(const int64_t bytes,
                         ParseBytes(text, absl::StrCat("line ", node.line, ": ", field)));
  tenant.fields.mutable_quota()->set_storage_bytes(bytes);
  return absl::OkStatus();
}

// Nothing of a field without a value.
absl::StatusOr<std::optional<google::protobuf::Duration>> DurationOf(const YamlNode& node,
                                                                     absl::string_view field) {
  if (node.kind == Kind::kNull) return std::nullopt;
  CROFT_ASSIGN_OR_RETURN(const std::string text, TextOf(node, field));
  CROFT_ASSIGN_OR_RETURN(const absl::Duration duration,
                         ParseDuration(text, absl::StrCat("line ", node.line, ": ", field)));
  return ToProto(duration);
}

absl::Status ReadStatementTimeout(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const auto longest, DurationOf(node, field));
  if (longest) *tenant.fields.mutable_quota()->mutable_statement_timeout() = *longest;
  return absl::OkStatus();
}

// Fields of the policy, by the member of the message that sets them.
template <google::protobuf::Duration* (v1::BackupPolicy::*member)()>
absl::Status ReadPolicy(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  v1::BackupPolicy& policy = *tenant.fields.mutable_backup_policy();
  CROFT_ASSIGN_OR_RETURN(const auto duration, DurationOf(node, field));
  if (duration) *(policy.*member)() = *duration;
  return absl::OkStatus();
}

template <std::string* (v1::BackupPolicy::*member)()>
absl::Status ReadPolicy(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  v1::BackupPolicy& policy = *tenant.fields.mutable_backup_policy();
  CROFT_ASSIGN_OR_RETURN(*(policy.*member)(), TextOf(node, field));
  return absl::OkStatus();
}

template <void (v1::BackupPolicy::*member)(int32_t)>
absl::Status ReadPolicy(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  v1::BackupPolicy& policy = *tenant.fields.mutable_backup_policy();
  if (node.kind == Kind::kNull) return absl::OkStatus();
  CROFT_ASSIGN_OR_RETURN(const int32_t count, NumberOf(node, field));
  (policy.*member)(count);
  return absl::OkStatus();
}

absl::Status ReadCopyTo(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> stores, TextsOf(node, field));
  tenant.fields.mutable_backup_policy()->mutable_copy_to()->Assign(stores.begin(), stores.end());
  return absl::OkStatus();
}

absl::Status ReadProveOn(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const auto labels, LabelsOf(node, field));
  for (const auto& [key, value] : labels)
    (*tenant.fields.mutable_backup_policy()->mutable_prove_on())[key] = value;
  return absl::OkStatus();
}

absl::Status ReadSkipRows(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> patterns, TextsOf(node, field));
  tenant.fields.mutable_backup_policy()->mutable_skip_rows()->Assign(patterns.begin(), patterns.end());
  return absl::OkStatus();
}

absl::Status ReadOff(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(const std::vector<std::string> names, TextsOf(node, field));
  v1::BackupPolicy& policy = *tenant.fields.mutable_backup_policy();
  for (const std::string& name : names) {
    CROFT_ASSIGN_OR_RETURN(const auto part, ParseEnum<v1::BackupPart>("BACKUP_PART_", name, field));
    policy.add_off(part);
  }
  return absl::OkStatus();
}

absl::Status ReadHostSelector(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_ASSIGN_OR_RETURN(tenant.host_selector, LabelsOf(node, field));
  return absl::OkStatus();
}

// A field of the file.
struct Field {
  const char* key;
  const char* path;  // in an update mask; empty for one that is not compared
  // Into the tenant; the field is named as the file has it, for errors.
  absl::Status (*read)(const YamlNode&, absl::string_view field, DeclaredTenant&);
  bool fixed = false;
};

constexpr Field kQuotaFields[] = {
    {"connections", "quota.connections", ReadConnections},
    {"statementTimeout", "quota.statement_timeout", ReadStatementTimeout},
    {"storage", "quota.storage_bytes", ReadStorage},
};

constexpr Field kBackupPolicyFields[] = {
    {"copyTo", "backup_policy.copy_to", ReadCopyTo},
    {"every", "backup_policy.every", ReadPolicy<&v1::BackupPolicy::mutable_every>},
    {"cron", "backup_policy.cron", ReadPolicy<&v1::BackupPolicy::mutable_cron>},
    {"timeZone", "backup_policy.time_zone", ReadPolicy<&v1::BackupPolicy::mutable_time_zone>},
    {"window", "backup_policy.window", ReadPolicy<&v1::BackupPolicy::mutable_window>},
    {"jitter", "backup_policy.jitter", ReadPolicy<&v1::BackupPolicy::mutable_jitter>},
    {"keep", "backup_policy.keep", ReadPolicy<&v1::BackupPolicy::set_keep>},
    {"keepWithin", "backup_policy.keep_within", ReadPolicy<&v1::BackupPolicy::mutable_keep_within>},
    {"keepDaily", "backup_policy.keep_daily", ReadPolicy<&v1::BackupPolicy::set_keep_daily>},
    {"keepWeekly", "backup_policy.keep_weekly", ReadPolicy<&v1::BackupPolicy::set_keep_weekly>},
    {"keepMonthly", "backup_policy.keep_monthly", ReadPolicy<&v1::BackupPolicy::set_keep_monthly>},
    {"keepYearly", "backup_policy.keep_yearly", ReadPolicy<&v1::BackupPolicy::set_keep_yearly>},
    {"off", "backup_policy.off", ReadOff},
    {"proveEvery", "backup_policy.prove_every", ReadPolicy<&v1::BackupPolicy::mutable_prove_every>},
    {"proveOn", "backup_policy.prove_on", ReadProveOn},
    {"skipRows", "backup_policy.skip_rows", ReadSkipRows},
};

absl::Status ReadQuota(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant);
absl::Status ReadBackupPolicy(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant);

constexpr Field kFields[] = {
    {"displayName", "display_name", ReadDisplayName},
    {"aliases", "aliases", ReadAliases},
    {"labels", "labels", ReadLabels},
    {"expireTime", "expire_time", ReadExpireTime},
    {"settings", "settings", ReadSettings},
    {"features", "features", ReadFeatures},
    {"quota", "", ReadQuota},
    {"backupPolicy", "", ReadBackupPolicy},
    {"deleteProtection", "delete_protection", ReadDeleteProtection},
    {"extensions", "extensions", ReadExtensions, true},
    {"locale", "locale", ReadLocale, true},
    {"hostSelector", "", ReadHostSelector},
};

// Reads those of `fields` that `node` has; another key is an error.
template <size_t kCount>
absl::Status ReadFields(const YamlNode& node, const Field (&fields)[kCount], absl::string_view prefix,
                        DeclaredTenant& tenant) {
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const auto* field = std::find_if(std::begin(fields), std::end(fields),
                                     [&](const Field& one) { return node.keys[i] == one.key; });
    if (field == std::end(fields)) {
      std::vector<std::string> known;
      for (const Field& one : fields) known.emplace_back(one.key);
      return ErrorAt(node.items[i], absl::StrCat("there is no field ", prefix, node.keys[i],
                                                 DidYouMean(node.keys[i], known)));
    }
    CROFT_RETURN_IF_ERROR(field->read(node.items[i], absl::StrCat(prefix, field->key), tenant));
    if (*field->path != '\0') tenant.named.emplace_back(field->path);
  }
  return absl::OkStatus();
}

absl::Status ReadQuota(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_RETURN_IF_ERROR(CheckMap(node, field));
  return ReadFields(node, kQuotaFields, "quota.", tenant);
}

absl::Status ReadBackupPolicy(const YamlNode& node, absl::string_view field, DeclaredTenant& tenant) {
  CROFT_RETURN_IF_ERROR(CheckMap(node, field));
  return ReadFields(node, kBackupPolicyFields, "backupPolicy.", tenant);
}

absl::StatusOr<DeclaredTenant> ReadTenant(const std::string& id, const YamlNode& node) {
  DeclaredTenant tenant{.id = id, .line = node.line};
  if (absl::Status status = CheckId(id, "tenants"); !status.ok())
    return ErrorAt(node, absl::StrCat(id, " is no tenant's id: 1 to 63 of a-z, 0-9 and inner -"));
  CROFT_RETURN_IF_ERROR(CheckMap(node, absl::StrCat("tenant ", id)));
  absl::Status status = ReadFields(node, kFields, "", tenant);
  if (!status.ok()) return Annotate(status, absl::StrCat("tenant ", id));
  return tenant;
}

absl::StatusOr<Declared> ReadRoot(const YamlNode& root) {
  if (root.kind != Kind::kMap) return ErrorAt(root, "wants owner: and tenants:, each tenant by its id");
  Declared declared;
  const YamlNode* tenants = nullptr;
  for (size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i] == "owner") {
      CROFT_ASSIGN_OR_RETURN(declared.owner, PlainTextOf(root.items[i], "owner"));
    } else if (root.keys[i] == "tenants") {
      tenants = &root.items[i];
    } else {
      return ErrorAt(root.items[i], absl::StrCat("there is no ", root.keys[i],
                                                 DidYouMean(root.keys[i], {"owner", "tenants"})));
    }
  }
  if (declared.owner.empty() || tenants == nullptr)
    return ErrorAt(root, absl::StrCat("there is no ", declared.owner.empty() ? "owner" : "tenants",
                                      ": the file wants owner: and tenants:"));
  CROFT_RETURN_IF_ERROR(CheckMap(*tenants, "tenants"));
  for (size_t i = 0; i < tenants->keys.size(); ++i) {
    CROFT_ASSIGN_OR_RETURN(DeclaredTenant tenant, ReadTenant(tenants->keys[i], tenants->items[i]));
    (*tenant.fields.mutable_labels())[kOwnerLabel] = declared.owner;
    declared.tenants.push_back(std::move(tenant));
  }
  std::sort(declared.tenants.begin(), declared.tenants.end(),
            [](const DeclaredTenant& a, const DeclaredTenant& b) { return a.id < b.id; });
  return declared;
}

bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b, absl::string_view name) {
  google::protobuf::util::MessageDifferencer differencer;
  const auto* field = a.GetDescriptor()->FindFieldByName(std::string(name));
  // Those whose order means nothing.
  if (name == "aliases" || name == "extensions" || name == "skip_rows" || name == "off")
    differencer.TreatAsSet(field);
  return differencer.CompareWithFields(a, b, {field}, {field});
}

// The default is not shown.
absl::Duration JitterOf(const v1::BackupPolicy& policy) {
  return policy.has_jitter() ? FromProto(policy.jitter()) : absl::Minutes(10);
}

}  // namespace

absl::StatusOr<Declared> ParseDeclared(const std::string& text, absl::string_view path) {
  absl::StatusOr<YamlNode> root = ParseYaml(text);
  if (!root.ok()) return Annotate(root.status(), path);
  absl::StatusOr<Declared> declared = ReadRoot(*root);
  if (!declared.ok()) return Annotate(declared.status(), path);
  return declared;
}

bool SameField(const v1::Tenant& a, const v1::Tenant& b, absl::string_view field) {
  if (field == "backup_policy.jitter") return JitterOf(a.backup_policy()) == JitterOf(b.backup_policy());
  if (absl::ConsumePrefix(&field, "quota.")) return Same(a.quota(), b.quota(), field);
  if (absl::ConsumePrefix(&field, "backup_policy."))
    return Same(a.backup_policy(), b.backup_policy(), field);
  return Same(a, b, field);
}

bool IsFixed(absl::string_view field) {
  return std::any_of(std::begin(kFields), std::end(kFields),
                     [&](const Field& one) { return field == one.path && one.fixed; });
}

}  // namespace croft::ctl
