#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/fan_out/fake_subscriber.hpp"

namespace bytes_handoff::test {

/// A fan-out on lanes whose turns the test makes.
class FanOutTest : public testing::Test {
 protected:
  using TimePoint = std::chrono::steady_clock::time_point;

  ~FanOutTest() override {
    core->close(false, woken);
    detail::wake_all(woken);
    for (const auto& subscriber : subscribers) {
      leave(*subscriber);
    }
    for (FakeLane* each : lanes) {
      each->end_all();
      while (each->posted != 0) {
        --each->posted;
        each->drop_reference();
      }
      each->drop_reference();
    }
  }

  void open(const FanOutConfig& config) { core = std::make_shared<detail::FanOutCore>(config); }

  FakeLane& make_lane() {
    lanes.push_back(new FakeLane(core));
    static_cast<void>(core->find_or_add([](auto&) { return false; }, lanes.back()));
    return *lanes.back();
  }
  [[nodiscard]] FakeLane& lane() { return lanes.empty() ? make_lane() : *lanes.front(); }

  FakeSubscriber& join(LagPolicy policy = {}, std::size_t max_bytes = 1000,
                       std::size_t max_items = 100, FakeLane* on = nullptr,
                       detail::BudgetState* budget = nullptr) {
    FakeLane& of = on == nullptr ? lane() : *on;
    subscribers.push_back(FakeSubscriberPointer::adopt(new FakeSubscriber(
        detail::LanePointer(&of), std::move(policy), max_bytes, max_items, budget)));
    FakeSubscriber& subscriber = *subscribers.back();
    joined = core->join(subscriber, woken);
    detail::wake_all(woken);
    return subscriber;
  }
  void leave(FakeSubscriber& subscriber) {
    core->leave(subscriber, woken);
    detail::wake_all(woken);
  }

  bool publish_group(std::vector<std::string_view> texts, detail::PublicationKey key = {}) {
    std::vector<Bytes> slices;
    for (const std::string_view text : texts) {
      slices.push_back(Bytes::copy_of(text));
    }
    refused = {};
    const auto published = core->publish(slices, key, woken);
    detail::wake_all(woken);
    if (!published) {
      refused = published.error();
      kept = std::move(slices);
    }
    return published.has_value();
  }
  bool publish(std::string_view text, detail::PublicationKey key = {}) {
    return publish_group({text}, key);
  }
  void close(bool closes_queues = true) {
    core->close(closes_queues, woken);
    detail::wake_all(woken);
  }

  /// Makes turns until none is posted.
  void run() {
    for (int left = 10'000;; --left) {
      ASSERT_NE(left, 0) << "turns are posted for ever";
      bool is_quiet = true;
      for (FakeLane* each : lanes) {
        ASSERT_LE(each->posted, 1) << "two turns of one lane are posted";
        if (each->posted != 0) {
          is_quiet = false;
          static_cast<void>(each->run_turn(now));
        }
      }
      if (is_quiet) {
        return;
      }
    }
  }

  std::shared_ptr<detail::FanOutCore> core =
      std::make_shared<detail::FanOutCore>(FanOutConfig{.max_bytes = 1000, .max_entries = 100});
  std::vector<FakeLane*> lanes;
  std::vector<FakeSubscriberPointer> subscribers;
  detail::LaneList woken;
  bool joined = false;
  std::optional<Errc> refused;
  std::vector<Bytes> kept;
  TimePoint now{std::chrono::hours{1}};
};

}  // namespace bytes_handoff::test
