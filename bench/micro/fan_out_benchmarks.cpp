// One publication to 1,000 queues, by a `FanOut` and by hand: a `try_write` to each queue from the
// thread that publishes. The streams are on one context with a thread of its own, and each of their
// writes is a system call. The time is the processor time of the whole process, from when all
// publishers may begin to when the last stream has the last byte.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <time.h>  // NOLINT(modernize-deprecated-headers): clock_gettime
#include <unistd.h>

#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/fan_out.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "timed_section.hpp"

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kMostPublications = 256;  // of all threads together, in one iteration
constexpr std::size_t kPublicationBytes = 64;

struct Taken {
  std::size_t bytes = 0;
  std::size_t writes = 0;
};

/// Writes to a device that takes everything, at once.
class DeviceStream {
 public:
  using executor_type = net::io_context::executor_type;

  DeviceStream(net::io_context& context, int device, Taken& taken) noexcept
      : executor_(context.get_executor()), device_(device), taken_(&taken) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  [[nodiscard]] bool non_blocking() const noexcept { return true; }
  void non_blocking(bool, net_error_code& error) noexcept { error = net_error_code(); }

  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, net_error_code& error) noexcept {
    error = net_error_code();
    std::array<iovec, 64> vectors;  // NOLINT: only the first `count` are read
    int count = 0;
    for (auto at = net::buffer_sequence_begin(buffers); at != net::buffer_sequence_end(buffers);
         ++at) {
      const net::const_buffer buffer(*at);
      vectors[static_cast<std::size_t>(count++)] = {const_cast<void*>(buffer.data()),
                                                    buffer.size()};
    }
    const auto n = static_cast<std::size_t>(::writev(device_, vectors.data(), count));
    taken_->bytes += n;
    ++taken_->writes;
    return n;
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    net_error_code error;
    const std::size_t n = write_some(buffers, error);
    return net::async_initiate<Token, void(net_error_code, std::size_t)>(
        [this, n](auto handler) {
          net::post(executor_,
                    [handler = std::move(handler), n]() mutable { handler(net_error_code(), n); });
        },
        token);
  }

  friend void end_write(DeviceStream&, net_error_code& error) noexcept { error = net_error_code(); }

 private:
  executor_type executor_;
  int device_;
  Taken* taken_;
};

// Contenders: made of all queues; `publish`, from any thread.

class ByLog {
 public:
  explicit ByLog(const std::vector<WriteHandoff>& queues)
      : log_({.max_bytes = kMostPublications * kPublicationBytes,
              .max_entries = kMostPublications}) {
    for (const WriteHandoff& queue : queues) {
      subscriptions_.push_back(log_.subscribe(queue));
    }
  }
  void publish(Bytes& bytes) { benchmark::DoNotOptimize(log_.publish(bytes).has_value()); }

 private:
  FanOut log_;
  std::vector<Subscription> subscriptions_;
};

class ByHand {
 public:
  explicit ByHand(const std::vector<WriteHandoff>& queues) : queues_(&queues) {}
  void publish(const Bytes& bytes) {
    for (const WriteHandoff& queue : *queues_) {
      Bytes copy = bytes;
      benchmark::DoNotOptimize(queue.try_write(copy).has_value());
    }
  }

 private:
  const std::vector<WriteHandoff>* queues_;
};

[[nodiscard]] double processor_seconds() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Publishes this thread's part of one iteration.
template <class Contender>
void publish_part(Contender& contender, std::size_t publications, std::barrier<>& start) {
  std::vector<Bytes> bytes;
  for (std::size_t left = publications; left != 0; --left) {
    bytes.push_back(Bytes::copy_of(std::string(kPublicationBytes, 'x')));
  }
  start.arrive_and_wait();
  for (Bytes& each : bytes) {
    contender.publish(each);
  }
}

template <class Contender>
void fan_out_publish(benchmark::State& state) {
  const auto subscribers = static_cast<std::size_t>(state.range(0));
  const auto threads = static_cast<std::size_t>(state.range(1));
  const auto publications = static_cast<std::size_t>(state.range(2));
  const int device = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  net::io_context context(1);
  Taken taken;
  std::vector<WriteHandoff> queues;
  for (std::size_t i = 0; i != subscribers; ++i) {
    queues.emplace_back(DeviceStream(context, device, taken));
  }
  Contender contender(queues);
  context.poll();
  std::size_t writes = 0;
  for ([[maybe_unused]] auto unused : state) {
    taken = {};
    std::barrier start(static_cast<std::ptrdiff_t>(threads + 1));
    std::vector<std::jthread> publishers;
    for (std::size_t i = 0; i != threads; ++i) {
      publishers.emplace_back([&] { publish_part(contender, publications / threads, start); });
    }
    const auto work = net::make_work_guard(context);
    context.restart();
    start.arrive_and_wait();
    const double began = processor_seconds();
    while (taken.bytes != subscribers * publications * kPublicationBytes) {
      context.run_one();
    }
    state.SetIterationTime(processor_seconds() - began);
    writes += taken.writes;
  }
  count_work(state, publications * kPublicationBytes * subscribers, publications * subscribers);
  state.counters["stream_writes"] =
      benchmark::Counter(static_cast<double>(writes), benchmark::Counter::kAvgIterations);
  ::close(device);
}

void subscribers_and_threads(benchmark::internal::Benchmark* of) {
  of->ArgNames({"subscribers", "threads", "publications"})
      ->Args({1000, 1, kMostPublications})
      ->Args({1000, 2, kMostPublications})
      ->Args({1000, 1, 1})
      ->Unit(benchmark::kMillisecond)
      ->UseManualTime();
}

BENCHMARK(fan_out_publish<ByLog>)->Name("fan_out_publish/log")->Apply(subscribers_and_threads);
BENCHMARK(fan_out_publish<ByHand>)->Name("fan_out_publish/by_hand")->Apply(subscribers_and_threads);

}  // namespace
}  // namespace bytes_handoff::bench
