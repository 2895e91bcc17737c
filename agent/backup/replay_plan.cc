// Decides for each entry of a dump whether, when and how a restore runs it.

#include "agent/backup/replay_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>

#include "agent/dump_format/grants.h"
#include "agent/dump_format/object_name.h"
#include "agent/dump_format/scanner.h"

namespace croft::agent {
namespace {

// Entries about another object, which they name in their tag: `TABLE bookings`.
bool IsAbout(const TocEntry& entry) { return IsOneOf(entry.kind, {"ACL", "COMMENT", "SECURITY LABEL"}); }

// What the session and the task themselves see to.
bool IsFrame(const TocEntry& entry) {
  if (IsOneOf(entry.kind, {"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE", "DATABASE PROPERTIES"})) {
    return true;
  }
  return IsAbout(entry) && absl::StartsWith(entry.tag, "DATABASE ");
}

bool IsGrant(const TocEntry& entry) { return IsOneOf(entry.kind, {"ACL", "ACL LANGUAGE", "DEFAULT ACL"}); }

// The name that `tag` has behind the kind of its object; empty when it is of another kind.
absl::string_view TaggedName(const TocEntry& entry, absl::string_view kind) {
  absl::string_view tag = entry.tag;
  if (!IsAbout(entry) || !absl::ConsumePrefix(&tag, kind) || !absl::ConsumePrefix(&tag, " ")) return {};
  return tag;
}

class Planner {
 public:
  Planner(const Toc& toc, const ReplayRoles& roles, const std::map<std::string, ExtensionPlan>& extensions)
      : toc_(toc), roles_(roles), extensions_(extensions) {
    for (const TocEntry& entry : toc.entries) {
      if (entry.kind == "PUBLICATION TABLES IN SCHEMA") in_schema_.insert(PublicationOf(entry));
      if (entry.kind == "PUBLICATION" && IsForAllTables(entry)) in_schema_.insert(entry.tag);
    }
  }

  ReplayPlan Plan() {
    for (const TocEntry& entry : toc_.entries) Place(entry);
    plan_.drop_public = !has_public_;
    return std::move(plan_);
  }

 private:
  static bool IsForAllTables(const TocEntry& entry) {
    return absl::StartsWith(entry.definition,
                            absl::StrCat("CREATE PUBLICATION ", QuoteName(entry.tag), " FOR ALL TABLES"));
  }

  // `ALTER PUBLICATION "p" ADD TABLES IN SCHEMA "s";`, tagged with both names.
  static std::string PublicationOf(const TocEntry& entry) {
    absl::string_view rest = entry.definition;
    if (!absl::ConsumePrefix(&rest, "ALTER PUBLICATION \"")) return "";
    std::string name;
    while (!rest.empty()) {
      if (absl::ConsumePrefix(&rest, "\"\"")) {
        name += '"';
      } else if (rest.front() == '"') {
        break;
      } else {
        name += rest.front();
        rest.remove_prefix(1);
      }
    }
    return name;
  }

  void Place(const TocEntry& entry) {
    if (entry.schema == "public" || (entry.kind == "SCHEMA" && entry.tag == "public")) has_public_ = true;
    if (IsFrame(entry) || IsMade(entry)) return;
    if (LeaveOut(entry)) {
      plan_.left_out.push_back(&entry);
      return;
    }
    if (IsGrant(entry)) {
      plan_.grants.push_back(&entry);
    } else if (entry.kind == "MATERIALIZED VIEW DATA") {
      plan_.refreshes.push_back(&entry);
    } else if (IsData(entry)) {
      plan_.data.push_back(&entry);
      data_seen_ = true;
    } else if (entry.section == Section::kPostData || (data_seen_ && entry.section == Section::kNone)) {
      plan_.after_data.push_back(&entry);
    } else {
      plan_.before_data.push_back(&entry);
    }
  }

  static bool IsData(const TocEntry& entry) {
    // Makes the large objects that a later entry fills.
    if (entry.kind == "BLOB METADATA") return false;
    return entry.section == Section::kData ||
           IsOneOf(entry.kind, {"TABLE DATA", "BLOBS", "BLOB DATA", "SEQUENCE SET"});
  }

  void Say(Severity severity, absl::string_view reason, const TocEntry& entry, std::string message,
           std::string remedy = "") {
    plan_.findings.push_back({.severity = severity,
                              .reason = std::string(reason),
                              .object = ObjectName(entry),
                              .owner = entry.owner,
                              .message = std::move(message),
                              .remedy = std::move(remedy)});
  }

  // Whether the entry is not restored. Says so once for each object.
  bool LeaveOut(const TocEntry& entry) {
    return IsSuperusers(entry) || IsPublicationPart(entry) || IsExtensionPart(entry) || IsForeign(entry) ||
           IsOfMissing(entry);
  }

  bool IsSuperusers(const TocEntry& entry) {
    if (!TaggedName(entry, "EVENT TRIGGER").empty() || !TaggedName(entry, "SUBSCRIPTION").empty() ||
        entry.kind == "SUBSCRIPTION TABLE") {
      return true;
    }
    if (entry.kind == "EVENT TRIGGER" && entry.tag == kOwnEventTrigger) return true;
    if (entry.kind == "EVENT TRIGGER") {
      Say(Severity::kNote, "EVENT_TRIGGER_LEFT_OUT", entry,
          "Event triggers are not restored: only a superuser may make one.",
          "have a superuser make it again in the restored database");
      return true;
    }
    if (entry.kind == "SUBSCRIPTION") {
      Say(Severity::kNote, "SUBSCRIPTION_LEFT_OUT", entry,
          "Subscriptions are not restored: two databases must not read the same slot.",
          "make it again in the restored database when the old one no longer subscribes");
      return true;
    }
    if (entry.kind == "SECURITY LABEL") {
      Say(Severity::kNote, "SECURITY_LABEL_LEFT_OUT", entry, "Security labels are not restored.",
          "set it again in the restored database");
      return true;
    }
    return false;
  }

  bool IsPublicationPart(const TocEntry& entry) {
    if (entry.kind == "PUBLICATION" && in_schema_.count(entry.tag) > 0) {
      Say(Severity::kNote, "PUBLICATION_LEFT_OUT", entry,
          "Publications FOR ALL TABLES or FOR TABLES IN SCHEMA are not restored: only a superuser may make "
          "one.",
          "have a superuser make it again in the restored database");
      return true;
    }
    if (absl::StartsWith(entry.kind, "PUBLICATION TABLE"))
      return in_schema_.count(PublicationOf(entry)) > 0;
    const absl::string_view named = TaggedName(entry, "PUBLICATION");
    return !named.empty() &&
           (in_schema_.count(std::string(named)) > 0 || in_schema_.count(Unquoted(named)) > 0);
  }

  static std::string Unquoted(absl::string_view name) {
    if (name.size() < 2 || name.front() != '"' || name.back() != '"') return std::string(name);
    return absl::StrReplaceAll(name.substr(1, name.size() - 2), {{"\"\"", "\""}});
  }

  // Of an extension, or a comment on one; null: of none that is planned.
  const ExtensionPlan* PlanFor(const TocEntry& entry) const {
    const absl::string_view about = TaggedName(entry, "EXTENSION");
    const auto planned = extensions_.find(entry.kind == "EXTENSION" ? entry.tag : Unquoted(about));
    return planned == extensions_.end() ? nullptr : &planned->second;
  }

  bool IsMade(const TocEntry& entry) {
    const ExtensionPlan* plan = PlanFor(entry);
    if (plan == nullptr) return false;
    if (entry.kind == "EXTENSION" && !plan->finding.reason.empty()) plan_.findings.push_back(plan->finding);
    return plan->how == ExtensionPlan::How::kMade;
  }

  bool IsExtensionPart(const TocEntry& entry) const {
    const ExtensionPlan* plan = PlanFor(entry);
    return plan != nullptr && plan->how == ExtensionPlan::How::kNotPossible;
  }

  // Whoever owned it was neither the tenant nor one of its logins: those hand over what they own before a backup.
  bool IsForeign(const TocEntry& entry) {
    if (entry.owner.empty() || entry.owner == roles_.old_owner) return false;
    // What is said of an object has its owner's name, and so has its data.
    if (IsAbout(entry) || entry.has_data || entry.kind == "TABLE DATA") return ForeignPart(entry);
    if (entry.kind == "SCHEMA") {
      plan_.foreign_schema_owners.push_back(entry.owner);
      Say(Severity::kNote, "FOREIGN_OWNER", entry,
          absl::StrCat("The schema belongs to ", entry.owner, "; restored, it is the tenant's."),
          absl::StrCat("ALTER SCHEMA ", QuoteName(entry.tag), " OWNER TO ", QuoteName(roles_.old_owner),
                       ";"));
      return false;
    }
    if (entry.kind == "DEFAULT ACL") {
      Say(Severity::kNote, "FOREIGN_DEFAULT_PRIVILEGES", entry,
          absl::StrCat("Default privileges of ", entry.owner,
                       ", which is no role of the tenant's, are not restored."));
      return true;
    }
    foreign_.insert(entry.dump_id);
    Say(Severity::kMissing, "FOREIGN_OWNER", entry,
        absl::StrCat("It belongs to ", entry.owner,
                     ", which is no role of the tenant's, and is not restored."),
        absl::StrJoin(OwnershipChanges(entry), " "));
    return true;
  }

  // What gives the tenant the objects that the entry makes.
  std::vector<std::string> OwnershipChanges(const TocEntry& entry) const {
    const std::string to_tenant = absl::StrCat(" OWNER TO ", QuoteName(roles_.old_owner), ";");
    std::vector<std::string> changes;
    for (const uint32_t oid : LargeObjectsOf(entry)) {
      changes.push_back(absl::StrCat("ALTER LARGE OBJECT ", oid, to_tenant));
    }
    if (changes.empty()) changes.push_back(absl::StrCat("ALTER ", ObjectName(entry), to_tenant));
    return changes;
  }

  bool ForeignPart(const TocEntry& entry) const {
    return std::any_of(entry.dependencies.begin(), entry.dependencies.end(),
                       [&](int32_t id) { return foreign_.count(id) > 0; });
  }

  // Comments and data of what is left out.
  bool IsOfMissing(const TocEntry& entry) const { return IsAbout(entry) && ForeignPart(entry); }

  const Toc& toc_;
  const ReplayRoles& roles_;
  const std::map<std::string, ExtensionPlan>& extensions_;
  std::set<std::string> in_schema_;  // publications that only a superuser may make
  std::set<int32_t> foreign_;        // dump ids
  bool data_seen_ = false;
  bool has_public_ = false;
  ReplayPlan plan_;
};

}  // namespace

ReplayPlan PlanReplay(const Toc& toc, const ReplayRoles& roles,
                      const std::map<std::string, ExtensionPlan>& extensions) {
  return Planner(toc, roles, extensions).Plan();
}

}  // namespace croft::agent
