// The table of the fields of a tenant that callers set.

#include "controlplane/wire/tenant_fields.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include "controlplane/domain/cron.h"
#include "controlplane/domain/schedule.h"
#include "controlplane/domain/storage.h"
#include "controlplane/wire/enums.h"
#include "controlplane/wire/fields.h"
#include "controlplane/wire/json.h"
#include "controlplane/wire/table_patterns.h"

namespace croft::wire {
namespace {

using domain::BackupTimes;
using domain::KeepRules;
using domain::Quota;
using domain::Storage;
using domain::Tenant;

constexpr size_t kLongestDisplayName = 128;
constexpr int64_t kMostConnections = 10000;
constexpr int64_t kMostBackupsKept = 1000;
constexpr int kMostCopies = 8;
constexpr size_t kMostProofLabels = 32;
// Of a policy's backups and proofs.
constexpr absl::Duration kShortestEvery = absl::Minutes(1);
constexpr absl::Duration kLongestBackupEvery = absl::Hours(24 * 31);
constexpr absl::Duration kLongestProveEvery = absl::Hours(24 * 366);
constexpr absl::Duration kLongestJitter = absl::Hours(24);
constexpr absl::Duration kLongestWithin = absl::Hours(24 * 3650);
constexpr size_t kLongestCron = 256;
// PostgreSQL counts milliseconds in 32 bits.
constexpr absl::Duration kLongestStatement = absl::Milliseconds(std::numeric_limits<int32_t>::max());

// --- Bounds of single fields. Each notes what is wrong under `field`.

int32_t ReadConnections(int64_t given, absl::string_view field, Violations& violations) {
  const int64_t connections = ParseInteger(given, 0, kMostConnections, field, violations);
  return connections > 0 ? static_cast<int32_t>(connections) : Quota().connections;
}

int64_t ReadStorageBytes(int64_t given, absl::string_view field, Violations& violations) {
  const int64_t bytes = ParseInteger(given, 0, std::numeric_limits<int64_t>::max(), field, violations);
  if (bytes > 0 && bytes < domain::kLeastStorageQuota) {
    violations.Add(field, absl::StrCat("must be at least ", domain::kLeastStorageQuota,
                                       " bytes, or 0 for none: a new database has about half of that"));
  }
  return bytes;
}

absl::Duration ReadStatementTimeout(const google::protobuf::Duration& given, absl::string_view field,
                                    Violations& violations) {
  const absl::Duration timeout = ParseDuration(given, kLongestStatement, field, violations);
  const absl::Duration whole = absl::Trunc(timeout, absl::Milliseconds(1));
  if (timeout != whole) violations.Add(field, "must be whole milliseconds");
  return whole;
}

absl::Duration ReadWholeSeconds(const google::protobuf::Duration& given, absl::Duration longest,
                                absl::string_view field, Violations& violations) {
  const absl::Duration span = ParseDuration(given, longest, field, violations);
  if (absl::Trunc(span, absl::Seconds(1)) != span) violations.Add(field, "must be whole seconds");
  return span;
}

// Zero where it is not given.
absl::Duration ReadEvery(const google::protobuf::Duration& given, absl::Duration longest,
                         absl::string_view field, Violations& violations) {
  const absl::Duration every = ReadWholeSeconds(given, longest, field, violations);
  if (every > absl::ZeroDuration() && every < kShortestEvery)
    violations.Add(field, "must be at least a minute, or 0 for never by itself");
  return every;
}

std::map<std::string, std::string> ReadProveOn(const v1::BackupPolicy& policy, absl::string_view field,
                                               Violations& violations) {
  std::map<std::string, std::string> labels = ParseLabels(policy.prove_on(), field, violations);
  if (labels.size() > kMostProofLabels)
    violations.Add(field, absl::StrCat("has at most ", kMostProofLabels, " labels"));
  return labels;
}

std::vector<std::string> ReadCopyTo(const v1::BackupPolicy& policy, absl::string_view field,
                                    Violations& violations) {
  if (policy.copy_to_size() > kMostCopies)
    violations.Add(field, absl::StrCat("must be at most ", kMostCopies, " stores"));
  std::vector<std::string> stores;
  for (const std::string& text : policy.copy_to()) {
    const std::string at = absl::StrCat(field, "[", stores.size(), "]");
    std::string store = ParseStore(text, at, violations);
    if (!store.empty() && std::find(stores.begin(), stores.end(), store) != stores.end())
      violations.Add(at, "is there twice");
    stores.push_back(std::move(store));
  }
  return stores;
}

std::set<domain::BackupPart> ReadOff(const v1::BackupPolicy& policy, absl::string_view field,
                                     Violations& violations) {
  std::set<domain::BackupPart> parts;
  for (const int given : policy.off()) {
    const std::optional<domain::BackupPart> part = BackupPartFrom(given);
    if (part) {
      parts.insert(*part);
    } else {
      violations.Add(field, "must name parts of a backup policy, such as BACKUP_PART_SCHEDULE");
    }
  }
  return parts;
}

// With one space between two fields.
std::string ReadCron(const std::string& text, absl::string_view field, Violations& violations) {
  if (text.empty()) return "";
  const absl::Status valid =
      text.size() > kLongestCron
          ? absl::InvalidArgumentError(absl::StrCat("must be at most ", kLongestCron, " characters"))
          : domain::Cron::Parse(text).status();
  if (!valid.ok()) violations.Add(field, valid.message());
  return valid.ok() ? absl::StrJoin(absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty()), " ")
                    : "";
}

std::string ReadTimeZone(const std::string& name, absl::string_view field, Violations& violations) {
  if (domain::FindZone(name)) return name;
  violations.Add(
      field, "must be a zone of the IANA database on the control plane's machine, such as Europe/Berlin");
  return "";
}

std::string ReadWindow(const std::string& window, absl::string_view field, Violations& violations) {
  if (window.empty() || domain::ParseWindow(window)) return window;
  violations.Add(field, "must be HH:MM-HH:MM, such as 22:00-05:00");
  return "";
}

// --- The table.

template <auto... members>
using ValueAt = std::remove_cvref_t<decltype(domain::Follow(std::declval<Tenant&>(), members...))>;

// A field, to which the members lead. `path` is its name in the API and in an update's mask: `FIELD`, or `FIELD.PART` of a
// message that kMessages names.
template <auto... members>
struct Row {
  const char* path;
  // Whether an update without a mask means it. Not asked of parts.
  bool (*is_set)(const v1::Tenant& proto) = nullptr;
  ValueAt<members...> (*read)(const v1::Tenant& proto, absl::string_view field, Violations& violations);
  void (*show)(const ValueAt<members...>& value, v1::Tenant& proto);
  // Why an update may not name it; nullptr: it may.
  const char* fixed = nullptr;
};

struct Message {
  absl::string_view path;
  bool (*is_set)(const v1::Tenant& proto);
};

constexpr Message kMessages[] = {
    {"quota", [](const v1::Tenant& proto) { return proto.has_quota(); }},
    {"backup_policy", [](const v1::Tenant& proto) { return proto.has_backup_policy(); }},
};

// How many backups a rule of the policy keeps.
using GetCount = int32_t (v1::BackupPolicy::*)() const;
using SetCount = void (v1::BackupPolicy::*)(int32_t);
template <GetCount kGet, SetCount kSet, auto... members>
constexpr Row<members...> KeptRow(const char* path) {
  return {.path = path,
          .read =
              [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
                return static_cast<int32_t>(
                    ParseInteger((proto.backup_policy().*kGet)(), 0, kMostBackupsKept, field, violations));
              },
          .show = [](const int32_t& count,
                     v1::Tenant& proto) { (proto.mutable_backup_policy()->*kSet)(count); }};
}

constexpr std::tuple kRows{
    Row<&Tenant::display_name>{
        .path = "display_name",
        .is_set = [](const v1::Tenant& proto) { return !proto.display_name().empty(); },
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ParseText(proto.display_name(), kLongestDisplayName, field, violations);
            },
        .show = [](const std::string& name, v1::Tenant& proto) { proto.set_display_name(name); }},
    Row<&Tenant::aliases>{
        .path = "aliases",
        .is_set = [](const v1::Tenant& proto) { return !proto.aliases().empty(); },
        .read = [](const v1::Tenant& proto, absl::string_view field,
                   Violations& violations) { return ParseAliases(proto.aliases(), field, violations); },
        .show = [](const std::vector<std::string>& aliases,
                   v1::Tenant& proto) { proto.mutable_aliases()->Assign(aliases.begin(), aliases.end()); }},
    Row<&Tenant::labels>{
        .path = "labels",
        .is_set = [](const v1::Tenant& proto) { return !proto.labels().empty(); },
        .read = [](const v1::Tenant& proto, absl::string_view field,
                   Violations& violations) { return ParseLabels(proto.labels(), field, violations); },
        .show =
            [](const std::map<std::string, std::string>& labels, v1::Tenant& proto) {
              for (const auto& [key, value] : labels) (*proto.mutable_labels())[key] = value;
            }},
    Row<&Tenant::expire_time>{.path = "expire_time",
                              .is_set = [](const v1::Tenant& proto) { return proto.has_expire_time(); },
                              .read = [](const v1::Tenant& proto, absl::string_view field,
                                         Violations& violations) -> std::optional<absl::Time> {
                                if (!proto.has_expire_time()) return std::nullopt;
                                return ParseTime(proto.expire_time(), field, violations);
                              },
                              .show =
                                  [](const std::optional<absl::Time>& time, v1::Tenant& proto) {
                                    if (time) *proto.mutable_expire_time() = ToProto(*time);
                                  }},
    Row<&Tenant::extensions>{
        .path = "extensions",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ParseExtensions(proto.extensions(), field, violations);
            },
        .show =
            [](const std::vector<std::string>& extensions, v1::Tenant& proto) {
              proto.mutable_extensions()->Assign(extensions.begin(), extensions.end());
            },
        .fixed = "is fixed at creation"},
    Row<&Tenant::locale>{
        .path = "locale",
        .read = [](const v1::Tenant& proto, absl::string_view field,
                   Violations& violations) { return ParseLocale(proto.locale(), field, violations); },
        .show = [](const std::string& locale, v1::Tenant& proto) { proto.set_locale(locale); },
        .fixed = "is fixed at creation"},
    Row<&Tenant::settings>{
        .path = "settings",
        .is_set = [](const v1::Tenant& proto) { return proto.has_settings(); },
        .read = [](const v1::Tenant& proto, absl::string_view field,
                   Violations& violations) { return ParseSettings(proto.settings(), field, violations); },
        .show =
            [](const std::string& settings, v1::Tenant& proto) {
              if (!settings.empty()) *proto.mutable_settings() = SettingsToProto(settings);
            }},
    Row<&Tenant::features>{
        .path = "features",
        .is_set = [](const v1::Tenant& proto) { return !proto.features().empty(); },
        .read = [](const v1::Tenant& proto, absl::string_view field,
                   Violations& violations) { return ParseFeatures(proto.features(), field, violations); },
        .show =
            [](const std::string& features, v1::Tenant& proto) {
              if (!features.empty()) *proto.mutable_features() = FeaturesToProto(features);
            }},
    Row<&Tenant::quota, &Quota::connections>{
        .path = "quota.connections",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadConnections(proto.quota().connections(), field, violations);
            },
        .show = [](const int32_t& connections,
                   v1::Tenant& proto) { proto.mutable_quota()->set_connections(connections); }},
    Row<&Tenant::quota, &Quota::storage_bytes>{
        .path = "quota.storage_bytes",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadStorageBytes(proto.quota().storage_bytes(), field, violations);
            },
        .show = [](const int64_t& bytes,
                   v1::Tenant& proto) { proto.mutable_quota()->set_storage_bytes(bytes); }},
    Row<&Tenant::quota, &Quota::statement_timeout>{
        .path = "quota.statement_timeout",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadStatementTimeout(proto.quota().statement_timeout(), field, violations);
            },
        .show =
            [](const absl::Duration& timeout, v1::Tenant& proto) {
              if (timeout > absl::ZeroDuration())
                *proto.mutable_quota()->mutable_statement_timeout() = ToProto(timeout);
            }},
    KeptRow<&v1::BackupPolicy::keep, &v1::BackupPolicy::set_keep, &Tenant::backups_kept>(
        "backup_policy.keep"),
    KeptRow<&v1::BackupPolicy::keep_daily, &v1::BackupPolicy::set_keep_daily, &Tenant::keep,
            &KeepRules::daily>("backup_policy.keep_daily"),
    KeptRow<&v1::BackupPolicy::keep_weekly, &v1::BackupPolicy::set_keep_weekly, &Tenant::keep,
            &KeepRules::weekly>("backup_policy.keep_weekly"),
    KeptRow<&v1::BackupPolicy::keep_monthly, &v1::BackupPolicy::set_keep_monthly, &Tenant::keep,
            &KeepRules::monthly>("backup_policy.keep_monthly"),
    KeptRow<&v1::BackupPolicy::keep_yearly, &v1::BackupPolicy::set_keep_yearly, &Tenant::keep,
            &KeepRules::yearly>("backup_policy.keep_yearly"),
    Row<&Tenant::keep, &KeepRules::within>{
        .path = "backup_policy.keep_within",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadWholeSeconds(proto.backup_policy().keep_within(), kLongestWithin, field,
                                      violations);
            },
        .show =
            [](const absl::Duration& within, v1::Tenant& proto) {
              if (within > absl::ZeroDuration())
                *proto.mutable_backup_policy()->mutable_keep_within() = ToProto(within);
            }},
    Row<&Tenant::backup_times, &BackupTimes::cron>{
        .path = "backup_policy.cron",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadCron(proto.backup_policy().cron(), field, violations);
            },
        .show = [](const std::string& cron,
                   v1::Tenant& proto) { proto.mutable_backup_policy()->set_cron(cron); }},
    Row<&Tenant::backup_times, &BackupTimes::time_zone>{
        .path = "backup_policy.time_zone",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadTimeZone(proto.backup_policy().time_zone(), field, violations);
            },
        .show = [](const std::string& zone,
                   v1::Tenant& proto) { proto.mutable_backup_policy()->set_time_zone(zone); }},
    Row<&Tenant::backup_times, &BackupTimes::window>{
        .path = "backup_policy.window",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadWindow(proto.backup_policy().window(), field, violations);
            },
        .show = [](const std::string& window,
                   v1::Tenant& proto) { proto.mutable_backup_policy()->set_window(window); }},
    Row<&Tenant::backup_times, &BackupTimes::jitter>{
        .path = "backup_policy.jitter",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              if (!proto.backup_policy().has_jitter()) return domain::kDefaultBackupJitter;
              return ReadWholeSeconds(proto.backup_policy().jitter(), kLongestJitter, field, violations);
            },
        .show =
            [](const absl::Duration& jitter, v1::Tenant& proto) {
              if (jitter != domain::kDefaultBackupJitter)
                *proto.mutable_backup_policy()->mutable_jitter() = ToProto(jitter);
            }},
    Row<&Tenant::backup_every>{
        .path = "backup_policy.every",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadEvery(proto.backup_policy().every(), kLongestBackupEvery, field, violations);
            },
        .show =
            [](const absl::Duration& every, v1::Tenant& proto) {
              if (every > absl::ZeroDuration())
                *proto.mutable_backup_policy()->mutable_every() = ToProto(every);
            }},
    Row<&Tenant::prove_every>{
        .path = "backup_policy.prove_every",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadEvery(proto.backup_policy().prove_every(), kLongestProveEvery, field, violations);
            },
        .show =
            [](const absl::Duration& every, v1::Tenant& proto) {
              if (every > absl::ZeroDuration())
                *proto.mutable_backup_policy()->mutable_prove_every() = ToProto(every);
            }},
    Row<&Tenant::prove_on>{
        .path = "backup_policy.prove_on",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ReadProveOn(proto.backup_policy(), field, violations);
            },
        .show =
            [](const std::map<std::string, std::string>& labels, v1::Tenant& proto) {
              for (const auto& [key, value] : labels)
                (*proto.mutable_backup_policy()->mutable_prove_on())[key] = value;
            }},
    Row<&Tenant::copy_to>{
        .path = "backup_policy.copy_to",
        .read = [](const v1::Tenant& proto, absl::string_view field,
                   Violations& violations) { return ReadCopyTo(proto.backup_policy(), field, violations); },
        .show =
            [](const std::vector<std::string>& stores, v1::Tenant& proto) {
              proto.mutable_backup_policy()->mutable_copy_to()->Assign(stores.begin(), stores.end());
            }},
    Row<&Tenant::backup_off>{
        .path = "backup_policy.off",
        .read = [](const v1::Tenant& proto, absl::string_view field,
                   Violations& violations) { return ReadOff(proto.backup_policy(), field, violations); },
        .show =
            [](const std::set<domain::BackupPart>& parts, v1::Tenant& proto) {
              for (const domain::BackupPart part : parts)
                proto.mutable_backup_policy()->add_off(ToProto(part));
            }},
    Row<&Tenant::skip_rows>{
        .path = "backup_policy.skip_rows",
        .read =
            [](const v1::Tenant& proto, absl::string_view field, Violations& violations) {
              return ParseTablePatterns(proto.backup_policy().skip_rows(), field, violations);
            },
        .show =
            [](const std::vector<std::string>& patterns, v1::Tenant& proto) {
              proto.mutable_backup_policy()->mutable_skip_rows()->Assign(patterns.begin(), patterns.end());
            }},
    Row<&Tenant::delete_protection>{
        .path = "delete_protection",
        .is_set = [](const v1::Tenant& proto) { return proto.delete_protection(); },
        .read = [](const v1::Tenant& proto, absl::string_view,
                   Violations&) { return proto.delete_protection(); },
        .show = [](const bool& on, v1::Tenant& proto) { proto.set_delete_protection(on); }},
    Row<&Tenant::storage, &Storage::grace_time>{
        .path = "storage_grace_time",
        .is_set = [](const v1::Tenant& proto) { return proto.has_storage_grace_time(); },
        .read = [](const v1::Tenant& proto, absl::string_view field,
                   Violations& violations) -> std::optional<absl::Time> {
          if (!proto.has_storage_grace_time()) return std::nullopt;
          return ParseTime(proto.storage_grace_time(), field, violations);
        },
        .show =
            [](const std::optional<absl::Time>& time, v1::Tenant& proto) {
              if (time) *proto.mutable_storage_grace_time() = ToProto(*time);
            }},
};

template <typename Visit>
void ForEachRow(Visit visit) {
  std::apply([&](const auto&... row) { (visit(row), ...); }, kRows);
}

std::string FieldOf(absl::string_view path) { return absl::StrCat("tenant.", path); }

// The message that the field is a part of, or nullptr.
const Message* MessageOf(absl::string_view path) {
  for (const Message& message : kMessages) {
    if (absl::StartsWith(path, absl::StrCat(message.path, "."))) return &message;
  }
  return nullptr;
}

// --- Single keys of maps.

void NameLabels(const v1::Tenant& proto, domain::TenantUpdate& update, Violations& violations,
                MaskReader& mask) {
  mask.Keys("labels", [&](const std::string& key) {
    const auto found = proto.labels().find(key);
    auto& edit = update.label_edits[key];
    if (found == proto.labels().end()) return;
    if (!IsLabelValue(found->second)) {
      violations.Add(absl::StrCat("tenant.labels.", key),
                     "must be at most 63 characters A-Z, a-z, 0-9, ., _ and -");
    }
    edit = found->second;
  });
}

void NameSettings(const v1::Tenant& proto, domain::TenantUpdate& update, Violations& violations,
                  MaskReader& mask) {
  mask.Keys("settings", [&](const std::string& key) {
    const auto found = proto.settings().fields().find(key);
    auto& edit = update.settings_edits[key];
    if (found == proto.settings().fields().end()) return;
    edit = ParseSetting(found->second, absl::StrCat("tenant.settings.", key), violations);
  });
}

void NameFeatures(const v1::Tenant& proto, domain::TenantUpdate& update, Violations& violations,
                  MaskReader& mask) {
  mask.Keys("features", [&](const std::string& key) {
    const auto found = proto.features().find(key);
    auto& edit = update.feature_edits[key];
    if (found == proto.features().end()) return;
    edit = ParseFeature(found->second, absl::StrCat("tenant.features.", key), violations);
  });
}

}  // namespace

void ReadTenantFields(const v1::Tenant& proto, domain::Tenant& tenant, Violations& violations) {
  ForEachRow([&]<auto... members>(const Row<members...>& row) {
    domain::Follow(tenant, members...) = row.read(proto, FieldOf(row.path), violations);
  });
}

void NameTenantFields(const v1::Tenant& proto, domain::TenantUpdate& update, Violations& violations,
                      MaskReader& mask) {
  std::map<absl::string_view, std::vector<MaskReader::Take>> parts;
  ForEachRow([&]<auto... members>(const Row<members...>& row) {
    if (row.fixed != nullptr) return mask.Fixed(row.path, row.fixed);
    const auto take = [&] { update.Set<members...>() = row.read(proto, FieldOf(row.path), violations); };
    const Message* message = MessageOf(row.path);
    if (message == nullptr) return mask.Field(row.path, row.is_set(proto), take);
    mask.Part(row.path, take);
    parts[message->path].push_back(take);
  });
  for (const Message& message : kMessages) {
    mask.Field(std::string(message.path), message.is_set(proto), [takes = parts[message.path]] {
      for (const MaskReader::Take& take : takes) take();
    });
  }
  NameLabels(proto, update, violations, mask);
  NameSettings(proto, update, violations, mask);
  NameFeatures(proto, update, violations, mask);
}

void NamePolicyFields(const v1::Tenant& holder, domain::TenantUpdate& update, Violations& violations,
                      MaskReader& mask) {
  std::vector<MaskReader::Take> takes;
  ForEachRow([&]<auto... members>(const Row<members...>& row) {
    absl::string_view path = row.path;
    if (!absl::ConsumePrefix(&path, "backup_policy.")) return;
    const std::string part = absl::StrCat("rules.", path);
    takes.push_back([&holder, &update, &violations, &row, part] {
      update.Set<members...>() = row.read(holder, absl::StrCat("policy.", part), violations);
    });
    mask.Part(part, takes.back());
  });
  mask.Field("rules", holder.has_backup_policy(), [takes] {
    for (const MaskReader::Take& take : takes) take();
  });
}

void ShowTenantFields(const domain::Tenant& tenant, v1::Tenant& proto) {
  ForEachRow([&]<auto... members>(const Row<members...>& row) {
    row.show(domain::Follow(tenant, members...), proto);
  });
}

}  // namespace croft::wire
