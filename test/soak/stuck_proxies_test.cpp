// The harness's proxy, stuck at an exact byte of its stream, with frames of any size.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "contenders/start_proxy.hpp"
#include "roles/process/keep_freed_memory.hpp"
#include "support/memory/resident_memory.hpp"
#include "support/run_for.hpp"
#include "support/stepping/count.hpp"
#include "transports/streams.hpp"

namespace stream_harness {
namespace {

using bytes_handoff::test::count_or;
using bytes_handoff::test::resident_bytes;
using bytes_handoff::test::run_out;
using bytes_handoff::test::run_ready;

enum class Place { kBefore, kInside, kBehind, kUnfinished };

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kClientPipe = 64 * kKiB;  // as much as a read takes
constexpr std::size_t kPipe = 4 * kKiB;
constexpr std::size_t kBlock = 64 * kKiB;
constexpr std::size_t kBudget = 32 * kKiB;
/// An idle connection, and its two pipes.
constexpr std::size_t kItself = 4 * kKiB + (kClientPipe + kKiB) + (kPipe + kKiB);

/// What a buffer takes to hold a frame that does not fit a block with the room of one more read:
/// see docs/sizing.md.
std::size_t grown_buffer(std::size_t frame_bytes) {
  constexpr std::size_t kReserve = kBudget / 2;
  if (frame_bytes + kReserve <= kBlock) return 0;
  return std::bit_ceil(frame_bytes + std::max(frame_bytes / 2, kReserve));
}

/// A frame that fills the pipe to the sink, then frames of one size: without end, or the last one
/// without its newline. The sink takes so many bytes that the proxy has got rid of nothing behind
/// the first, of half a frame, or of a frame.
struct Course {
  std::string filler = std::string(kPipe - 1, 'a') + "\n";
  std::string frame;
  bool is_endless = true;
  std::size_t taken_bytes = 0;

  Course(std::size_t frame_bytes, Place place) : frame(frame_bytes, 'f') {
    is_endless = place != Place::kUnfinished;
    if (is_endless) frame += '\n';
    if (place == Place::kInside) taken_bytes = frame.size() / 2;
    if (place == Place::kBehind) taken_bytes = frame.size();
  }
};

class StuckProxy {
 public:
  StuckProxy(net::io_context& context, const Course& course)
      : course_(course),
        in_(bytes_handoff::make_duplex(context.get_executor(), kClientPipe)),
        out_(bytes_handoff::make_duplex(context.get_executor(), kPipe)) {}

  void start() {
    const ProxyConfig config{kBudget / 2, kBudget, course_.frame.size(),
                             Completion::kFireAndForget};
    proxy_ = start_proxy(Implementation::kHandoff, std::move(in_.second), std::move(out_.first),
                         config, [](const ProxyResult&) {});
    feed(course_.filler, 0);
    take(course_.taken_bytes);
  }

  void stop() {
    if (const auto proxy = proxy_.lock()) proxy->stop();
    in_.first.close();
    out_.second.close();
  }

 private:
  void feed(const std::string& text, std::size_t from) {
    in_.first.async_write_some(net::buffer(text) + from,
                               [this, &text, from](net_error_code error, std::size_t n) {
                                 if (error) return;
                                 if (from + n < text.size()) return feed(text, from + n);
                                 if (&text == &course_.filler || course_.is_endless) {
                                   feed(course_.frame, 0);
                                 }
                               });
  }

  void take(std::size_t bytes) {
    if (bytes == 0) return;
    static std::array<char, kPipe> dropped;
    out_.second.async_read_some(net::buffer(dropped, bytes),
                                [this, bytes](net_error_code error, std::size_t n) {
                                  if (!error) take(bytes - n);
                                });
  }

  const Course& course_;
  std::pair<DuplexStream, DuplexStream> in_;
  std::pair<DuplexStream, DuplexStream> out_;
  std::weak_ptr<Proxy> proxy_;
};

class StuckProxies : public testing::TestWithParam<std::tuple<std::size_t, Place>> {};

TEST_P(StuckProxies, CostTheBudgetABufferAndABlockAndNoMore) {
  if (!resident_bytes()) GTEST_SKIP() << "this system does not say what a process has in memory";
  keep_freed_memory();  // as the service does
  const auto [frame_bytes, place] = GetParam();
  const Course course(frame_bytes, place);
  const std::size_t count = count_or(120);
  net::io_context context(1);
  std::vector<std::unique_ptr<StuckProxy>> proxies;
  const auto grow_to = [&](std::size_t size) {
    const std::size_t first = proxies.size();
    while (proxies.size() < size) {
      proxies.push_back(std::make_unique<StuckProxy>(context, course));
    }
    for (std::size_t i = first; i < size; ++i) proxies[i]->start();
    run_ready(context);
    return *resident_bytes();
  };
  const std::size_t quarter = grow_to(count / 4);
  const std::size_t all = grow_to(count);
  const std::size_t each = (all - std::min(all, quarter)) / (count - count / 4);
  const std::size_t bound = kBudget + grown_buffer(course.frame.size()) + kBlock + kItself;
  std::cout << frame_bytes << " bytes: " << each << " bytes a connection of " << bound << "\n";
  EXPECT_LE(each, bound);
  for (const auto& proxy : proxies) proxy->stop();
  ASSERT_TRUE(run_out(context));
}

std::string name_of(const testing::TestParamInfo<StuckProxies::ParamType>& point) {
  constexpr std::array<const char*, 4> kPlaces{"before", "inside", "behind", "unfinished"};
  return std::to_string(std::get<0>(point.param)) + "_" +
         kPlaces[static_cast<std::size_t>(std::get<1>(point.param))];
}

INSTANTIATE_TEST_SUITE_P(Frames, StuckProxies,
                         testing::Combine(testing::Values(63, 4096, 60000, 65536, 200000, 1048576),
                                          testing::Values(Place::kBefore, Place::kInside,
                                                          Place::kBehind, Place::kUnfinished)),
                         name_of);

}  // namespace
}  // namespace stream_harness
