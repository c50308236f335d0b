#include "tokens/record.hpp"

#include <gtest/gtest.h>

namespace bytes_handoff::test {

std::string describe(const net_error_code& error) {
  return error ? "error: " + error.message() : "done";
}

std::string describe(Errc error) { return "error: " + make_error_code(error).message(); }

std::string describe(const net_error_code& error, std::size_t n) {
  return error ? describe(error) : "done, " + std::to_string(n);
}

std::string describe(const net_error_code& error, const WriteTicket& ticket) {
  if (error) {
    return describe(error) + (ticket.valid() ? ", with a ticket" : "");
  }
  return ticket.valid() ? "done, a ticket" : "done, a ticket for nothing";
}

std::string describe(const net_error_code& error, const WritePermit& permit) {
  if (error) {
    return describe(error) + (permit.valid() ? ", with a permit" : "");
  }
  return "done, a permit for " + std::to_string(permit.bytes()) + " in " +
         std::to_string(permit.items());
}

std::string describe(const net_error_code& error, const RelayCounts& counts) {
  return error ? describe(error) : "done, passed on " + std::to_string(counts.passed_on);
}

std::string describe(const net_error_code& error, const TunnelResult& result) {
  return describe(error, result.a_to_b.counts);
}

void Record::complete(std::string result) {
  was_inside_ |= Initiating::depth() != 0;
  was_elsewhere_ |= !(on_streams_ ? environment_->is_on_streams() : environment_->is_on_executor());
  result_ = std::move(result);
  let_go_();
  completions_.fetch_add(1, std::memory_order_release);
}

bool Record::is_over() {
  if (completions_.load(std::memory_order_acquire) != 0 || is_completed_silently_) {
    return true;
  }
  if (!has_started() || is_complete_ == nullptr) {
    return false;
  }
  is_completed_silently_ = is_complete_();
  if (is_completed_silently_) {
    let_go_();
  }
  return is_completed_silently_;
}

void Record::expect_ended_once(const std::string& result) const {
  EXPECT_EQ(completions_.load(), 1U) << "times the handler was called";
  EXPECT_EQ(result_, result);
  EXPECT_FALSE(was_elsewhere_) << "a handler ran off its executor";
  EXPECT_FALSE(was_inside_) << "a handler ran inside of the initiating function";
}

void Record::expect_nothing_left() {
  is_complete_ = nullptr;
  EXPECT_EQ(life_.use_count(), 1) << "copies of the handler are left";
  EXPECT_EQ(resource_.blocks_out(), 0U);
}

}  // namespace bytes_handoff::test
