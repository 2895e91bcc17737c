#include "controlplane/operations/rules.h"

#include <gtest/gtest.h>

#include "common/enums.h"
#include "controlplane/engine/intent.h"

namespace croft::operations {
namespace {

using domain::OperationKind;
using engine::Hold;
using engine::MayRunBeside;

TEST(Kinds, EveryRowIsFoundUnderItsOwnKind) {
  for (const OperationKind kind : AllOf<OperationKind>()) EXPECT_EQ(KindOf(kind).id, kind) << NameOf(kind);
}

TEST(Kinds, EveryKindEndsSomeDay) {
  for (const OperationKind kind : AllOf<OperationKind>()) {
    EXPECT_GT(KindOf(kind).timeout, absl::ZeroDuration()) << NameOf(kind);
    EXPECT_LT(KindOf(kind).timeout, absl::InfiniteDuration()) << NameOf(kind);
  }
}

// What holds the tenant and fails must leave it in a state that every verb works from.
TEST(Kinds, WhatCannotBeTakenBackHasNoUndo) {
  for (const OperationKind kind : AllOf<OperationKind>()) {
    EXPECT_TRUE(KindOf(kind).revertible || KindOf(kind).undo == nullptr) << NameOf(kind);
  }
}

TEST(Compatibility, NothingRunsBesideWorkThatChangesTheDatabase) {
  for (const OperationKind running : AllOf<OperationKind>()) {
    for (const OperationKind next : AllOf<OperationKind>()) {
      if (KindOf(running).hold == Hold::kNone || KindOf(next).hold == Hold::kNone) continue;
      if (KindOf(running).hold == Hold::kExclusive || KindOf(next).hold == Hold::kExclusive) {
        EXPECT_FALSE(MayRunBeside(KindOf(running), KindOf(next))) << NameOf(running) << NameOf(next);
      }
    }
  }
}

TEST(Compatibility, ProofAndBackupShareTheTenant) {
  EXPECT_TRUE(MayRunBeside(KindOf(OperationKind::kBackUp), KindOf(OperationKind::kVerify)));
  EXPECT_TRUE(MayRunBeside(KindOf(OperationKind::kVerify), KindOf(OperationKind::kBackUp)));
  EXPECT_FALSE(MayRunBeside(KindOf(OperationKind::kBackUp), KindOf(OperationKind::kBackUp)));
  EXPECT_FALSE(MayRunBeside(KindOf(OperationKind::kBackUp), KindOf(OperationKind::kDeleteBackup)));
}

TEST(Compatibility, ACopyGoesBesideWorkOnOtherBackupsButNotBesideItsLike) {
  for (const OperationKind beside : {OperationKind::kBackUp, OperationKind::kVerify}) {
    EXPECT_TRUE(MayRunBeside(KindOf(OperationKind::kCopyBackup), KindOf(beside)));
    EXPECT_TRUE(MayRunBeside(KindOf(beside), KindOf(OperationKind::kCopyBackup)));
  }
  EXPECT_FALSE(MayRunBeside(KindOf(OperationKind::kCopyBackup), KindOf(OperationKind::kCopyBackup)));
  // The last of a store's deletions takes along all that lies there.
  EXPECT_FALSE(MayRunBeside(KindOf(OperationKind::kCopyBackup), KindOf(OperationKind::kDeleteBackup)));
  EXPECT_FALSE(MayRunBeside(KindOf(OperationKind::kDeleteBackup), KindOf(OperationKind::kCopyBackup)));
}

TEST(Compatibility, CleaningUpWaitsForNobody) {
  for (const OperationKind kind : AllOf<OperationKind>()) {
    EXPECT_TRUE(MayRunBeside(KindOf(kind), KindOf(OperationKind::kCleanUp)));
    EXPECT_TRUE(MayRunBeside(KindOf(OperationKind::kCleanUp), KindOf(kind)));
  }
}

// Written by hand from the design, not read from the table.
TEST(Kinds, OnlyTheseWorkBesideOthers) {
  for (const OperationKind kind : AllOf<OperationKind>()) {
    const bool shared = kind == OperationKind::kBackUp || kind == OperationKind::kVerify ||
                        kind == OperationKind::kDeleteBackup || kind == OperationKind::kCopyBackup;
    const Hold hold = kind == OperationKind::kCleanUp ? Hold::kNone
                      : shared                        ? Hold::kShared
                                                      : Hold::kExclusive;
    EXPECT_EQ(KindOf(kind).hold, hold) << NameOf(kind);
  }
}

}  // namespace
}  // namespace croft::operations
