#include "tools/croftctl/bundle_reader.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/compression/zstd.h"
#include "common/crypto/hash.h"
#include "tools/croftctl/bundle.h"

namespace croft::ctl {
namespace {

using ::testing::HasSubstr;

class BundleReaderTest : public ::testing::Test {
 protected:
  static std::string Bundle(const std::string& dump, const std::string& passphrase = "") {
    std::string bundle;
    const ByteSink sink = [&bundle](absl::string_view bytes) {
      bundle.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    };
    PassphraseFilter filter(passphrase, sink);
    BundleWriter writer(
        passphrase.empty() ? sink : [&filter](absl::string_view bytes) { return filter.Append(bytes); });
    v1::BackupExport description;
    description.set_format(1);
    description.mutable_tenant()->set_name("tenants/acme");
    (*description.mutable_tenant()->mutable_labels())["tier"] = "gold";
    description.mutable_backup()->set_database_bytes(7);
    description.mutable_tenant()->mutable_quota()->mutable_statement_timeout()->set_seconds(90);
    description.mutable_archive()->set_size_bytes(static_cast<int64_t>(dump.size()));
    description.mutable_archive()->set_sha256(crypto::Hex(crypto::Sha256(dump)));
    EXPECT_TRUE(writer.Describe(description).ok());
    EXPECT_TRUE(writer.Append(*CompressZstd(dump)).ok());
    EXPECT_TRUE(writer.Finish().ok());
    if (!passphrase.empty()) {
      EXPECT_TRUE(filter.Finish().ok());
    }
    return bundle;
  }

  absl::Status Read(const std::string& bundle, const std::string& passphrase = "", size_t piece = 1000) {
    dump_.clear();
    described_ = 0;
    BundleReader reader({.describe =
                             [this](const v1::BackupExport& description) {
                               ++described_;
                               description_ = description;
                               return absl::OkStatus();
                             },
                         .take =
                             [this](absl::string_view bytes) {
                               dump_.append(bytes.data(), bytes.size());
                               return absl::OkStatus();
                             }});
    PassphraseReader outer(passphrase, [&reader](absl::string_view bytes) { return reader.Append(bytes); });
    absl::Status status;
    for (size_t at = 0; status.ok() && at < bundle.size(); at += piece)
      status = outer.Append(absl::string_view(bundle).substr(at, piece));
    if (status.ok()) status = outer.Finish();
    if (status.ok()) status = reader.Finish();
    return status;
  }

  std::string dump_;
  v1::BackupExport description_;
  int described_ = 0;
};

TEST_F(BundleReaderTest, ReadsWhatAnExportWroteInPiecesOfAnySize) {
  std::string dump = "PGDMP and the rest";
  while (dump.size() < 200'000) dump += crypto::Sha256(dump);
  const std::string bundle = Bundle(dump);
  for (const size_t piece : {size_t{1}, size_t{511}, bundle.size()}) {
    const absl::Status status = Read(bundle, "", piece);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(dump_, dump);
    EXPECT_EQ(described_, 1);
    EXPECT_EQ(description_.tenant().labels().at("tier"), "gold");
    EXPECT_EQ(description_.tenant().quota().statement_timeout().seconds(), 90);
    EXPECT_EQ(description_.backup().database_bytes(), 7);
  }
}

TEST_F(BundleReaderTest, EveryByteThatIsChangedAndEveryCutIsNoticed) {
  const std::string bundle = Bundle("PGDMP and the rest");
  for (size_t at = 0; at < bundle.size(); at += 3) {
    std::string changed = bundle;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const absl::Status status = Read(changed);
    EXPECT_TRUE(!status.ok() || dump_ == "PGDMP and the rest") << at;
    const absl::Status cut = Read(bundle.substr(0, at));
    EXPECT_FALSE(cut.ok()) << at;
  }
}

TEST_F(BundleReaderTest, APassphraseOpensWhatItClosedAndNothingElse) {
  std::string dump = "PGDMP and the rest";
  while (dump.size() < 200'000) dump += crypto::Sha256(dump);
  const std::string bundle = Bundle(dump, "open");
  const absl::Status status = Read(bundle, "open");
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(dump_, dump);
  EXPECT_THAT(std::string(Read(bundle, "other").message()), HasSubstr("the passphrase is another one"));
  EXPECT_THAT(std::string(Read(bundle).message()), HasSubstr("give --passphrase-file"));
  EXPECT_THAT(std::string(Read(Bundle(dump), "open").message()), HasSubstr("leave out --passphrase-file"));
  std::string changed = bundle;
  changed[changed.size() - 10] ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(Read(changed, "open")));
  EXPECT_TRUE(absl::IsDataLoss(Read(bundle.substr(0, bundle.size() - 1), "open")));
  // Cut between two chunks: the one that is last now is not marked so.
  const size_t header = bundle.find("\n", bundle.find("\n---") + 1) + 1 + 16;
  EXPECT_TRUE(absl::IsDataLoss(Read(bundle.substr(0, header + 65'552), "open")));
}

TEST_F(BundleReaderTest, OnlyTheCanonicalFormOfAHeaderIsTaken) {
  const std::string bundle = Bundle("PGDMP", "open");
  // The last character of 22 for 16 bytes has four bits that no byte needs.
  const size_t salt = bundle.find("scrypt ") + 7;
  std::string changed = bundle;
  changed[salt + 21] = static_cast<char>(changed[salt + 21] + 1);
  EXPECT_TRUE(absl::IsDataLoss(Read(changed, "open")));
  std::string padded = bundle;
  padded.insert(salt + 22, "==");
  EXPECT_TRUE(absl::IsDataLoss(Read(padded, "open")));
  std::string work = bundle;
  work.replace(work.find(" 18\n"), 4, " 018\n");
  EXPECT_TRUE(absl::IsDataLoss(Read(work, "open")));
}

}  // namespace
}  // namespace croft::ctl
