#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/digest.h"

namespace croft::agent {

// What has grants: kind (ACL or DEFAULT ACL), schema and tag. Of large objects each is one: in PostgreSQL 17 an entry
// covers many.
using GrantSubject = std::tuple<std::string, std::string, std::string>;

struct Grants {
  std::string object;                // as findings name it
  std::set<std::string> statements;  // `… GRANTED BY …` where another role granted it
  std::set<int32_t> entries;         // dump ids
};

// All grants of a dump, by what they are on.
[[nodiscard]] std::map<GrantSubject, Grants> GrantsOf(const DumpDigest& dump, const RoleNames& roles);

// Owners of the large objects of a dump, by OID.
[[nodiscard]] std::map<uint32_t, std::string> LargeObjectOwners(const DumpDigest& dump,
                                                                const RoleNames& roles);

}  // namespace croft::agent
