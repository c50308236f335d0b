#pragma once

#include <gtest/gtest.h>

#include <ostream>

#include "bytes_handoff/relay.hpp"

namespace bytes_handoff {

inline std::ostream& operator<<(std::ostream& out, const RelayCounts& counts) {
  return out << counts.received << " received, " << counts.passed_on << " passed on, failed "
             << static_cast<int>(counts.failed);
}

}  // namespace bytes_handoff

namespace bytes_handoff::test {

/// How a relay ended.
class RelayOutcome {
 public:
  [[nodiscard]] auto handler() {
    return [this](const net_error_code& error, const RelayCounts& counts) {
      EXPECT_FALSE(is_over_) << "a handler was called twice";
      is_over_ = true;
      error_ = error;
      counts_ = counts;
    };
  }

  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] const net_error_code& error() const { return error_; }
  [[nodiscard]] const RelayCounts& counts() const { return counts_; }

  void expect(const net_error_code& error, const RelayCounts& counts) const {
    EXPECT_TRUE(is_over_);
    EXPECT_EQ(error_, error);
    EXPECT_EQ(counts_, counts);
  }

 private:
  bool is_over_ = false;
  net_error_code error_;
  RelayCounts counts_;
};

}  // namespace bytes_handoff::test
