#include "controlplane/metrics/tenant_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::metrics {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

TenantFigures Acme() {
  TenantFigures figures;
  figures.now = absl::FromUnixSeconds(10'000);
  figures.tenant.id = "acme";
  figures.tenant.uid = "aaaabbbbccccdddd";
  figures.tenant.state = domain::TenantState::kReady;
  figures.tenant.placement = {.host = "h1", .database = "t_acme_aaaabbbbccccdddd_g3", .generation = 3};
  figures.tenant.quota.connections = 40;
  return figures;
}

TEST(TenantPageTest, EverythingThatIsKnownIsTold) {
  TenantFigures figures = Acme();
  figures.tenant.quota.storage_bytes = 9000;
  figures.measure_time = figures.now - absl::Seconds(30);
  figures.size_bytes = 8000;
  figures.connections = 5;
  figures.transactions_per_second = 2.5;
  figures.day = {.commits = 1,
                 .rollbacks = 2,
                 .blocks_read = 3,
                 .blocks_hit = 4,
                 .rows_read = 5,
                 .rows_written = 6,
                 .deadlocks = 7,
                 .temporary_bytes = 8};
  figures.usable_backup = figures.now - absl::Seconds(60);
  figures.proven_backup = figures.now - absl::Seconds(90);
  const std::string page = WriteTenantPage(figures);
  for (const char* line : {"croft_tenant_state{state=\"READY\"} 1\n",
                           "croft_tenant_state{state=\"FAILED\"} 0\n",
                           "croft_tenant_info{host=\"h1\"} 1\n",
                           "croft_tenant_generation 3\n",
                           "croft_tenant_connections_limit 40\n",
                           "croft_tenant_storage_limit_bytes 9000\n",
                           "croft_tenant_size_bytes 8000\n",
                           "croft_tenant_connections 5\n",
                           "croft_tenant_transactions_per_second 2.5\n",
                           "croft_tenant_measure_age_seconds 30\n",
                           "croft_tenant_day_commits 1\n",
                           "croft_tenant_day_rollbacks 2\n",
                           "croft_tenant_day_blocks_read 3\n",
                           "croft_tenant_day_blocks_hit 4\n",
                           "croft_tenant_day_rows_read 5\n",
                           "croft_tenant_day_rows_written 6\n",
                           "croft_tenant_day_deadlocks 7\n",
                           "croft_tenant_day_temporary_bytes 8\n",
                           "croft_tenant_backup_age_seconds 60\n",
                           "croft_tenant_proven_backup_age_seconds 90\n"}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

// No figure names a tenant: whoever asked knows which it was.
TEST(TenantPageTest, NameIsNotInIt) {
  EXPECT_THAT(WriteTenantPage(Acme()), Not(AnyOf(HasSubstr("acme"), HasSubstr("aaaabbbbccccdddd"))));
}

TEST(TenantPageTest, WhatIsNotKnownIsLeftOut) {
  EXPECT_THAT(WriteTenantPage(Acme()),
              AllOf(Not(HasSubstr("croft_tenant_size")), Not(HasSubstr("croft_tenant_day")),
                    Not(HasSubstr("croft_tenant_connections ")), Not(HasSubstr("backup_age")),
                    Not(HasSubstr("storage_limit"))));
}

}  // namespace
}  // namespace croft::metrics
