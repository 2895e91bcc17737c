#pragma once

#include <cstdlib>
#include <iostream>
#include <vector>

#include <absl/strings/string_view.h>

// Functions that take any bytes at all. Each ends the process when a property of the code it drives does not hold.
namespace croft::fuzz {

struct Target {
  absl::string_view name;
  void (*run)(absl::string_view bytes);
  int cost = 1;  // relative run time
};

[[nodiscard]] const std::vector<Target>& Targets();

void Requests(absl::string_view bytes);       // every request of the API, as bytes off the wire
void AgentMessages(absl::string_view bytes);  // what agents and control planes send each other
void Filters(absl::string_view bytes);
void PageTokens(absl::string_view bytes);
void Names(absl::string_view bytes);
void Connections(absl::string_view bytes);  // names and passwords through libpq's own parser and back
void Logins(absl::string_view bytes);       // the same through a real server: a login by what a lookup says
void Manifests(absl::string_view bytes);
void Archives(absl::string_view bytes);
void Dumps(absl::string_view bytes);  // in pg_dump's custom format
void Journals(absl::string_view bytes);
void Tokens(absl::string_view bytes);
void Certificates(absl::string_view bytes);
void Keyrings(absl::string_view bytes);

inline void Check(bool holds, absl::string_view property) {
  if (holds) return;
  std::cerr << "does not hold: " << property << "\n";
  std::abort();
}

}  // namespace croft::fuzz
