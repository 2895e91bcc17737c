#include "controlplane/server/server.h"

#include <memory>
#include <string>

#include <absl/strings/match.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "common/errors.h"
#include "common/files.h"
#include "common/random.h"
#include "controlplane/access/authority.h"
#include "controlplane/catalog/sqlite/sqlite_catalog.h"
#include "controlplane/keyring/key_store.h"
#include "controlplane/keyring/keyring.h"
#include "controlplane/server/state_directory.h"
#include "croft/v1/admin.pb.h"
#include "croft/v1/lookup.grpc.pb.h"
#include "tests/controlplane/server/support/plane.h"

namespace croft::server {
namespace {

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : state_(folder_.path() + "/state") { EXPECT_TRUE(InitStateDirectory(state_, {}).ok()); }

  absl::StatusOr<std::unique_ptr<Server>> Start() {
    return Server::Start({.state_directory = state_.folder, .listen = "127.0.0.1:0", .version = "1.2.3"});
  }
  std::shared_ptr<grpc::Channel> AsAdmin(const Server& server) {
    const access::TlsFiles tls(state_.tls);
    const auto read = [](const std::string& path) { return *ReadSmallFile(path, 1 << 20); };
    return grpc::CreateChannel(server.address(),
                               grpc::SslCredentials({read(tls.authority_certificate), read(tls.admin_key),
                                                     read(tls.admin_certificate)}));
  }
  v1::GetStatusResponse StatusOf(const Server& server) {
    v1::GetStatusResponse status;
    const Reply reply = CallRaw(AsAdmin(server), "/croft.v1.AdminService/GetStatus", "");
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    EXPECT_TRUE(status.ParseFromString(reply.bytes));
    return status;
  }

  TemporaryFolder folder_;
  StateDirectory state_;
};

TEST_F(ServerTest, ServesWhatInitMade) {
  const auto server = Start();
  ASSERT_TRUE(server.ok()) << server.status();
  const v1::GetStatusResponse status = StatusOf(**server);
  EXPECT_EQ(status.version(), "1.2.3");
  EXPECT_EQ(status.caller(), "admin");
}

TEST_F(ServerTest, FolderThatWasNotInitialisedIsRefused) {
  const auto server = Server::Start({.state_directory = folder_.path() + "/none", .listen = "127.0.0.1:0"});
  EXPECT_EQ(DetailsOf(server.status()).reason, "STATE_MISSING");
}

TEST_F(ServerTest, AddressThatAgentsCannotDialIsRefused) {
  const auto server = Server::Start({.state_directory = state_.folder, .listen = "0.0.0.0:0"});
  EXPECT_EQ(DetailsOf(server.status()).reason, "ADVERTISE_MISSING");
}

TEST_F(ServerTest, StartsAgainAfterItStopped) {
  {
    const auto first = Start();
    ASSERT_TRUE(first.ok()) << first.status();
    (*first)->Stop();
  }
  const auto second = Start();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(StatusOf(**second).version(), "1.2.3");
}

TEST_F(ServerTest, KeyStoreIsLeftAloneWhileAnotherHoldsTheCatalog) {
  const auto other = catalog::SqliteCatalog::Open(state_.catalog, {});
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE(
      WriteFileDurably(state_.key_store, "what the other one is writing", 0600, IfFileExists::kReplace)
          .ok());
  EXPECT_EQ(DetailsOf(Start().status()).reason, "CATALOG_LOCKED");
  EXPECT_EQ(*ReadSmallFile(state_.key_store, 1 << 20), "what the other one is writing");
}

TEST_F(ServerTest, KeysOfAnEarlierVersionLearnWhoseTheyAre) {
  SystemRandom random;
  const auto keyring = keyring::LoadKeyring(keyring::FindKeyring(state_.folder, ""));
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  {
    const auto catalog = *catalog::SqliteCatalog::Open(state_.catalog, {});
    const auto transaction = *catalog->Begin();
    transaction->Apply(catalog::PutTenant{{.id = "acme", .uid = "aaaaaaaaaaaaaaaa"}});
    ASSERT_TRUE(transaction->Commit().ok());
    const auto keys = *keyring::KeyStore::Open(state_.key_store, *keyring, random);
    ASSERT_TRUE(keys->Create("aaaaaaaaaaaaaaaa", "").ok());
    ASSERT_TRUE(keys->Create("bbbbbbbbbbbbbbbb", "").ok());
  }
  {
    const auto server = Start();
    ASSERT_TRUE(server.ok()) << server.status();
  }
  const auto owners = *(*keyring::KeyStore::Open(state_.key_store, *keyring, random))->Owners();
  EXPECT_EQ(owners.at("aaaaaaaaaaaaaaaa").tenant, "acme");
  EXPECT_EQ(owners.at("bbbbbbbbbbbbbbbb").tenant, "") << "it did not come to be";
}

TEST_F(ServerTest, StopEndsThoseWhoWatch) {
  const auto server = Start();
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = v1::LookupService::NewStub(AsAdmin(**server));
  grpc::ClientContext context;
  const auto watch = stub->WatchPlacements(&context, v1::WatchPlacementsRequest());
  v1::WatchPlacementsResponse response;
  ASSERT_TRUE(watch->Read(&response));  // the end of the whole set
  (*server)->Stop();
  while (watch->Read(&response)) {
  }
  EXPECT_EQ(watch->Finish().error_code(), grpc::UNAVAILABLE);
}

}  // namespace
}  // namespace croft::server
