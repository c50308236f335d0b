// What a client's writes carry.

#include "workload/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace stream_harness {
namespace {

/// What was written to a stream, and how much each call offered.
struct Written {
  std::vector<std::size_t> offered;
  std::uint64_t taken = 0;
  std::size_t most_buffers = 0;
  bool shut_down = false;
};

// Takes what it is offered, or at most so much at a time.
class RecordingStream : public net::socket_base {
 public:
  using executor_type = Executor;

  RecordingStream(const Executor& executor, Written& written, std::size_t most)
      : executor_(executor), written_(&written), most_(most) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  void non_blocking(bool, net_error_code& error) noexcept { error = {}; }

  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) {
    error = {};
    const auto begin = net::buffer_sequence_begin(buffers);
    const auto count = std::distance(begin, net::buffer_sequence_end(buffers));
    written_->offered.push_back(net::buffer_size(buffers));
    written_->most_buffers = std::max(written_->most_buffers, static_cast<std::size_t>(count));
    const std::size_t taken = std::min(net::buffer_size(buffers), most_);
    written_->taken += taken;
    return taken;
  }

  // Not used where every call takes something.
  template <class Buffers, class Handler>
  void async_write_some(const Buffers&, Handler&&) {
    ADD_FAILURE();
  }

  void shutdown(shutdown_type, net_error_code& error) {
    error = {};
    written_->shut_down = true;
  }
  void close(net_error_code& error) noexcept { error = {}; }

 private:
  Executor executor_;
  Written* written_;
  std::size_t most_;
};

Written run_client(const PayloadShape& shape, std::size_t fragment, std::size_t most = SIZE_MAX) {
  Written written;
  net::io_context context(1);
  std::string failure = "not done";
  std::make_shared<Client<RecordingStream>>(RecordingStream(context.get_executor(), written, most),
                                            PayloadCursor(shape, 0, fragment), fragment,
                                            [&](const std::string& error) { failure = error; })
      ->start();
  context.run();
  EXPECT_EQ(failure, "");
  EXPECT_TRUE(written.shut_down);
  EXPECT_EQ(written.taken, payload_bytes(shape));
  return written;
}

TEST(Client, EachWriteCarriesAFragmentWhateverTheFramesAre) {
  for (const std::size_t frame_len : {16u, 63u, 2047u, 2099u, 20'000u, 500'000u}) {
    for (const std::size_t fragment : {64u, 5000u, 65'536u, 300'000u, 3'000'000u}) {
      const PayloadShape shape{4'000'000 / frame_len, frame_len, 2'000'000};
      const Written written = run_client(shape, fragment);
      ASSERT_EQ(written.offered.size(), (payload_bytes(shape) + fragment - 1) / fragment);
      for (std::size_t i = 0; i + 1 < written.offered.size(); ++i) {
        ASSERT_EQ(written.offered[i], fragment) << frame_len << ' ' << i;
      }
      ASSERT_LE(written.most_buffers, 64u) << "a socket and a duplex take no more in one call";
    }
  }
}

TEST(Client, WhatAStreamDoesNotTakeIsOfferedAgainBeforeTheNextFragment) {
  const Written written = run_client({100, 63, 10'000}, 1000, 600);
  for (std::size_t i = 0; i + 2 < written.offered.size(); i += 2) {
    ASSERT_EQ(written.offered[i], 1000u);
    ASSERT_EQ(written.offered[i + 1], 400u);
  }
}

// The calls as they are, to a socket and to a duplex: each takes all buffers of a fragment.
TEST(Client, ADuplexTakesAFragmentOfManyBuffersInOneCall) {
  net::io_context context(1);
  const PayloadShape shape{12, 20'000, 1 << 20};
  PayloadCursor cursor(shape, 0, 250'000);
  auto [near, far] = bytes_handoff::make_duplex(context.get_executor(), 1 << 20);
  const PayloadPiece& piece = cursor.next(250'000);
  std::vector<net::const_buffer> buffers;
  for (const auto buffer : piece.buffers()) buffers.emplace_back(buffer.data(), buffer.size());
  EXPECT_GT(buffers.size(), 30u);
  net_error_code error;
  near.non_blocking(true, error);
  EXPECT_EQ(near.write_some(buffers, error), 250'000u);
}

}  // namespace
}  // namespace stream_harness
