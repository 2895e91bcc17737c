#include <rapidcheck.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "tests/common/sqlite/temporary_folder.h"
#include "tests/contract/catalog_samples.h"
#include "tests/controlplane/catalog/generators.h"
#include "tests/fakes/memory_catalog.h"

// Whatever is put comes back equal. Generators name every member by structured binding, so that a member that is
// added to a type does not compile here until it is generated, and does not pass until it is stored.
namespace croft::catalog {
namespace {

domain::Credential SomeCredential() {
  domain::Credential made;
  auto& [login, role, sealed_password, verifier, create_time, published, disable_time] = made;
  login = Text();
  role = One(domain::LoginRole::kReadOnly);
  sealed_password = Text();
  verifier = Text();
  create_time = Moment();
  published = Flag();
  disable_time = Maybe(Moment);
  return made;
}

domain::MissingRight SomeMissingRight() {
  domain::MissingRight made;
  auto& [right, consequence, remedy, task_kinds] = made;
  right = Utf8();
  consequence = Utf8();
  remedy = Utf8();
  task_kinds = Several(Utf8);
  return made;
}

domain::Tenant SomeTenant(const std::string& with_id) {
  domain::Tenant made;
  auto& [id, uid, create_time, update_time, version, delete_time, purge_time, expire_time, display_name,
         aliases, labels, extensions, locale, settings, features, quota, backups_kept, keep, backup_every,
         backup_times, prove_every, skip_rows, prove_on, copy_to, backup_off, state, suspend_mode,
         state_before_retire, placement, owner_role, reader_role, credentials, order, last_generation,
         fence_time, last_backup, current_operation, create_operation, unconfirmed, delete_protection,
         final_backup_failure, purge_parked, storage, kept_databases, last_proof] = made;
  auto& [proof_backup, proof_time, proof_host, proof_outcome, proof_caller] = last_proof;
  auto& [level, closed, size_bytes, grace_time] = storage;
  auto& [host, database, generation] = placement;
  id = with_id;
  uid = absl::StrCat(with_id, Text());
  create_time = Moment();
  update_time = Moment();
  version = Large();
  delete_time = Maybe(Moment);
  purge_time = Maybe(Moment);
  expire_time = Maybe(Moment);
  display_name = Text();
  for (const std::string& alias : Several(Utf8)) aliases.push_back(absl::StrCat(with_id, ".", alias));
  labels = SomeLabels();
  extensions = Several(Utf8);
  locale = Text();
  settings = Text();
  features = Text();
  quota = SomeQuota();
  backups_kept = Small();
  keep = {Span(), Small(), Small(), Small(), Small()};
  backup_every = Span();
  backup_times = {Text(), Text(), Text(), Span()};
  prove_every = Span();
  skip_rows = Several(Utf8);
  prove_on = SomeLabels();
  copy_to = Several(Utf8);
  for (int i = 0; i < 3; ++i) backup_off.insert(One(domain::BackupPart::kSkippedRows));
  state = One(domain::TenantState::kPurged);
  suspend_mode = One(domain::SuspendMode::kReadOnly);
  state_before_retire = One(domain::TenantState::kPurged);
  host = Text();
  database = Text();
  generation = Large();
  owner_role = Text();
  reader_role = Text();
  credentials = Several(SomeCredential);
  order = Large();
  last_generation = Large();
  fence_time = Maybe(Moment);
  last_backup = Text();
  current_operation = Text();
  create_operation = Text();
  unconfirmed = Flag();
  delete_protection = Flag();
  final_backup_failure = Text();
  purge_parked = Flag();
  level = One(domain::StorageLevel::kFull);
  closed = Flag();
  size_bytes = Large();
  grace_time = Maybe(Moment);
  kept_databases = Several(SomeKeptDatabase);
  proof_backup = Text();
  proof_time = Maybe(Moment);
  proof_host = Text();
  proof_outcome = Text();
  proof_caller = Text();
  return made;
}

domain::HostReport SomeReport() {
  domain::HostReport made;
  auto& [agent_version, postgres_up, postgres_version, system_identifier, timeline, advertise_endpoints,
         free_bytes, stores, store_names, tls, root_certificate, problem, task_kinds, free_bytes_unknown,
         managed, max_connections, missing_rights] = made;
  agent_version = Text();
  postgres_up = Flag();
  postgres_version = Text();
  system_identifier = Text();
  timeline = Large();
  advertise_endpoints = Several(Utf8);
  free_bytes = Large();
  stores = Several(Utf8);
  store_names = SomeLabels();
  tls = Flag();
  root_certificate = Text();
  problem = Text();
  task_kinds = Several(Utf8);
  free_bytes_unknown = Flag();
  managed = Flag();
  max_connections = Small();
  missing_rights = Several(SomeMissingRight);
  return made;
}

domain::Host SomeHost(const std::string& with_id) {
  domain::Host made;
  auto& [id, uid, create_time, update_time, version, labels, limits, cordoned, missing,
         certificate_fingerprint, previous_fingerprint, join_secret_hash, join_expire_time, server_names,
         up, awaited, unconfirmed, last_seen_time, report, accepted_system_identifier, databases_reserved,
         connections_reserved] = made;
  auto& [databases, connections, reserve_bytes] = limits;
  id = with_id;
  uid = Text();
  create_time = Moment();
  update_time = Moment();
  version = Large();
  labels = SomeLabels();
  databases = Small();
  connections = Small();
  reserve_bytes = Large();
  cordoned = Flag();
  missing = Flag();
  certificate_fingerprint = Text();
  previous_fingerprint = Text();
  join_secret_hash = Text();
  join_expire_time = Maybe(Moment);
  server_names = Several(Utf8);
  up = Flag();
  awaited = Flag();
  unconfirmed = Flag();
  last_seen_time = Maybe(Moment);
  report = SomeReport();
  accepted_system_identifier = Text();
  databases_reserved = Small();
  connections_reserved = Small();
  return made;
}

domain::BackupCopy SomeCopy() {
  domain::BackupCopy made;
  auto& [store, store_name, state, create_time, copy_time, verify_time, failures, retry_time, failure] =
      made;
  store = Utf8();
  store_name = Utf8();
  state = One(domain::BackupState::kDamaged);
  create_time = Moment();
  copy_time = Maybe(Moment);
  verify_time = Maybe(Moment);
  failures = Small();
  retry_time = Moment();
  failure = Utf8();
  return made;
}

domain::Backup SomeBackup(const std::string& with_tenant, const std::string& with_id) {
  domain::Backup made;
  auto& [tenant, id, tenant_uid, create_time, update_time, version, state, origin, store, size_bytes,
         sha256, generation, server_version, table_count, row_count, verify_time, wrapped_key, findings,
         proof_findings, given_name, note, hold, database_bytes, restore_duration, copies] = made;
  tenant = with_tenant;
  id = with_id;
  tenant_uid = Text();
  create_time = Moment();
  update_time = Moment();
  version = Large();
  state = One(domain::BackupState::kDamaged);
  origin = One(domain::BackupOrigin::kScheduled);
  store = Text();
  size_bytes = Large();
  sha256 = Text();
  generation = Large();
  server_version = Text();
  table_count = Large();
  row_count = Large();
  verify_time = Maybe(Moment);
  wrapped_key = Text();
  findings = SomeFindings();
  proof_findings = SomeFindings();
  given_name = Text();
  note = Text();
  auto& [hold_time, hold_caller, hold_reason] = hold;
  hold_time = Maybe(Moment);
  hold_caller = Text();
  hold_reason = Text();
  database_bytes = Large();
  restore_duration = Span();
  copies = Several(SomeCopy);
  return made;
}

domain::Erasure SomeErasure(const std::string& with_uid) {
  domain::Erasure made;
  auto& [uid, tenant, operation, time, statement, signature] = made;
  uid = with_uid;
  tenant = Text();
  operation = Text();
  time = Moment();
  statement = Text();
  signature = Text();
  return made;
}

domain::AuditEvent SomeEvent() {
  domain::AuditEvent made;
  auto& [time, caller, peer, method, resource, result, request_id, count] = made;
  time = Moment();
  caller = Text();
  peer = Text();
  method = Text();
  resource = Text();
  result = Text();
  request_id = Text();
  count = *rc::gen::inRange<int64_t>(1, 1000);
  return made;
}

domain::FleetEvent SomeFleetEvent() {
  domain::FleetEvent made;
  auto& [position, time, type, subject, tenant, tenant_uid, host, data] = made;
  position = 0;
  time = Moment();
  type = Text();
  subject = Text();
  tenant = Text();
  tenant_uid = Text();
  host = Text();
  data = SomeLabels();
  return made;
}

domain::Scope SomeScope() {
  switch (*rc::gen::inRange(0, 3)) {
    case 0: return domain::AllTenants();
    case 1: return domain::NamedTenants{Several(Utf8)};
    default: return domain::LabelledTenants{SomeLabels()};
  }
}

domain::Binding SomeBinding() {
  domain::Binding made;
  auto& [role, scope] = made;
  role = One(domain::Role::kAgent);
  scope = SomeScope();
  return made;
}

// Hashes and fingerprints are unique in a catalog.
std::string Unique() {
  static int last = 0;
  return absl::StrCat(++last);
}

domain::AccessToken SomeToken() {
  domain::AccessToken made;
  auto& [id, hash, create_time, expire_time, last_used_time] = made;
  id = Text();
  hash = Unique();
  create_time = Moment();
  expire_time = Maybe(Moment);
  last_used_time = Maybe(Moment);
  return made;
}

domain::UserCertificate SomeCertificate() {
  domain::UserCertificate made;
  auto& [fingerprint, expire_time] = made;
  fingerprint = Unique();
  expire_time = Maybe(Moment);
  return made;
}

domain::User SomeUser(const std::string& user_id) {
  domain::User made;
  auto& [id, uid, create_time, update_time, version, display_name, bindings, tokens, certificates] = made;
  id = user_id;
  uid = Text();
  create_time = Moment();
  update_time = Moment();
  version = Large();
  display_name = Text();
  bindings = Several(SomeBinding);
  tokens = Several(SomeToken);
  certificates = Several(SomeCertificate);
  return made;
}

RequestRecord SomeRequest() {
  RequestRecord made;
  auto& [caller, request_id, method, payload_hash, answer, time] = made;
  caller = Text();
  request_id = Text();
  method = Text();
  payload_hash = Text();
  answer = Text();
  // None is so old that another makes it forgotten.
  time = At(*rc::gen::inRange<int64_t>(0, 3600));
  return made;
}

class RoundTripTest : public ::testing::Test {
 protected:
  RoundTripTest() : sqlite_(*SqliteCatalog::Open(folder_.File("catalog.db"), {})) {}

  static void Put(Catalog& catalog, const std::vector<Change>& changes) {
    const std::unique_ptr<Transaction> transaction = *catalog.Begin();
    for (const Change& change : changes) transaction->Apply(change);
    const auto revision = transaction->Commit();
    RC_ASSERT(revision.ok());
  }
  std::string NewId() { return absl::StrCat("id", ++ids_); }

  TemporaryFolder folder_;
  std::unique_ptr<SqliteCatalog> sqlite_;
  MemoryCatalog memory_;
  int ids_ = 0;
};

TEST_F(RoundTripTest, TenantComesBackEqualAlsoOverAnOlderOne) {
  EXPECT_TRUE(rc::check([&] {
    const std::string id = NewId();
    for (int i = 0; i < 2; ++i) {
      const domain::Tenant tenant = SomeTenant(id);
      Put(*sqlite_, {PutTenant{tenant}});
      RC_ASSERT((**sqlite_->GetTenant(id) == tenant));
      RC_ASSERT(((*sqlite_->Begin())->FindTenant(id) == tenant));
      bool visited = false;
      RC_ASSERT(
          sqlite_->ForEachTenant([&](const domain::Tenant& seen) { visited = visited || seen == tenant; })
              .ok());
      RC_ASSERT((visited == (tenant.state != domain::TenantState::kPurged)));
    }
  }));
}

TEST_F(RoundTripTest, HostComesBackEqual) {
  EXPECT_TRUE(rc::check([&] {
    const domain::Host host = SomeHost(NewId());
    Put(*sqlite_, {PutHost{host}});
    RC_ASSERT((**sqlite_->GetHost(host.id) == host));
    RC_ASSERT(((*sqlite_->Begin())->FindHost(host.id) == host));
  }));
  const auto before = *sqlite_->ListHosts();
  sqlite_.reset();
  sqlite_ = *SqliteCatalog::Open(folder_.File("catalog.db"), {});
  EXPECT_EQ((*sqlite_->Begin())->Hosts(), before);
}

TEST_F(RoundTripTest, OperationComesBackEqualAlsoOverAnOlderOne) {
  EXPECT_TRUE(rc::check([&] {
    const std::string id = NewId();
    for (int i = 0; i < 2; ++i) {
      const domain::Operation operation = SomeOperation(id);
      Put(*sqlite_, {PutOperation{operation}});
      RC_ASSERT((**sqlite_->GetOperation(id) == operation));
      RC_ASSERT(((*sqlite_->Begin())->FindOperation(id) == operation));
    }
  }));
}

TEST_F(RoundTripTest, BackupComesBackEqual) {
  EXPECT_TRUE(rc::check([&] {
    const domain::Backup backup = SomeBackup(Text(), NewId());
    Put(*sqlite_, {PutBackup{backup}});
    RC_ASSERT((**sqlite_->GetBackup(backup.tenant, backup.id) == backup));
    RC_ASSERT(((*sqlite_->Begin())->FindBackup(backup.tenant, backup.id) == backup));
  }));
}

TEST_F(RoundTripTest, ErasureComesBackEqual) {
  EXPECT_TRUE(rc::check([&] {
    const domain::Erasure erasure = SomeErasure(NewId());
    Put(*sqlite_, {PutErasure{erasure}});
    RC_ASSERT((**sqlite_->GetErasure(erasure.uid) == erasure));
  }));
}

TEST_F(RoundTripTest, UserComesBackEqualAlsoOverAnOlderOne) {
  EXPECT_TRUE(rc::check([&] {
    const std::string id = NewId();
    for (int i = 0; i < 2; ++i) {
      const domain::User user = SomeUser(id);
      Put(*sqlite_, {PutUser{user}});
      RC_ASSERT((**sqlite_->GetUser(id) == user));
      RC_ASSERT(((*sqlite_->Begin())->FindUser(id) == user));
    }
  }));
}

TEST_F(RoundTripTest, RequestComesBackEqual) {
  EXPECT_TRUE(rc::check([&] {
    const RequestRecord record = SomeRequest();
    Put(*sqlite_, {PutRequest{record}});
    RC_ASSERT(((*sqlite_->Begin())->FindRequest(record.caller, record.request_id) == record));
  }));
}

TEST_F(RoundTripTest, AuditEventComesBackEqualInAWholeChain) {
  EXPECT_TRUE(rc::check([&] {
    const domain::AuditEvent event = SomeEvent();
    Put(*sqlite_, {AppendAudit{event}});
    const AuditHead head = *sqlite_->RecordedAuditHead();
    RC_ASSERT((sqlite_->ListAudit(head.sequence - 1, 1)->front().event == event));
  }));
  EXPECT_TRUE(VerifyAuditChain(*sqlite_, {*sqlite_->RecordedAuditHead()}).ok());
}

TEST_F(RoundTripTest, FleetEventComesBackEqual) {
  EXPECT_TRUE(rc::check([&] {
    domain::FleetEvent event = SomeFleetEvent();
    Put(*sqlite_, {AppendEvent{event}});
    event.position = sqlite_->GetEventLog()->last;
    RC_ASSERT((sqlite_->ListEvents({.after = event.position - 1})->events.front() == event));
  }));
}

domain::Tenant SomeListedTenant(int number) {
  domain::Tenant tenant = SampleTenant(absl::StrCat("t", number));
  tenant.create_time = At(*rc::gen::inRange(0, 9));
  tenant.placement.host = *rc::gen::element<std::string>("h1", "h2", "h3");
  tenant.state = One(domain::TenantState::kPurged);
  tenant.labels.clear();
  for (const char* key : {"a", "b"}) {
    if (Flag()) tenant.labels[key] = *rc::gen::element<std::string>("", "x", "y");
  }
  return tenant;
}

TenantQuery::Condition SomeCondition() {
  using Field = TenantQuery::Condition::Field;
  using Operator = TenantQuery::Condition::Operator;
  TenantQuery::Condition condition;
  condition.field = One(Field::kLabel);
  condition.op = One(Operator::kGreaterEqual);
  switch (condition.field) {
    case Field::kId: condition.value = absl::StrCat("t", *rc::gen::inRange(0, 1000)); break;
    case Field::kUid: condition.value = absl::StrCat("uid-of-t", *rc::gen::inRange(0, 1000)); break;
    case Field::kState:
      condition.value =
          *rc::gen::element<std::string>("CREATING", "READY", "SUSPENDED", "RETIRED", "FAILED", "PURGED");
      condition.op = *rc::gen::element(Operator::kEqual, Operator::kNotEqual, Operator::kHas);
      break;
    case Field::kHost: condition.value = *rc::gen::element<std::string>("h1", "h2", "h3", "h4"); break;
    case Field::kCreateTime: condition.value = absl::FormatTime(At(*rc::gen::inRange(-1, 10))); break;
    case Field::kLabel:
      condition.label = *rc::gen::element<std::string>("a", "b", "c");
      condition.value = *rc::gen::element<std::string>("", "x", "y", "z");
      break;
  }
  return condition;
}

// Up to `query.limit` tenants, by as many pages as it takes.
std::vector<domain::Tenant> FirstOf(Catalog& catalog, TenantQuery query) {
  std::vector<domain::Tenant> first;
  const int32_t wanted = query.limit;
  bool more = true;
  while (more && query.limit > 0) {
    TenantPage page = *catalog.ListTenants(query);
    std::move(page.tenants.begin(), page.tenants.end(), std::back_inserter(first));
    query.limit = wanted - static_cast<int32_t>(first.size());
    more = page.next_after.has_value();
    if (more) query.after_id = *std::move(page.next_after);
  }
  return first;
}

// The model scans; the catalog picks an index. Enough tenants that it takes each of its ways.
TEST_F(RoundTripTest, ListingAgreesWithAPlainScan) {
  int number = 0;
  EXPECT_TRUE(rc::check([&] {
    std::vector<Change> changes;
    for (int i = 0; i < 100 && number < 4000; ++i) changes.push_back(PutTenant{SomeListedTenant(number++)});
    changes.push_back(PutTenant{SomeListedTenant(*rc::gen::inRange(0, number))});
    Put(*sqlite_, changes);
    Put(memory_, changes);
    for (int i = 0; i < 5; ++i) {
      TenantQuery query{.conditions = Several(SomeCondition),
                        .show_retired = Flag(),
                        .after_id = *rc::gen::element<std::string>("", "t1", "t3000", "t5"),
                        .limit = *rc::gen::element(1, 10, 5000),
                        .most_read = *rc::gen::element<int64_t>(300, 10'000)};
      RC_ASSERT((FirstOf(*sqlite_, query) == FirstOf(memory_, query)));
    }
    RC_ASSERT((*sqlite_->CountTenants() == *memory_.CountTenants()));
    RC_ASSERT(
        ((*sqlite_->Begin())->CountTenantsOnHost("h1") == (*memory_.Begin())->CountTenantsOnHost("h1")));
  }));
}

}  // namespace
}  // namespace croft::catalog
