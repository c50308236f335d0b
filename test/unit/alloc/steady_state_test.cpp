// What the steady state allocates. A program of its own, since it replaces the global operator new.

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/framers.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"
#include "support/memory/allocation_counter.hpp"
#include "support/memory/counting_resource.hpp"
#include "support/memory/malloc_counter.hpp"
#include "support/memory/pooling.hpp"
#include "support/queue/writer_fixture.hpp"

namespace bytes_handoff::test {
namespace {

using Executor = net::io_context::executor_type;
using Socket = net::basic_stream_socket<net::local::stream_protocol, Executor>;

/// Takes everything at once and keeps none of it.
class SinkStream {
 public:
  using executor_type = Executor;
  explicit SinkStream(Executor executor) : executor_(executor) {}
  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] bool non_blocking() const { return true; }
  void non_blocking(bool, net_error_code& error) { error = {}; }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) {
    error = {};
    return net::buffer_size(buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this](auto handler, std::size_t n) {
          net::post(executor_, [handler = std::move(handler), n]() mutable {
            std::move(handler)(net_error_code(), n);
          });
        },
        token, net::buffer_size(buffers));
  }
  friend void end_write(SinkStream&, net_error_code& error) { error = {}; }

 private:
  Executor executor_;
};

// Where a process has a hundred thousand connections, most are idle. With what the checks keep.
static_assert(sizeof(detail::Writer<Socket, detail::AtEnd::kEnd>) <= 848 &&
                  sizeof(HandoffBuffer) <= 200 && sizeof(DelimiterFramer) <= 80,
              "an idle connection takes more memory than it did");

class SteadyState : public testing::Test {
 protected:
  void SetUp() override {
    if (!kPooled) {
      GTEST_SKIP() << "the pool keeps nothing in this build";
    }
  }

  /// What `round` allocates once it has been run often enough to have all the memory it needs.
  std::size_t allocations_of(const std::function<void()>& round) {
    for (int i = 0; i < 50; ++i) {
      round();
    }
    const AllocationScope scope;
    for (int i = 0; i < 50; ++i) {
      round();
    }
    return scope.allocations();
  }

  void run() {
    context.restart();
    context.poll();
  }

  net::io_context context{1};
  const Bytes bytes = Bytes::copy_of(std::string(1000, 'x'));
};

TEST_F(SteadyState, events_and_names_allocate_when_the_queue_is_made_alone) {
  int events = 0;
  WriteHandoff out(
      SinkStream(context.get_executor()),
      {.max_items = 1,
       .name = "a name that is too long for a small string",
       .on_event = [&events](const QueueEvent& event) { events += event.name.empty() ? 0 : 1; }});
  const std::size_t allocations = allocations_of([&] {
    for (int i = 0; i != 3; ++i) {
      Bytes copy = bytes;
      static_cast<void>(out.try_write(copy));
    }
    run();
    Bytes copy = bytes;
    static_cast<void>(out.try_write(copy));
    run();
  });
  EXPECT_EQ(allocations, 0U);
  EXPECT_EQ(events, 200) << "two a round";
  out.abort();  // its last event, which the hook has a place for
  run();
}

TEST_F(SteadyState, a_detached_submission_and_its_drain_allocate_nothing) {
  auto out = WriteHandoff(SinkStream(context.get_executor()), limits(256, 1U << 20U));
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 100; ++i) {
                ASSERT_TRUE(try_send(out, bytes).has_value());
              }
              run();
              ASSERT_EQ(out.pending_items(), 0U);
            }),
            0U);
}

TEST_F(SteadyState, tickets_and_groups_allocate_nothing) {
  auto out = WriteHandoff(SinkStream(context.get_executor()), limits(256, 1U << 20U));
  std::array<Bytes, 10> slices;
  EXPECT_EQ(allocations_of([&] {
              auto ticket = try_send(out, bytes);
              slices.fill(bytes);
              auto all = out.try_write(slices);
              run();
              ASSERT_TRUE(ticket->is_done());
              ASSERT_TRUE(all->is_done());
            }),
            0U);
}

TEST_F(SteadyState, refusals_allocate_nothing) {
  auto out = WriteHandoff(SinkStream(context.get_executor()), limits(1, 1500));
  EXPECT_EQ(allocations_of([&] {
              ASSERT_TRUE(try_send(out, bytes).has_value());
              ASSERT_FALSE(try_send(out, bytes).has_value());
              ASSERT_FALSE(try_send(out, bytes).has_value());
              run();
            }),
            0U);
}

TEST_F(SteadyState, a_socket_that_makes_the_writer_wait_allocates_nothing) {
  Socket near(context);
  Socket far(context);
  net::local::connect_pair(near, far);
  near.set_option(net::socket_base::send_buffer_size(4096));
  far.non_blocking(true);
  auto out = WriteHandoff(std::move(near), limits(256, 1U << 20U));
  std::string room(65536, '\0');
  std::size_t received = 0;
  std::size_t sent = 0;
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 100; ++i) {
                ASSERT_TRUE(try_send(out, bytes).has_value());
              }
              sent += 100 * bytes.size();
              run();
              ASSERT_NE(out.pending_items(), 0U) << "the socket was to be full";
              while (received < sent) {
                net_error_code error;
                received += far.read_some(net::buffer(room), error);
                run();
              }
            }),
            0U);
}

TEST_F(SteadyState, a_submission_from_another_thread_allocates_nothing) {
  // Memory goes from one thread to the other, until what each of them keeps is full. Threads take
  // turns slowly where others run, too.
  constexpr int kRounds = 300;
  constexpr int kMeasured = 50;
  constexpr int kWrites = 20;  // of a round
  auto out = WriteHandoff(SinkStream(context.get_executor()), limits(256, 1U << 20U));
  std::binary_semaphore submitted(0);
  std::binary_semaphore drained(0);
  std::size_t allocations = 1;
  std::thread producer([&] {
    std::optional<AllocationScope> scope;
    for (int round = 0; round < kRounds; ++round) {
      if (round == kRounds - kMeasured) {
        scope.emplace();
      }
      for (int i = 0; i < kWrites; ++i) {
        EXPECT_TRUE(try_send(out, bytes).has_value());
      }
      submitted.release();
      drained.acquire();
    }
    allocations = scope->allocations();
  });
  for (int round = 0; round < kRounds; ++round) {
    submitted.acquire();
    run();
    drained.release();
  }
  producer.join();
  EXPECT_EQ(allocations, 0U);
}

/// A socket behind a strand, whose peer takes everything.
class SteadyStrand : public SteadyState {
 protected:
  using Strand = net::strand<Executor>;
  using StrandSocket = net::basic_stream_socket<net::local::stream_protocol, Strand>;

  void SetUp() override {
    SteadyState::SetUp();
    net::local::connect_pair(near, far);
    far.non_blocking(true);
  }

  void take_all() {
    net_error_code error;
    while (!error) {
      static_cast<void>(far.read_some(net::buffer(room), error));
    }
  }

  /// Malloc and its kin, once all the memory that is needed is there.
  std::size_t mallocs_of(const std::function<void()>& round) {
    for (int i = 0; i < 200; ++i) {
      round();
    }
    const std::size_t before = malloc_calls();
    for (int i = 0; i < 200; ++i) {
      round();
    }
    return malloc_calls() - before;
  }

  StrandSocket near{net::make_strand(context.get_executor())};
  Socket far{context};
  std::string room = std::string(65536, '\0');
};

TEST_F(SteadyStrand, a_write_from_its_own_thread_allocates_nothing) {
  auto out = WriteHandoff(std::move(near), limits(256, 1U << 20U));
  EXPECT_EQ(mallocs_of([&] {
              ASSERT_TRUE(try_send(out, bytes).has_value());
              auto ticket = try_send(out, bytes);
              run();
              ASSERT_TRUE(ticket->is_done());
              take_all();
            }),
            0U);
}

TEST_F(SteadyStrand, a_write_that_the_stream_makes_wait_allocates_nothing) {
  near.set_option(net::socket_base::send_buffer_size(4096));
  auto out = WriteHandoff(std::move(near), limits(256, 1U << 20U));
  EXPECT_EQ(mallocs_of([&] {
              for (int i = 0; i < 30; ++i) {
                ASSERT_TRUE(try_send(out, bytes).has_value());
              }
              run();
              ASSERT_NE(out.pending_items(), 0U) << "the socket was to be full";
              while (out.pending_items() != 0) {
                take_all();
                run();
              }
              take_all();
            }),
            0U);
}

TEST_F(SteadyStrand, a_write_from_another_thread_allocates_nothing) {
  auto out = WriteHandoff(std::move(near), limits(256, 1U << 20U));
  std::binary_semaphore submit(0);
  std::binary_semaphore submitted(0);
  std::atomic<std::size_t> mallocs_there{0};
  std::atomic<int> writes{20};  // of a round: threads take turns slowly where others run, too
  std::atomic<bool> is_over{false};
  std::thread producer([&] {
    for (submit.acquire(); !is_over; submit.acquire()) {
      for (int i = 0; i < writes; ++i) {
        const std::size_t before = malloc_calls();
        EXPECT_TRUE(try_send(out, bytes).has_value());
        mallocs_there += malloc_calls() - before;
      }
      submitted.release();
    }
  });
  const auto round = [&] {
    submit.release();
    submitted.acquire();
    run();
    take_all();
  };
  for (int i = 0; i < 1000; ++i) {  // until what each thread keeps is full
    round();
  }
  writes = 1;
  mallocs_there = 0;
  EXPECT_EQ(mallocs_of(round), 0U);
  EXPECT_EQ(mallocs_there, 0U);
  is_over = true;
  submit.release();
  producer.join();
}

TEST_F(SteadyState, what_waits_allocates_once_by_its_own_allocator_and_nothing_else) {
  CountingResource resource;
  std::array<std::byte, 4096> memory{};
  auto out = WriteHandoff(SinkStream(context.get_executor()), limits(1, 1U << 20U));
  int told = 0;
  EXPECT_EQ(allocations_of([&] {
              std::pmr::monotonic_buffer_resource arena(memory.data(), memory.size(),
                                                        std::pmr::null_memory_resource());
              const std::pmr::polymorphic_allocator<std::byte> allocator(&arena);
              const auto bound = [&] {
                return net::bind_executor(
                    context.get_executor(),
                    net::bind_allocator(allocator, [&](auto&&...) { ++told; }));
              };
              ASSERT_TRUE(try_send(out, bytes).has_value());
              Bytes first = bytes;
              std::array second{bytes};
              out.async_write(first, bound());
              out.async_write(second, bound());
              out.async_flush(bound());
              run();
            }),
            0U);
  EXPECT_EQ(told, 300);
}

/// A burst of 100 and permits, through queues that are smaller; by handlers with memory of their
/// own.
class SteadyRoom : public SteadyStrand {
 protected:
  static constexpr std::size_t kBurst = 100;

  /// In either of the two places where memory is counted; one of them counts nothing in some
  /// builds.
  void expect_no_allocations(const std::function<void()>& round) {
    EXPECT_EQ(mallocs_of(round), 0U);
    EXPECT_EQ(allocations_of(round), 0U);
  }

  /// A handler on the context, in `arena`.
  template <class Function>
  [[nodiscard]] auto bound(Function function) {
    return net::bind_executor(
        context.get_executor(),
        net::bind_allocator(std::pmr::polymorphic_allocator<std::byte>(&arena),
                            std::move(function)));
  }

  /// The far end takes all, again and again, until nothing is pending or waits.
  void drain(const WriteHandoff& out) {
    run();
    while (out.pending_items() != 0) {
      take_all();
      run();
    }
    take_all();
  }

  std::array<std::byte, 4096> memory{};
  std::pmr::monotonic_buffer_resource arena{memory.data(), memory.size(),
                                            std::pmr::null_memory_resource()};
};

TEST_F(SteadyRoom, a_permit_and_its_commit_allocate_nothing) {
  auto out = WriteHandoff(std::move(near), limits(8, 8000));
  expect_no_allocations([&] {
    auto first = out.try_reserve(1000);
    auto dropped = out.try_reserve(2000, 2);
    auto several = out.try_reserve(3000, 3);
    ASSERT_TRUE(first && dropped && several);
    Bytes one = bytes;
    auto ticket = first->commit(one);
    ASSERT_TRUE(ticket.has_value());
    std::array slices{bytes, bytes};
    ASSERT_TRUE(several->commit(slices).has_value()) << "less than was reserved";
    drain(out);
    ASSERT_TRUE(ticket->is_done());
  });
}

TEST_F(SteadyRoom, a_reservation_that_waits_and_its_commit_allocate_by_its_own_allocator_alone) {
  auto out = WriteHandoff(std::move(near), limits(1, 8000));
  int committed = 0;
  const auto commit = [&](net_error_code, WritePermit permit) {
    Bytes one = bytes;
    committed += permit.valid() && permit.commit(one).has_value() ? 1 : 0;
  };
  expect_no_allocations([&] {
    arena.release();
    ASSERT_TRUE(try_send(out, bytes).has_value());
    out.async_reserve(1000, bound(commit));
    out.async_reserve(8000, 1, bound(commit));
    drain(out);
  });
  EXPECT_EQ(committed % 2, 0);
  EXPECT_GE(committed, 2 * 300);
  EXPECT_GE(out.statistics().waits, 2U * 300);
}

TEST_F(SteadyRoom,
       a_burst_of_a_hundred_through_a_small_queue_allocates_by_its_own_allocator_alone) {
  near.set_option(net::socket_base::send_buffer_size(4096));
  auto out = WriteHandoff(std::move(near), limits(4, 4000));
  std::array<Bytes, kBurst> slices;
  std::size_t sent = 0;
  const auto burst_and_drain = [&] {
    arena.release();
    slices.fill(bytes);
    sent = 0;
    out.async_send(slices, bound([&](net_error_code, std::size_t n) { sent = n; }));
    drain(out);
    ASSERT_EQ(sent, kBurst);
  };
  expect_no_allocations(burst_and_drain);
  EXPECT_GE(out.statistics().waits, 300U) << "it was to be larger than the queue";
  const auto cut_and_drain = [&] {
    arena.release();
    slices.fill(bytes);
    sent = 0;
    out.async_send(std::span(slices), may_cut,
                   bound([&](net_error_code, std::size_t n) { sent = n; }));
    drain(out);
    ASSERT_EQ(sent, kBurst);
  };
  expect_no_allocations(cut_and_drain);
}

}  // namespace
}  // namespace bytes_handoff::test
