#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <utility>
#include <vector>

// How long the requests of one thread take, as pipeline_client measures it: one reading of the
// clock for each piece that is sent at once, and one sample, until its last reply was seen.
class Latencies {
 public:
  // Just before the thread makes and sends a piece: how many of its requests have their replies by
  // now, and how many are sent with this piece and those before.
  void send(std::size_t answered, std::size_t sent) {
    const Clock::time_point now = Clock::now();
    for (; !pieces_.empty() && pieces_.front().last <= answered; pieces_.pop_front()) {
      micros_.push_back(Micros(now - pieces_.front().start).count());
    }
    pieces_.push_back({sent, now});
  }
  void take(const Latencies& other) {
    micros_.insert(micros_.end(), other.micros_.begin(), other.micros_.end());
  }

  void print() {
    if (micros_.empty()) return;
    std::sort(micros_.begin(), micros_.end());
    for (const auto& [name, part] : {std::pair{"p50", 50}, {"p95", 95}, {"p99", 99}}) {
      const std::size_t at = micros_.size() * static_cast<std::size_t>(part) / 100;
      std::printf("latency_%s_micros=%.1f\n", name, micros_[at]);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Micros = std::chrono::duration<double, std::micro>;
  struct Piece {
    std::size_t last = 0;  // how many were sent with it
    Clock::time_point start;
  };

  std::deque<Piece> pieces_;
  std::vector<double> micros_;
};
