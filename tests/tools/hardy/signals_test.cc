#include "tools/hardy/signals.h"

#include <gtest/gtest.h>

#include <csignal>

namespace hardy::tools {
namespace {

TEST(Signals, InATrainingTheyOnlyRequestAStop) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const StopSignals signals;
    EXPECT_FALSE(signals.token().stop_requested());  // what stopped an earlier one is forgotten
    std::raise(number);
    EXPECT_TRUE(signals.token().stop_requested());
  }
}

TEST(Signals, WhatHandledThemBeforeDoesAgainAfterwards) {
  struct sigaction before = {}, after = {};
  sigaction(SIGINT, nullptr, &before);
  { const StopSignals signals; }
  sigaction(SIGINT, nullptr, &after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
  constexpr int kRestorer = 0x04000000;  // the C library's own, in what it has set once
  EXPECT_EQ(after.sa_flags & ~kRestorer, before.sa_flags & ~kRestorer);
}

TEST(Signals, ThatAShellOrNohupIgnoresAtHangupStaysIgnored) {
  const auto before = std::signal(SIGHUP, SIG_IGN);
  {
    const StopSignals signals;
    std::raise(SIGHUP);
    EXPECT_FALSE(signals.token().stop_requested());
  }
  EXPECT_EQ(std::signal(SIGHUP, before), SIG_IGN);
}

}  // namespace
}  // namespace hardy::tools
