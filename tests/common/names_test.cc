#include "common/names.h"

#include <string>

#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/ids.h"

namespace croft {
namespace {

TEST(Names, MakeAndParseAreInverse) {
  for (const char* id : {"a", "1042", "acme-shop", "6f1c1bd0-8f4e-4a1c-9b56-0d1f0c5b7a11"}) {
    EXPECT_EQ(*ParseTenantName(TenantName(id), "name"), id);
    EXPECT_EQ(*ParseHostName(HostName(id), "name"), id);
    EXPECT_EQ(*ParseOperationName(OperationName(id), "name"), id);
    EXPECT_EQ(ParseBackupName(BackupName(id, "b1"), "name")->tenant, id);
  }
}

TEST(Names, BadIdsAreRefusedByFieldName) {
  for (const std::string& id :
       {std::string(), std::string(64, 'a'), std::string("a\0b", 3), std::string("\xff"), std::string("'"),
        std::string("\\"), std::string("$$"), std::string("%"), std::string("../x"), std::string("a\n\\!"),
        std::string("x host=evil"), std::string("-a"), std::string("a-"), std::string("A"),
        std::string("a_b")}) {
    const absl::Status status = ParseTenantName(TenantName(id), "tenant.name").status();
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << id;
    EXPECT_EQ(DetailsOf(status).violations.front().field, "tenant.name");
    EXPECT_FALSE(CheckId(id, "tenant_id").ok());
  }
}

TEST(Names, SixtyThreeCharactersAreTheMost) {
  EXPECT_TRUE(CheckId(std::string(63, 'a'), "id").ok());
  EXPECT_FALSE(CheckId(std::string(64, 'a'), "id").ok());
}

TEST(Ids, DatabaseNamesStayBelowPostgresLimit) {
  const std::string owner = OwnerRoleName(std::string(63, 'a'), UidFrom(std::string(16, '\x7f')));
  EXPECT_LE(DatabaseName(owner, INT64_MAX).size() + sizeof("_f"), 63u);
}

}  // namespace
}  // namespace croft
