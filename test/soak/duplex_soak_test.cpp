// Items without end from a write queue through a duplex into a buffer: every byte is compared,
// every ticket is heard of, and the process must not grow.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bytes_handoff.hpp"
#include "bytes_handoff/testing/duplex.hpp"
#include "support/memory/resident_memory.hpp"
#include "support/run_for.hpp"
#include "support/stepping/count.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

using Stream = BasicDuplexStream<net::io_context::executor_type>;

constexpr std::size_t kMostBytesOfAnItem = 96;
constexpr std::size_t kMostItemsOfAGroup = 64;

/// An endless stream of bytes that repeats after a number that no block or batch is a multiple of.
class EndlessText {
 public:
  EndlessText() {
    Random random;
    text_.reserve(kPeriod + kMostAtOnce);
    while (text_.size() < kPeriod) {
      text_.push_back(static_cast<char>(random.bits()));
    }
    text_.append(text_, 0, kMostAtOnce);
  }

  static constexpr std::size_t kMostAtOnce = 64 * 1024;
  /// The `n` bytes behind those taken before. `n` is at most `kMostAtOnce`.
  [[nodiscard]] std::string_view take(std::size_t n) {
    const std::string_view piece = std::string_view(text_).substr(at_, n);
    at_ = (at_ + n) % kPeriod;
    return piece;
  }

 private:
  static constexpr std::size_t kPeriod = 1'000'003;
  std::string text_;
  std::size_t at_ = 0;
};

/// Submits items in turn in every form there is, and waits where there is no room.
class Producer {
 public:
  Producer(WriteHandoff out, std::uint64_t items) : out_(std::move(out)), left_(items) {}

  void start() {
    while (left_ != 0 && !is_waiting_) {
      submit_group();
    }
    if (left_ == 0 && !is_waiting_ && !std::exchange(is_closed_, true)) {
      out_.async_close([this](net_error_code error) {
        EXPECT_FALSE(error) << error.message();
        is_over_ = true;
      });
    }
  }

  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t tickets_left() const { return tickets_left_; }
  [[nodiscard]] std::uint64_t items_left() const { return left_; }
  [[nodiscard]] const WriteHandoff& out() const { return out_; }

 private:
  void submit_group() {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kMostItemsOfAGroup));
    std::vector<Bytes> group;
    group.reserve(most);
    const std::size_t items = random_.between(1, most);
    for (std::size_t i = 0; i < items; ++i) {
      group.push_back(next_item());
    }
    left_ -= items;
    switch (random_.between(0, 3)) {
      case 0:
        return wait_until_admitted(std::move(group));
      case 1:
        return keep(out_.try_write(group), group);
      default:
        if (!out_.try_write(group)) {
          wait_until_admitted(std::move(group));
        }
    }
  }

  Bytes next_item() {
    const std::size_t n = random_.between(0, kMostBytesOfAnItem);
    if (block_.capacity() - block_.size() < n) {
      block_ = BytesMut::with_capacity(EndlessText::kMostAtOnce);
    }
    block_.extend(text_.take(n));
    bytes_ += n;
    return *block_.split_to_frozen(n);
  }

  void keep(expected<WriteTicket, WriteRefusal> ticket, std::vector<Bytes>& group) {
    if (!ticket) {
      return wait_until_admitted(std::move(group));
    }
    if (random_.one_in(4)) {
      return;  // a ticket that nobody waits for
    }
    ++tickets_left_;
    ticket->async_wait([this](net_error_code error, std::size_t) {
      EXPECT_FALSE(error) << error.message();
      --tickets_left_;
    });
  }

  void wait_until_admitted(std::vector<Bytes> group) {
    is_waiting_ = true;
    waiting_ = std::move(group);
    out_.async_write(waiting_, [this](net_error_code error, const WriteTicket&) {
      EXPECT_FALSE(error) << error.message();
      is_waiting_ = false;
      start();
    });
  }

  WriteHandoff out_;
  std::uint64_t left_;
  Random random_;
  EndlessText text_;
  BytesMut block_;
  std::uint64_t bytes_ = 0;
  std::uint64_t tickets_left_ = 0;
  std::vector<Bytes> waiting_;  // while `is_waiting_`
  bool is_waiting_ = false;
  bool is_closed_ = false;
  bool is_over_ = false;
};

/// Compares what comes, and takes it in pieces of all sizes.
class Consumer {
 public:
  explicit Consumer(Stream in) : in_(std::move(in)) {}

  void read() {
    buffer_.async_read_available(in_, [this](net_error_code error, std::size_t n) {
      EXPECT_FALSE(error) << error.message();
      if (error || n == 0) {
        is_over_ = true;
        return;
      }
      // Now and then a part stays for the next read.
      compare(random_.one_in(8) ? buffer_.size() / 2 : buffer_.size());
      read();
    });
  }

  /// What stayed at the end.
  void finish() { compare(buffer_.size()); }

  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] bool is_equal() const { return is_equal_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  void compare(std::size_t n) {
    while (n != 0 && is_equal_) {
      const std::size_t piece = std::min(n, random_.between(1, EndlessText::kMostAtOnce));
      const Bytes bytes = *buffer_.split_prefix(piece);
      is_equal_ = bytes.view() == text_.take(piece);
      bytes_ += piece;
      n -= piece;
    }
  }

  Stream in_;
  HandoffBuffer buffer_;
  Random random_;
  EndlessText text_;
  std::uint64_t bytes_ = 0;
  bool is_equal_ = true;
  bool is_over_ = false;
};

/// The slope of the straight line nearest to the points, by least squares.
double slope(const std::vector<std::pair<double, double>>& points) {
  const auto n = static_cast<double>(points.size());
  double mean_x = 0;
  double mean_y = 0;
  for (const auto& [x, y] : points) {
    mean_x += x / n;
    mean_y += y / n;
  }
  double covariance = 0;
  double variance = 0;
  for (const auto& [x, y] : points) {
    covariance += (x - mean_x) * (y - mean_y);
    variance += (x - mean_x) * (x - mean_x);
  }
  return variance == 0 ? 0 : covariance / variance;
}

TEST(DuplexSoak, SlopeIsThatOfTheLine) {
  EXPECT_DOUBLE_EQ(slope({{0, 5}, {1, 7}, {2, 9}}), 2);
  EXPECT_DOUBLE_EQ(slope({{0, 1}, {1, 0}, {2, 1}}), 0);
}

TEST(DuplexSoak, EveryByteArrivesAndTheProcessDoesNotGrow) {
  SCOPED_TRACE(seed_note());
  const std::uint64_t items = count_or(2'000'000);
  net::io_context context(1);
  auto [near, far] = make_duplex(context.get_executor(), 64 * 1024);
  WriteHandoffConfig config;
  config.max_items = 1024;
  config.max_pending_bytes = 64 * 1024;
  Producer producer(WriteHandoff(std::move(near), config), items);
  Consumer consumer(std::move(far));
  consumer.read();
  net::post(context, [&] { producer.start(); });

  std::vector<std::pair<double, double>> growth;  // KiB by millions of items
  const std::uint64_t sample_every = std::max<std::uint64_t>(items / 512, 1);
  std::uint64_t next_sample = items / 8;  // by then all that is kept for reuse is there
  while (consumer.is_equal() && context.run_one() != 0) {
    const std::uint64_t submitted = items - producer.items_left();
    if (submitted >= next_sample) {
      next_sample += sample_every;
      growth.emplace_back(static_cast<double>(submitted) / 1e6,
                          static_cast<double>(resident_bytes().value_or(0)) / 1024);
    }
  }
  consumer.finish();

  EXPECT_TRUE(consumer.is_equal());
  EXPECT_TRUE(consumer.is_over());
  EXPECT_TRUE(producer.is_over());
  EXPECT_EQ(consumer.bytes(), producer.bytes());
  EXPECT_EQ(producer.tickets_left(), 0U);
  EXPECT_EQ(producer.out().statistics().admitted_items, items);
  EXPECT_EQ(producer.out().statistics().written_bytes, producer.bytes());
  EXPECT_EQ(producer.out().pending_items(), 0U);
  EXPECT_EQ(producer.out().pending_bytes(), 0U);
  // 1 KiB for each million items; in a short run, a page or two must not count as a slope.
  const double kib_per_million = slope(growth);
  const double allowed = std::max(1.0, 256 / (static_cast<double>(items) / 1e6));
  EXPECT_LE(kib_per_million, allowed);
  std::cout << items << " items, " << producer.bytes() << " bytes, " << kib_per_million
            << " KiB a million items, " << seed_note() << "\n";
}

}  // namespace
}  // namespace bytes_handoff::test
