// Reads patterns of tables.

#include "common/table_pattern.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/errors.h"
#include "common/utf8.h"

namespace croft {
namespace {

constexpr size_t kLongestName = 63;

// Bytes of other alphabets are letters to PostgreSQL.
bool BeginsName(char c) { return absl::ascii_isalpha(c) || c == '_' || !absl::ascii_isascii(c); }
bool GoesOn(char c) { return BeginsName(c) || absl::ascii_isdigit(c) || c == '$'; }

// What is left to read of a pattern.
class Reader {
 public:
  explicit Reader(absl::string_view rest) : rest_(rest) {}

  bool AtEnd() const { return rest_.empty(); }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A name into `part`, which stays unset for `*`. False where there is neither.
  bool TakePart(std::optional<std::string>& part) {
    if (Take('*')) return true;
    part.emplace();
    return (Take('"') ? TakeQuoted(*part) : TakePlain(*part)) && !part->empty() &&
           part->size() <= kLongestName;
  }

 private:
  bool TakeQuoted(std::string& name) {
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (absl::ascii_iscntrl(c)) return false;
      if (c == '"' && !Take('"')) return true;
      name += c;
    }
    return false;
  }

  bool TakePlain(std::string& name) {
    if (rest_.empty() || !BeginsName(rest_.front())) return false;
    while (!rest_.empty() && GoesOn(rest_.front())) {
      name += absl::ascii_tolower(rest_.front());
      rest_.remove_prefix(1);
    }
    return true;
  }

  absl::string_view rest_;
};

absl::Status Invalid(absl::string_view text, absl::string_view field) {
  return InvalidField(
      field, absl::StrCat("must be SCHEMA.TABLE as SQL writes the two names, * standing for any name: "
                          "public.jobs, cache.* or \"Cache\".\"items.v2\"; it is ",
                          Presentable(text, 80)));
}

}  // namespace

bool TablePattern::Matches(absl::string_view of_schema, absl::string_view of_table) const {
  return (!schema || *schema == of_schema) && (!table || *table == of_table);
}

absl::StatusOr<TablePattern> ParseTablePattern(absl::string_view text, absl::string_view field) {
  TablePattern pattern;
  Reader reader(text);
  const bool read = IsUtf8(text) && reader.TakePart(pattern.schema) && reader.Take('.') &&
                    reader.TakePart(pattern.table) && reader.AtEnd();
  if (!read) return Invalid(text, field);
  if (!pattern.schema && !pattern.table)
    return InvalidField(field, "must name a schema or a table: *.* is everything");
  return pattern;
}

}  // namespace croft
