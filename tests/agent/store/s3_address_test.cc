#include "agent/store/s3_address.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace croft::agent {
namespace {

using ::testing::HasSubstr;

TEST(S3Address, BucketAloneIsAmazonsByItsHost) {
  const auto address = ParseS3Address("s3://backups");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(UrlFor(*address, address->bucket, "u/key", ""),
            "https://backups.s3.us-east-1.amazonaws.com/u/key");
  EXPECT_EQ(address->prefix, "");
  EXPECT_EQ(address->keys_bucket, "backups");
}

TEST(S3Address, EndpointOfOnesOwnHasBucketsInThePath) {
  const auto address = ParseS3Address(
      "s3://backups/croft/eu/?endpoint=https://Minio.example:9000/&region=eu-1&keys-bucket=keys");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->prefix, "croft/eu/");
  EXPECT_EQ(address->keys_bucket, "keys");
  EXPECT_EQ(HostFor(*address, "keys"), "minio.example:9000");
  EXPECT_EQ(UrlFor(*address, "keys", "", "a=b"), "https://minio.example:9000/keys?a=b");
}

TEST(S3Address, AddressingOverrulesTheDefault) {
  const auto address = ParseS3Address("s3://backups?endpoint=https://s3.example&addressing=virtual");
  EXPECT_EQ(HostFor(*address, "backups"), "backups.s3.example");
}

TEST(S3Address, WhatIsWrongIsSaid) {
  const struct {
    const char* url;
    const char* said;
  } cases[] = {{"s3:/backups", "s3://BUCKET"},
               {"s3://", "bucket"},
               {"s3://Backups", "bucket"},
               {"s3://back/../ups", "prefix"},
               {"s3://backups/.hidden", "prefix"},
               {"s3://backups/a b", "prefix"},
               {"s3://backups?endpoint=minio:9000", "https://"},
               {"s3://backups?endpoint=http://minio.example", "not encrypted"},
               {"s3://backups?endpoint=http://127.0.0.1.example", "not encrypted"},
               {"s3://backups?endpoint=https://user@minio", "HOST:PORT"},
               {"s3://backups?endpoint=https://minio/path", "HOST:PORT"},
               {"s3://backups?region=", "no value"},
               {"s3://backups?region=eu:1", "region"},
               {"s3://backups?addressing=either", "addressing"},
               {"s3://backups?keys-bucket=K", "bucket"},
               {"s3://backups?secret-key=x", "parameter `secret-key`"}};
  for (const auto& tested : cases) {
    SCOPED_TRACE(tested.url);
    const auto address = ParseS3Address(tested.url);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(address.status().message()), HasSubstr(tested.said));
  }
}

TEST(S3Address, QueryEncodingLeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(EncodeForQuery("aZ09-._~/+ =&%\xc3\xa9"), "aZ09-._~%2F%2B%20%3D%26%25%C3%A9");
}

}  // namespace
}  // namespace croft::agent
