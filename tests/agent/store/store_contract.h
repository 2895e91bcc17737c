#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "agent/store/store.h"

namespace croft::agent {

// What every store must keep, over whatever lies behind it.
struct StoreKind {
  std::string name;
  // A store that is empty and stays until the object is destroyed.
  struct Home {
    virtual ~Home() = default;
    virtual std::unique_ptr<Store> Open() = 0;
  };
  std::function<std::unique_ptr<Home>()> make;
};

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    home_ = GetParam().make();
    store_ = home_->Open();
    ASSERT_NE(store_, nullptr);
  }

  std::unique_ptr<StoreKind::Home> home_;
  std::unique_ptr<Store> store_;
};

}  // namespace croft::agent
