// Spike: the writer's loop as a completion handler or as a coroutine, and what a post costs.
//
// Decision record: docs/design/0012-the-writer-is-a-handler-loop.md. The stream takes everything
// and posts its completion, so that only the loop's own machinery is left.

#include <benchmark/benchmark.h>

#include <array>
#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <cstddef>
#include <span>
#include <utility>

namespace {

using asio::error_code;
using Concrete = asio::io_context::executor_type;
using Erased = asio::any_io_executor;

constexpr std::size_t kSteps = 1024;
constexpr std::size_t kMaxBuffers = 64;
using Buffers = std::span<const asio::const_buffer>;

template <class Executor>
class Sink {
 public:
  explicit Sink(Executor executor) : executor_(std::move(executor)) {}
  const Executor& get_executor() const { return executor_; }

  template <class Token>
  auto async_write_some(Buffers buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, Buffers given) {
          asio::post(executor_, [handler = std::move(handler), given]() mutable {
            std::move(handler)(error_code{}, asio::buffer_size(given));
          });
        },
        token, buffers);
  }

 private:
  Executor executor_;
};

// Stands for the queue: always as many slices as were asked for.
class Source {
 public:
  explicit Source(std::size_t slices) : slices_(slices) {}
  Buffers drain() {
    for (std::size_t i = 0; i < slices_; ++i) {
      buffers_[i] = asio::const_buffer(bytes_.data() + i * 64, 64);
    }
    benchmark::ClobberMemory();
    return {buffers_.data(), slices_};
  }

 private:
  std::size_t slices_;
  std::array<asio::const_buffer, kMaxBuffers> buffers_;
  std::array<std::byte, kMaxBuffers * 64> bytes_{};
};

template <class Executor>
class HandlerLoop {
 public:
  HandlerLoop(Sink<Executor>& sink, Source& source) : sink_(sink), source_(source) {}
  void start() {
    sink_.async_write_some(source_.drain(), [this](error_code error, std::size_t bytes) {
      written_ += bytes;
      if (!error && --left_ != 0) start();
    });
  }
  std::size_t written() const { return written_; }

 private:
  Sink<Executor>& sink_;
  Source& source_;
  std::size_t left_ = kSteps;
  std::size_t written_ = 0;
};

template <class Executor>
asio::awaitable<void, Executor> coroutine_loop(Sink<Executor>& sink, Source& source,
                                               std::size_t& written) {
  constexpr asio::use_awaitable_t<Executor> token;
  for (std::size_t i = 0; i < kSteps; ++i) {
    written += co_await sink.async_write_some(source.drain(), token);
  }
}

void report(benchmark::State& state) {
  state.counters["per_step"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(kSteps),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <class Executor>
void handler_loop(benchmark::State& state) {
  asio::io_context context{1};
  Sink<Executor> sink(context.get_executor());
  Source source(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    HandlerLoop<Executor> loop(sink, source);
    loop.start();
    context.restart();
    context.run();
    benchmark::DoNotOptimize(loop.written());
  }
  report(state);
}

template <class Executor>
void coroutine(benchmark::State& state) {
  asio::io_context context{1};
  Sink<Executor> sink(context.get_executor());
  Source source(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    std::size_t written = 0;
    asio::co_spawn(sink.get_executor(), coroutine_loop<Executor>(sink, source, written),
                   asio::detached);
    context.restart();
    context.run();
    benchmark::DoNotOptimize(written);
  }
  report(state);
}

template <class Executor>
struct PostChain {
  Executor executor;
  std::size_t left = kSteps;
  void next() {
    asio::post(executor, [this] {
      if (--left != 0) next();
    });
  }
};

template <class Executor>
void post_callback(benchmark::State& state) {
  asio::io_context context{1};
  for (auto _ : state) {
    PostChain<Executor> chain{context.get_executor()};
    chain.next();
    context.restart();
    context.run();
  }
  report(state);
}

template <class Executor>
asio::awaitable<void, Executor> post_and_resume(Executor executor) {
  constexpr asio::use_awaitable_t<Executor> token;
  for (std::size_t i = 0; i < kSteps; ++i) co_await asio::post(executor, token);
}

template <class Executor>
void post_co_await(benchmark::State& state) {
  asio::io_context context{1};
  const Executor executor = context.get_executor();
  for (auto _ : state) {
    asio::co_spawn(executor, post_and_resume<Executor>(executor), asio::detached);
    context.restart();
    context.run();
  }
  report(state);
}

// Posted by a thread that does not run the context: nothing of Asio's recycling applies.
template <class Executor>
void post_from_outside(benchmark::State& state) {
  asio::io_context context{1};
  const Executor executor = context.get_executor();
  for (auto _ : state) {
    std::size_t ran = 0;
    for (std::size_t i = 0; i < kSteps; ++i) asio::post(executor, [&ran] { ++ran; });
    context.restart();
    context.run();
    benchmark::DoNotOptimize(ran);
  }
  report(state);
}

BENCHMARK(handler_loop<Concrete>)->Name("writer_loop/handler/concrete")->Arg(1)->Arg(64);
BENCHMARK(handler_loop<Erased>)->Name("writer_loop/handler/any_io_executor")->Arg(1)->Arg(64);
BENCHMARK(coroutine<Concrete>)->Name("writer_loop/coroutine/concrete")->Arg(1)->Arg(64);
BENCHMARK(coroutine<Erased>)->Name("writer_loop/coroutine/any_io_executor")->Arg(1)->Arg(64);
BENCHMARK(post_callback<Concrete>)->Name("post/callback/concrete");
BENCHMARK(post_callback<Erased>)->Name("post/callback/any_io_executor");
BENCHMARK(post_co_await<Concrete>)->Name("post/co_await/concrete");
BENCHMARK(post_co_await<Erased>)->Name("post/co_await/any_io_executor");
BENCHMARK(post_from_outside<Concrete>)->Name("post/from_outside/concrete");
BENCHMARK(post_from_outside<Erased>)->Name("post/from_outside/any_io_executor");

}  // namespace
