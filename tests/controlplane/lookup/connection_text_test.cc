#include "controlplane/lookup/connection_text.h"

#include <dlfcn.h>

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "controlplane/lookup/host_view.h"

namespace croft::lookup {
namespace {

// libpq itself, so that what is written is read by those it is written for. The declarations are the stable part
// of its interface.
class Libpq {
 public:
  struct Option {
    char* keyword;
    char* envvar;
    char* compiled;
    char* val;
    char* label;
    char* dispchar;
    int dispsize;
  };

  Libpq() : library_(dlopen("libpq.so.5", RTLD_NOW)) {
    EXPECT_NE(library_, nullptr) << dlerror();
    parse_ = reinterpret_cast<Parse*>(dlsym(library_, "PQconninfoParse"));
    free_ = reinterpret_cast<Free*>(dlsym(library_, "PQconninfoFree"));
  }
  ~Libpq() { dlclose(library_); }

  std::map<std::string, std::string> Read(const std::string& text) const {
    char* error = nullptr;
    Option* options = parse_(text.c_str(), &error);
    EXPECT_NE(options, nullptr) << text << ": " << (error == nullptr ? "" : error);
    std::map<std::string, std::string> values;
    for (Option* option = options; option != nullptr && option->keyword != nullptr; ++option) {
      if (option->val != nullptr) values[option->keyword] = option->val;
    }
    free_(options);
    return values;
  }

 private:
  using Parse = Option*(const char*, char**);
  using Free = void(Option*);
  void* library_;
  Parse* parse_;
  Free* free_;
};

void ExpectRoundTrip(const Libpq& libpq, const std::string& value, bool as_host) {
  const std::string host = as_host ? value : "h";
  const ConnectionParameters parameters{.host = host,
                                        .port = 7500,
                                        .database = value,
                                        .user = value,
                                        .password = value,
                                        .sslmode = "verify-full",
                                        .options = value};
  const std::map<std::string, std::string> expected = {
      {"host", host},      {"port", "7500"},           {"dbname", value}, {"user", value},
      {"password", value}, {"sslmode", "verify-full"}, {"options", value}};
  EXPECT_EQ(libpq.Read(Conninfo(parameters)), expected) << Conninfo(parameters);
  EXPECT_EQ(libpq.Read(ConnectionUri(parameters)), expected) << ConnectionUri(parameters);
}

TEST(ConnectionTextTest, LibpqReadsWhatWasMeant) {
  const Libpq libpq;
  for (const char* value :
       {"plain", "x host=evil", "'quoted'", "back\\slash", "\\'", "a@b:c/d?e=f&g#h", "100%", "%00", "%2f",
        "$$", "line\nbreak", "caf\xC3\xA9", " ", "-c statement_timeout=0", "=", "a,b", "postgresql://x"}) {
    ExpectRoundTrip(libpq, value, false);
  }
  for (const char* host : {"h1.example", "10.0.0.1", "::1", "fe80::1", "/var/run/postgresql"}) {
    ExpectRoundTrip(libpq, host, true);
  }
}

TEST(ConnectionTextTest, LibpqReadsRandomTextsBack) {
  const Libpq libpq;
  std::mt19937 random(20261123);
  for (int i = 0; i < 2000; ++i) {
    std::string value;
    for (unsigned length = 1 + random() % 40; length > 0; --length) {
      value += static_cast<char>(1 + random() % 127);
    }
    ExpectRoundTrip(libpq, value, false);
  }
}

TEST(ConnectionTextTest, WhatIsEmptyIsLeftOut) {
  const ConnectionParameters parameters{.host = "h", .port = 1, .database = "d", .user = "u"};
  EXPECT_EQ(Conninfo(parameters), "host=h port=1 dbname=d user=u");
  EXPECT_EQ(ConnectionUri(parameters), "postgresql://u@h:1/d");
}

TEST(AddressTest, AllFormsAreRead) {
  EXPECT_EQ(ParseAddress("h1:7500"), (HostAddress{"h1", 7500}));
  EXPECT_EQ(ParseAddress("[::1]:7500"), (HostAddress{"::1", 7500}));
  EXPECT_EQ(ParseAddress("[::1]"), (HostAddress{"::1", 5432}));
  EXPECT_EQ(ParseAddress("::1"), (HostAddress{"::1", 5432}));
  EXPECT_EQ(ParseAddress("h1"), (HostAddress{"h1", 5432}));
  for (const char* odd : {"", ":", "[", "]", "[]:", "h1:", "h1:0", "h1:99999", "a:b:c", "]:["})
    ParseAddress(odd);
}

}  // namespace
}  // namespace croft::lookup
