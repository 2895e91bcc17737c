#pragma once

#include <functional>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/errors.h"

namespace croft::wire {

// Texts that have broken something somewhere: each text field must refuse them or be made for them.
inline std::vector<std::string> BadTexts() {
  return {std::string(63, 'a'),
          std::string(64, 'a'),
          std::string("nul\0inside", 10),
          std::string("\0", 1),
          "invalid \xC3\x28 utf8",
          "\xED\xA0\x80",
          "\xF4\x90\x80\x80",
          "\xC0\xAF",
          "cut \xE2\x82",
          "'quoted'",
          "\"double\"",
          "back\\slash",
          "$$",
          "%s%n",
          "../../etc/passwd",
          "line\n\\! id",
          "tab\there",
          "x host=evil",
          "caf\xC3\xA9",
          "cafe\xCC\x81",
          "\xE2\x80\xA8separator",
          "\x7F",
          "template1",
          "postgres",
          "pg_x",
          "t_acme_aaaaaaaaaaaaaaaa_g2",
          "-inner",
          "inner-",
          "UPPER",
          "tenants/",
          "tenants/acme/backups/",
          "hosts/../h1",
          std::string(size_t{4} << 20U, 'x')};
}

// The fields that a refusal names.
inline std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : DetailsOf(status).violations) fields.push_back(violation.field);
  return fields;
}

using Allowed = std::function<bool(const std::string&)>;
inline Allowed Nothing() {
  return [](const std::string&) { return false; };
}
inline Allowed IdsOnly() {
  return [](const std::string& text) {
    return text == std::string(63, 'a') || text == "template1" || text == "postgres";
  };
}

// `parse` must refuse `base` with each bad text in the place that `set` puts it, naming `field`, unless
// `allowed` says that the text is good there.
template <typename Request, typename Parse, typename Set>
void ExpectBadTextsRefused(const Request& base, const std::string& field, Parse parse, Set set,
                           const Allowed& allowed = Nothing()) {
  ASSERT_TRUE(parse(base).ok()) << field << ": " << parse(base);
  for (const std::string& text : BadTexts()) {
    Request request = base;
    set(request, text);
    const absl::Status status = parse(request);
    const std::string shown = field + " = " + text.substr(0, 40);
    if (allowed(text)) {
      EXPECT_TRUE(status.ok()) << shown << ": " << status;
      continue;
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << shown;
    const std::vector<FieldViolation> violations = DetailsOf(status).violations;
    ASSERT_EQ(violations.size(), 1U) << shown << ": " << status;
    EXPECT_TRUE(absl::StartsWith(violations[0].field, field)) << shown << ": " << violations[0].field;
    // The longest names all fields that an update may.
    EXPECT_LT(status.message().size(), 500U) << "an error does not quote what it refuses";
  }
}

}  // namespace croft::wire
