// One publication to 1,000 queues, by a `FanOut` and by hand: a `try_write` to each queue from the
// thread that publishes. Each stream write is a system call. The time is the processor time of the
// whole process, from when all publishers may begin to when the last stream has the last byte.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <barrier>
#include <cstddef>
#include <deque>
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

// Contenders: made of all queues, and of how many publications there must be room for; `publish`,
// from any thread.

class ByLog {
 public:
  ByLog(const std::vector<WriteHandoff>& queues, std::size_t publications)
      : log_({.max_bytes = publications * kPublicationBytes, .max_entries = publications}) {
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
  ByHand(const std::vector<WriteHandoff>& queues, std::size_t /*publications*/)
      : queues_(&queues) {}
  void publish(const Bytes& bytes) {
    for (const WriteHandoff& queue : *queues_) {
      Bytes copy = bytes;
      benchmark::DoNotOptimize(queue.try_write(copy).has_value());
    }
  }

 private:
  const std::vector<WriteHandoff>* queues_;
};

/// Queues on one or more contexts.
class Subscribers {
 public:
  /// There is room for so many publications in each queue.
  Subscribers(std::size_t count, std::size_t contexts, std::size_t publications)
      : workers_(contexts) {
    for (std::size_t i = 0; i != count; ++i) {
      Worker& worker = workers_[i % contexts];
      queues_.emplace_back(DeviceStream(worker.context, device_, worker.taken),
                           WriteHandoffConfig{.max_items = publications});
      ++worker.queues;
    }
  }
  Subscribers(const Subscribers&) = delete;
  Subscribers& operator=(const Subscribers&) = delete;
  ~Subscribers() { ::close(device_); }

  [[nodiscard]] const std::vector<WriteHandoff>& queues() const noexcept { return queues_; }
  [[nodiscard]] std::size_t contexts() const noexcept { return workers_.size(); }
  [[nodiscard]] net::io_context& context(std::size_t worker) { return workers_[worker].context; }

  /// Runs one of the contexts until its queues have written so much each.
  void run(std::size_t worker, std::size_t bytes_each) {
    Worker& self = workers_[worker];
    const auto work = net::make_work_guard(self.context);
    self.context.restart();
    while (self.taken.bytes != self.queues * bytes_each) {
      self.context.run_one();
    }
    self.taken.bytes = 0;
  }
  [[nodiscard]] std::size_t stream_writes() const noexcept {
    std::size_t writes = 0;
    for (const Worker& worker : workers_) {
      writes += worker.taken.writes;
    }
    return writes;
  }

 private:
  struct Worker {
    net::io_context context{1};
    Taken taken;
    std::size_t queues = 0;
  };

  int device_ = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  std::deque<Worker> workers_;
  std::vector<WriteHandoff> queues_;
};

[[nodiscard]] std::vector<Bytes> make_publications(std::size_t count) {
  std::vector<Bytes> made;
  for (; count != 0; --count) {
    made.push_back(Bytes::copy_of(std::string(kPublicationBytes, 'x')));
  }
  return made;
}

/// One iteration. Each of the threads publishes its part at once; this one serves the streams.
struct FromThreads {
  [[nodiscard]] static std::size_t contexts(std::size_t /*threads*/) noexcept { return 1; }

  template <class Contender>
  [[nodiscard]] static double run(Contender& contender, Subscribers& subscribers,
                                  std::size_t threads, std::size_t publications) {
    std::barrier start(static_cast<std::ptrdiff_t>(threads + 1));
    std::vector<std::jthread> publishers;
    for (std::size_t i = 0; i != threads; ++i) {
      publishers.emplace_back([&] {
        std::vector<Bytes> part = make_publications(publications / threads);
        start.arrive_and_wait();
        for (Bytes& bytes : part) {
          contender.publish(bytes);
        }
      });
    }
    start.arrive_and_wait();
    const double began = process_cpu_seconds();
    subscribers.run(0, publications * kPublicationBytes);
    return process_cpu_seconds() - began;
  }
};

/// One iteration. Each of the threads serves its part of the streams, and publishes its part: so
/// many publications in each handler.
template <std::size_t kAtOnce>
struct FromWorkers {
  [[nodiscard]] static std::size_t contexts(std::size_t threads) noexcept { return threads; }

  template <class Contender>
  static void publish_next(Contender& contender, net::io_context& context,
                           std::vector<Bytes>& left) {
    for (std::size_t i = 0; i != kAtOnce; ++i) {
      contender.publish(left.back());
      left.pop_back();
    }
    if (!left.empty()) {
      net::post(context, [&] { publish_next(contender, context, left); });
    }
  }

  template <class Contender>
  [[nodiscard]] static double run(Contender& contender, Subscribers& subscribers,
                                  std::size_t threads, std::size_t publications) {
    std::barrier start(static_cast<std::ptrdiff_t>(threads + 1));
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i != threads; ++i) {
      workers.emplace_back([&, i] {
        std::vector<Bytes> part = make_publications(publications / threads);
        net::io_context& context = subscribers.context(i);
        start.arrive_and_wait();
        net::post(context, [&] { publish_next(contender, context, part); });
        subscribers.run(i, publications * kPublicationBytes);
      });
    }
    start.arrive_and_wait();
    const double began = process_cpu_seconds();
    workers.clear();
    return process_cpu_seconds() - began;
  }
};

template <class Contender, class From>
void fan_out_publish(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto threads = static_cast<std::size_t>(state.range(1));
  const auto publications = static_cast<std::size_t>(state.range(2));
  Subscribers subscribers(count, From::contexts(threads), publications);
  Contender contender(subscribers.queues(), publications);
  for (std::size_t i = 0; i != subscribers.contexts(); ++i) {
    subscribers.context(i).poll();
  }
  for ([[maybe_unused]] auto unused : state) {
    state.SetIterationTime(From::run(contender, subscribers, threads, publications));
  }
  count_work(state, publications * kPublicationBytes * count, publications * count);
  state.counters["stream_writes"] = benchmark::Counter(
      static_cast<double>(subscribers.stream_writes()), benchmark::Counter::kAvgIterations);
}

void subscribers_and_threads(benchmark::internal::Benchmark* of) {
  of->ArgNames({"subscribers", "threads", "publications"})
      ->Args({1000, 1, 256})
      ->Args({1000, 2, 256})
      ->Args({1000, 1, 1})
      ->Args({1000, 1, 2048})
      ->Args({1000, 2, 2048})
      ->Unit(benchmark::kMillisecond)
      ->UseManualTime();
}

void subscribers_and_workers(benchmark::internal::Benchmark* of) {
  of->ArgNames({"subscribers", "threads", "publications"})
      ->Args({1000, 1, 2048})
      ->Args({1000, 2, 2048})
      ->Unit(benchmark::kMillisecond)
      ->UseManualTime();
}

BENCHMARK(fan_out_publish<ByLog, FromThreads>)
    ->Name("fan_out_publish/log")
    ->Apply(subscribers_and_threads);
BENCHMARK(fan_out_publish<ByHand, FromThreads>)
    ->Name("fan_out_publish/by_hand")
    ->Apply(subscribers_and_threads);
BENCHMARK(fan_out_publish<ByLog, FromWorkers<1>>)
    ->Name("fan_out_workers_1/log")
    ->Apply(subscribers_and_workers);
BENCHMARK(fan_out_publish<ByHand, FromWorkers<1>>)
    ->Name("fan_out_workers_1/by_hand")
    ->Apply(subscribers_and_workers);
BENCHMARK(fan_out_publish<ByLog, FromWorkers<8>>)
    ->Name("fan_out_workers_8/log")
    ->Apply(subscribers_and_workers);
BENCHMARK(fan_out_publish<ByHand, FromWorkers<8>>)
    ->Name("fan_out_workers_8/by_hand")
    ->Apply(subscribers_and_workers);

}  // namespace
}  // namespace bytes_handoff::bench
