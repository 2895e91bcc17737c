#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "agent/dump_format/definition.h"
#include "agent/dump_format/digest.h"

// The grants in a dump, by the object they are about.
namespace croft::agent {

// What has grants: kind (ACL or DEFAULT ACL), schema and tag. Of large objects each is one: in PostgreSQL 17 an entry
// covers many.
using GrantSubject = std::tuple<std::string, std::string, std::string>;

struct Grants {
  std::string object;                // as findings name it
  std::set<std::string> statements;  // `… GRANTED BY …` where another role granted it
  std::set<int32_t> entries;         // dump ids
};

// By dump id of an entry of grants: roles, by their names in the dump, whose grants were left out.
using LeftOutGrants = std::map<int32_t, std::set<std::string>>;

// All grants of a dump, by what they are on.
[[nodiscard]] std::map<GrantSubject, Grants> GrantsOf(const DumpDigest& dump, const RoleNames& roles,
                                                      const LeftOutGrants& left_out = {});

// The large objects that a BLOB or BLOB METADATA entry makes. Empty for other kinds.
[[nodiscard]] std::vector<uint32_t> LargeObjectsOf(const TocEntry& entry);

// The statements of an ACL or DEFAULT ACL entry, one by one. From PostgreSQL 17 on an entry holds those for the first of
// several large objects and stands for all of them: `objects`, which the entry that it depends on makes.
[[nodiscard]] std::vector<std::string> GrantStatements(const TocEntry& entry,
                                                       const std::vector<uint32_t>& objects);

// Owners of the large objects of a dump, by OID.
[[nodiscard]] std::map<uint32_t, std::string> LargeObjectOwners(const DumpDigest& dump,
                                                                const RoleNames& roles);

}  // namespace croft::agent
