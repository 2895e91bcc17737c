#include "agent/store/open_store.h"

#include <string>

#include <gtest/gtest.h>

namespace croft::agent {
namespace {

void ExpectNamed(const std::string& text, const std::string& name, const std::string& url) {
  const NamedStore store = ParseNamedStore(text);
  EXPECT_EQ(store.name, name) << text;
  EXPECT_EQ(store.url, url) << text;
}

TEST(NamedStores, NameStandsBeforeTheUrl) {
  ExpectNamed("offsite=file:///mnt/b", "offsite", "file:///mnt/b");
  ExpectNamed("cold-2=s3://acme/croft?region=eu-west-1", "cold-2", "s3://acme/croft?region=eu-west-1");
}

TEST(NamedStores, UrlWithoutANameIsTheWhole) {
  for (const char* url : {"file:///mnt/b", "file:///mnt/a=b", "s3://acme/croft?region=eu-west-1"})
    ExpectNamed(url, "", url);
}

TEST(NamedStores, WhatIsNoNameIsNoStoreEither) {
  for (const std::string text : {"Off=file:///a", "=file:///a", "1st=file:///a", "a b=file:///a"}) {
    ExpectNamed(text, "", text);
    EXPECT_FALSE(CheckStoreUrl(ParseNamedStore(text).url).ok()) << text;
  }
  const std::string longest(63, 'a');
  ExpectNamed(longest + "=file:///a", longest, "file:///a");
  ExpectNamed(longest + "a=file:///a", "", longest + "a=file:///a");
}

}  // namespace
}  // namespace croft::agent
