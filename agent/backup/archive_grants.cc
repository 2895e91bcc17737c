#include "agent/backup/archive_grants.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>

namespace croft::agent {
namespace {

bool IsGrant(absl::string_view statement) {
  return absl::StartsWith(statement, "GRANT ") || absl::StartsWith(statement, "REVOKE ") ||
         absl::StartsWith(statement, "ALTER DEFAULT PRIVILEGES ");
}

// What stands before a role's name in the three statements.
bool NamesRoleNext(absl::string_view word) {
  return word == "TO" || word == "FROM" || word == "ROLE" || word == "BY";
}

class GrantReader {
 public:
  GrantReader(absl::string_view script, const std::map<std::string, std::string>& new_names)
      : rest_(script), new_names_(new_names) {}

  std::vector<GrantStatement> Read() {
    while (!rest_.empty()) {
      if (absl::ConsumePrefix(&rest_, "--")) {
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.front() == '"') {
        TakeIdentifier();
      } else if (rest_.front() == ';') {
        EndStatement();
      } else {
        TakeCharacter();
      }
    }
    return std::move(statements_);
  }

 private:
  void TakeCharacter() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    statement_ += c;
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
      if (!word_.empty()) last_word_ = std::exchange(word_, "");
      return;
    }
    word_ += c;
    if (word_ == "PUBLIC") grantee_.clear();
  }

  void TakeIdentifier() {
    rest_.remove_prefix(1);
    std::string name;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c != '"') {
        name += c;
      } else if (!absl::ConsumePrefix(&rest_, "\"")) {
        break;
      } else {
        name += '"';
      }
    }
    if (NamesRoleNext(last_word_)) {
      if (const auto renamed = new_names_.find(name); renamed != new_names_.end()) name = renamed->second;
      grantee_ = name;
    }
    absl::StrAppend(&statement_, "\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
    last_word_.clear();
    word_.clear();
  }

  void EndStatement() {
    rest_.remove_prefix(1);
    const absl::string_view text = absl::StripAsciiWhitespace(statement_);
    if (IsGrant(text)) statements_.push_back({std::string(text), grantee_});
    statement_.clear();
    grantee_.clear();
    word_.clear();
    last_word_.clear();
  }

  absl::string_view rest_;
  const std::map<std::string, std::string>& new_names_;
  std::vector<GrantStatement> statements_;
  std::string statement_;
  std::string grantee_;
  std::string word_;       // being read
  std::string last_word_;  // before it
};

}  // namespace

std::vector<GrantStatement> ReadGrants(absl::string_view script,
                                       const std::map<std::string, std::string>& new_names) {
  return GrantReader(script, new_names).Read();
}

}  // namespace croft::agent
