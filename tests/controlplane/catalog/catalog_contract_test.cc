#include "tests/contract/catalog_contract.h"

#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/common/sqlite/temporary_folder.h"
#include "tests/contract/catalog_reads_contract.h"
#include "tests/fakes/memory_catalog.h"

namespace croft::catalog {
namespace {

class SqliteHolder final : public CatalogHolder {
 public:
  SqliteHolder() : catalog_(*SqliteCatalog::Open(folder_.File("catalog.db"), {})) {}
  Catalog& catalog() override { return *catalog_; }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<SqliteCatalog> catalog_;
};

class MemoryHolder final : public CatalogHolder {
 public:
  Catalog& catalog() override { return catalog_; }

 private:
  MemoryCatalog catalog_;
};

INSTANTIATE_TEST_SUITE_P(
    Every, CatalogContract,
    ::testing::Values(CatalogFactory{"Sqlite", [] { return std::make_unique<SqliteHolder>(); }},
                      CatalogFactory{"Memory", [] { return std::make_unique<MemoryHolder>(); }}),
    [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace croft::catalog
