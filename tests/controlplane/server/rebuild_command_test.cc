#include "controlplane/server/rebuild_command.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "common/crypto/x509.h"
#include "common/errors.h"
#include "common/ids.h"
#include "common/random.h"
#include "controlplane/access/authority.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/keyring/keyring.h"
#include "controlplane/server/state_directory.h"
#include "croft/v1/agent.grpc.pb.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr char kUid[] = "aaaaaaaaaaaaaaaa";
constexpr char kId[] = "an-id-that-is-longer-than-names-are";

// One session of an agent that sends an inventory when it is asked.
class FakeAgent {
 public:
  FakeAgent(const std::string& address, const StateDirectory& state, const std::string& host) {
    const access::Authority authority = *access::Authority::Load(state.tls, absl::Now());
    const std::string key = crypto::NewPrivateKey();
    certificate_ = *authority.SignAgent(host, *crypto::NewCertificateRequest(key, "agent"), absl::Now());
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::AgentService::NewStub(grpc::CreateCustomChannel(
        address, grpc::SslCredentials({authority.certificate(), key, certificate_}), arguments));
    stream_ = stub_->Connect(&context_);
  }
  ~FakeAgent() { context_.TryCancel(); }

  // Returns the epoch in the welcome.
  int64_t Hello(int64_t highest_epoch = 0) {
    v1::ConnectRequest message;
    v1::Hello& hello = *message.mutable_hello();
    hello.add_task_kinds("inventory");
    hello.set_highest_epoch(highest_epoch);
    hello.mutable_report()->set_postgres_up(true);
    hello.mutable_report()->set_system_identifier("7");
    hello.mutable_report()->add_stores("s1");
    hello.mutable_report()->add_advertise_endpoints("db.example:7500");
    stream_->Write(message);
    v1::ConnectResponse welcome;
    EXPECT_TRUE(stream_->Read(&welcome));
    EXPECT_TRUE(welcome.has_welcome());
    return welcome.welcome().epoch();
  }
  void SendInventory(v1::Inventory inventory) {
    v1::ConnectResponse asked;
    ASSERT_TRUE(stream_->Read(&asked));
    EXPECT_TRUE(asked.task().inventory().manifests());
    ASSERT_THAT(asked.task().inventory().stores(), SizeIs(1));
    v1::ConnectRequest part;
    *inventory.mutable_fencing() = asked.task().fencing();
    *part.mutable_inventory() = std::move(inventory);
    stream_->Write(part);
    v1::ConnectRequest result;
    *result.mutable_result()->mutable_fencing() = asked.task().fencing();
    result.mutable_result()->mutable_done();
    stream_->Write(result);
  }
  grpc::Status Finish() {
    v1::ConnectResponse message;
    while (stream_->Read(&message)) {
    }
    return stream_->Finish();
  }
  const std::string& certificate() const { return certificate_; }

 private:
  std::string certificate_;
  std::unique_ptr<v1::AgentService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>> stream_;
};

class RebuildCommandTest : public ::testing::Test {
 protected:
  RebuildCommandTest() : state_(folder_.path() + "/state") {
    EXPECT_TRUE(InitStateDirectory(state_, {}).ok());
    keyring_ =
        std::make_unique<keyring::Keyring>(*keyring::LoadKeyring(keyring::FindKeyring(state_.folder, "")));
  }

  std::unique_ptr<keyring::KeyStore> Keys() {
    return *keyring::KeyStore::Open(state_.key_store, *keyring_, random_);
  }
  absl::StatusOr<std::unique_ptr<CatalogRebuild>> Start(std::vector<std::string> hosts,
                                                        bool without_key_store = false) {
    return CatalogRebuild::Start({.state_directory = state_.folder,
                                  .listen = "127.0.0.1:0",
                                  .hosts = std::move(hosts),
                                  .without_key_store = without_key_store});
  }
  std::string StartErrorReason(std::vector<std::string> hosts = {"h1"}) {
    return DetailsOf(Start(std::move(hosts)).status()).reason;
  }

  static std::string Owner() { return OwnerRoleName(kId, kUid); }
  static v1::Inventory WithTenant() {
    v1::Inventory inventory;
    auto& database = *inventory.add_databases();
    database.set_name(DatabaseName(Owner(), 2));
    database.set_uid(kUid);
    database.set_generation(2);
    database.set_allows_connections(true);
    auto& login = *inventory.add_roles();
    login.set_name(Owner() + "_a");
    login.set_can_login(true);
    auto& position = *inventory.add_positions();
    position.set_uid(kUid);
    position.set_order(int64_t{1} << 40);
    return inventory;
  }
  static void AddBackup(v1::Inventory& inventory, const std::string& wrapped_key) {
    auto& backup = *inventory.add_backups();
    backup.set_store("s1");
    backup.set_uid(kUid);
    backup.set_backup("20260101t000000z-aaaa");
    backup.set_archive_found(true);
    backup.set_manifest_found(true);
    auto& manifest = *backup.mutable_manifest();
    manifest.set_generation(2);
    manifest.set_database(DatabaseName(Owner(), 2));
    manifest.set_owner_role(Owner());
    manifest.set_wrapped_key(wrapped_key);
    inventory.add_stores()->set_store("s1");
  }
  std::unique_ptr<catalog::SqliteCatalog> Catalog() {
    auto catalog = catalog::SqliteCatalog::Open(state_.catalog, {});
    EXPECT_TRUE(catalog.ok()) << catalog.status();
    return catalog.ok() ? *std::move(catalog) : nullptr;
  }

  TemporaryFolder folder_;
  const StateDirectory state_;
  SystemRandom random_;
  std::unique_ptr<keyring::Keyring> keyring_;
};

TEST_F(RebuildCommandTest, InventoriesBecomeAnUnconfirmedCatalog) {
  const std::string wrapped = [&] {
    const auto keys = Keys();
    EXPECT_TRUE(keys->Create(kUid, kId).ok());
    return *keys->WrapBackupKey(kUid, std::string(32, 'k'));
  }();
  const int64_t newer_epoch = absl::ToUnixSeconds(absl::Now()) + 5000;
  std::string certificate;
  {
    auto rebuild = Start({"h1", "h2"});
    ASSERT_TRUE(rebuild.ok()) << rebuild.status();
    auto finished = std::async(std::launch::async, [&] { return (*rebuild)->Finish(); });
    FakeAgent h1((*rebuild)->address(), state_, "h1");
    FakeAgent h2((*rebuild)->address(), state_, "h2");
    certificate = h1.certificate();
    EXPECT_EQ(h2.Hello(newer_epoch), newer_epoch)
        << "an agent that has seen a later epoch is not sent away";
    EXPECT_EQ(h1.Hello(), newer_epoch);
    v1::Inventory inventory = WithTenant();
    AddBackup(inventory, wrapped);
    h1.SendInventory(std::move(inventory));
    EXPECT_FALSE(std::filesystem::exists(state_.catalog)) << "h2 has not answered";
    h2.SendInventory({});
    const auto answer = finished.get();
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_THAT(*answer, HasSubstr("1 tenant on 2 hosts, 1 backup;"));
    EXPECT_EQ(h1.Finish().error_code(), grpc::StatusCode::UNAVAILABLE) << "agents must reconnect";
  }
  const auto catalog = Catalog();
  ASSERT_TRUE(catalog);
  EXPECT_GT(catalog->revision().epoch, newer_epoch);
  const domain::Tenant tenant = **catalog->GetTenant(kId);
  EXPECT_EQ(tenant.uid, kUid);
  EXPECT_EQ(tenant.state, domain::TenantState::kReady);
  EXPECT_EQ(tenant.placement, (domain::Placement{"h1", DatabaseName(Owner(), 2), 2}));
  EXPECT_TRUE(tenant.unconfirmed);
  EXPECT_GT(tenant.order, int64_t{1} << 40);
  EXPECT_GT(tenant.last_generation, 2);
  ASSERT_THAT(tenant.credentials, SizeIs(2));
  for (const domain::Credential& credential : tenant.credentials) {
    EXPECT_TRUE(keyring_->Open(credential.sealed_password, absl::StrCat("password/", kUid)).ok());
    EXPECT_THAT(credential.verifier, HasSubstr("SCRAM-SHA-256$"));
  }
  const domain::Host host = **catalog->GetHost("h1");
  EXPECT_TRUE(host.unconfirmed);
  EXPECT_FALSE(host.up);
  EXPECT_EQ(host.certificate_fingerprint, crypto::ReadCertificate(certificate)->fingerprint);
  EXPECT_EQ(host.accepted_system_identifier, "7");
  const domain::Backup backup = **catalog->GetBackup(kId, "20260101t000000z-aaaa");
  EXPECT_EQ(*Keys()->UnwrapBackupKey(kUid, backup.wrapped_key), std::string(32, 'k'));
  EXPECT_EQ(catalog->ListAudit(0, 10)->at(0).event.method, "croftd/rebuild-catalog");
}

TEST_F(RebuildCommandTest, ALostKeyStoreIsMadeAnewFromBesideTheBackups) {
  std::string wrapped_data_key, wrapped;
  {
    const auto keys = Keys();
    ASSERT_TRUE(keys->Create(kUid, kId).ok());
    wrapped_data_key = *keys->Wrapped(kUid);
    wrapped = *keys->WrapBackupKey(kUid, std::string(32, 'k'));
  }
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(state_.key_store + suffix);
  EXPECT_EQ(StartErrorReason(), "KEY_STORE_MISSING");
  {
    auto rebuild = Start({"h1"}, true);
    ASSERT_TRUE(rebuild.ok()) << rebuild.status();
    auto finished = std::async(std::launch::async, [&] { return (*rebuild)->Finish(); });
    FakeAgent h1((*rebuild)->address(), state_, "h1");
    h1.Hello();
    v1::Inventory inventory = WithTenant();
    AddBackup(inventory, wrapped);
    auto& key = *inventory.add_keys();
    key.set_store("s1");
    key.set_uid(kUid);
    key.set_wrapped_data_key(wrapped_data_key);
    auto& forged = *inventory.add_keys();
    forged.set_store("s1");
    forged.set_uid("bbbbbbbbbbbbbbbb");
    forged.set_wrapped_data_key(wrapped_data_key);
    h1.SendInventory(std::move(inventory));
    const auto answer = finished.get();
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_THAT(*answer, HasSubstr("bbbbbbbbbbbbbbbb in the store s1 cannot be used"));
    EXPECT_THAT(*answer, HasSubstr("--alias")) << "ids were in the key store";
  }
  const std::string id = std::string(kId).substr(0, 20);
  const auto catalog = Catalog();
  ASSERT_TRUE(catalog);
  EXPECT_TRUE((*catalog->GetTenant(id)).has_value());
  EXPECT_EQ(*Keys()->UnwrapBackupKey(kUid, wrapped), std::string(32, 'k'));
  EXPECT_EQ(Keys()->Owners()->at(kUid).tenant, id);
}

TEST_F(RebuildCommandTest, AgentsThatWereNotNamedAreTurnedAway) {
  Keys().reset();
  auto rebuild = Start({"h1"});
  ASSERT_TRUE(rebuild.ok()) << rebuild.status();
  FakeAgent h2((*rebuild)->address(), state_, "h2");
  EXPECT_EQ(ReasonOf(h2.Finish()), "CATALOG_REBUILDING");
}

TEST_F(RebuildCommandTest, ACatalogOrACopyOfItIsNotRebuilt) {
  Keys().reset();
  std::filesystem::create_directory(state_.catalog_copies);
  const std::string copy = state_.catalog_copies + "/catalog-20260101t000000z.db";
  std::ofstream(copy) << "a copy";
  const absl::Status refused = Start({"h1"}).status();
  EXPECT_EQ(DetailsOf(refused).reason, "CATALOG_EXISTS");
  EXPECT_THAT(std::string(refused.message()), HasSubstr(copy));
  std::filesystem::remove(copy);
  EXPECT_TRUE(Start({"h1"}).ok());
  std::ofstream(state_.catalog) << "";
  EXPECT_EQ(StartErrorReason(), "CATALOG_EXISTS");
}

TEST_F(RebuildCommandTest, NotUnderARunningControlPlane) {
  Keys().reset();
  const auto running = Start({"h1"});
  ASSERT_TRUE(running.ok()) << running.status();
  EXPECT_EQ(StartErrorReason(), "CATALOG_LOCKED");
}

TEST_F(RebuildCommandTest, WhatItNeedsIsNamed) {
  EXPECT_EQ(StartErrorReason(), "KEY_STORE_MISSING");
  Keys().reset();
  EXPECT_EQ(StartErrorReason({}), "HOSTS_MISSING");
  EXPECT_EQ(Start({"Not An Id"}).status().code(), absl::StatusCode::kInvalidArgument);
  std::filesystem::remove(state_.folder + "/keyring");
  EXPECT_EQ(StartErrorReason(), "KEYRING_NOT_FOUND");
  std::filesystem::remove_all(state_.tls);
  EXPECT_EQ(StartErrorReason(), "STATE_MISSING");
}

}  // namespace
}  // namespace croft::server
