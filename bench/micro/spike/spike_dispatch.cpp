// Spike: what a read or a write of a socket costs through Asio, by the way it is started: the
// asynchronous operation, a non-blocking attempt first, or a wait for readiness first.
//
// Decision records: docs/design/0010-a-read-waits-without-a-block.md and
// docs/design/0011-several-writes-a-turn.md. Both ends of a connection live on one io_context and
// one thread. Nothing is completed inside the call that started it: an attempt that succeeds at
// once posts its completion, as the library's contract wants it.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using asio::error_code;
using Unix = asio::local::stream_protocol::socket;
using Tcp = asio::ip::tcp::socket;

void connect(Unix& a, Unix& b) { asio::local::connect_pair(a, b); }

void connect(Tcp& a, Tcp& b) {
  asio::ip::tcp::acceptor acceptor(a.get_executor(), {asio::ip::address_v4::loopback(), 0});
  a.connect(acceptor.local_endpoint());
  acceptor.accept(b);
  a.set_option(asio::ip::tcp::no_delay(true));
  b.set_option(asio::ip::tcp::no_delay(true));
}

[[noreturn]] void fail(const error_code& error) {
  std::cerr << "spike_dispatch: " << error.message() << '\n';
  std::abort();
}

enum class ReadWay {
  async_read,       // async_read_some into a block that is held while it waits
  try_first,        // read_some; would_block: async_wait, read_some
  wait_if_drained,  // as try_first, but after a short read straight to async_wait
  wait_always,      // async_wait, read_some
};

template <class Socket, ReadWay Way>
class Reader {
 public:
  Reader(Socket& socket, std::size_t room) : socket_(socket), block_(room) {}

  // `done(bytes)` runs for each read; it starts the next one itself.
  void start(std::function<void(std::size_t)>& done) {
    if constexpr (Way == ReadWay::async_read) {
      socket_.async_read_some(asio::buffer(block_), [&done](error_code error, std::size_t bytes) {
        if (error) fail(error);
        done(bytes);
      });
    } else if (Way == ReadWay::wait_always || (Way == ReadWay::wait_if_drained && drained_)) {
      wait(done);
    } else if (const std::size_t bytes = attempt(); bytes != 0) {
      asio::post(socket_.get_executor(), [&done, bytes] { done(bytes); });
    } else {
      wait(done);
    }
  }

 private:
  std::size_t attempt() {
    error_code error;
    const std::size_t bytes = socket_.read_some(asio::buffer(block_), error);
    if (error == asio::error::would_block) return 0;
    if (error) fail(error);
    drained_ = bytes < block_.size();
    return bytes;
  }
  void wait(std::function<void(std::size_t)>& done) {
    socket_.async_wait(Socket::wait_read, [this, &done](error_code error) {
      if (error) fail(error);
      if (const std::size_t bytes = attempt(); bytes != 0) {
        done(bytes);
      } else {
        wait(done);
      }
    });
  }

  Socket& socket_;
  std::vector<std::byte> block_;
  bool drained_ = true;
};

// 0: async_write_some; N: write_some up to N times in one turn, then a post; would_block:
// async_wait.
using WriteWay = int;
constexpr WriteWay kAsyncWrite = 0;

template <class Socket, WriteWay Way>
class Writer {
 public:
  Writer(Socket& socket, std::size_t chunk) : socket_(socket), chunk_(chunk) {}

  void start(std::size_t total) {
    left_ = total;
    next();
  }

 private:
  void next() {
    if (left_ == 0) return;
    if constexpr (Way == kAsyncWrite) {
      socket_.async_write_some(rest(), [this](error_code error, std::size_t bytes) {
        if (error) fail(error);
        took(bytes);
        next();
      });
    } else {
      for (int i = 0; i < Way && left_ != 0; ++i) {
        if (!attempt()) return wait();
      }
      if (left_ != 0) asio::post(socket_.get_executor(), [this] { next(); });
    }
  }
  asio::const_buffer rest() const {
    return asio::buffer(chunk_.data() + at_, std::min(chunk_.size() - at_, left_));
  }
  void took(std::size_t bytes) {
    left_ -= bytes;
    at_ = (at_ + bytes) % chunk_.size();
  }
  bool attempt() {
    error_code error;
    const std::size_t bytes = socket_.write_some(rest(), error);
    if (error == asio::error::would_block) return false;
    if (error) fail(error);
    took(bytes);
    return true;
  }
  void wait() {
    socket_.async_wait(Socket::wait_write, [this](error_code error) {
      if (error) fail(error);
      next();
    });
  }

  Socket& socket_;
  std::vector<std::byte> chunk_;
  std::size_t at_ = 0;
  std::size_t left_ = 0;
};

template <class Socket>
struct Connection {
  Connection() {
    connect(a, b);
    a.non_blocking(true);
    b.non_blocking(true);
  }
  asio::io_context context{1};
  Socket a{context};
  Socket b{context};
};

void report(benchmark::State& state, std::size_t steps_per_iteration, const char* what) {
  state.counters[what] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(steps_per_iteration),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// 64 bytes there and back; every read finds nothing and has to wait.
template <class Socket, ReadWay Way>
void ping_pong(benchmark::State& state) {
  constexpr std::size_t kRounds = 256;
  Connection<Socket> connection;
  Reader<Socket, Way> client(connection.a, 64 * 1024);
  Reader<Socket, Way> server(connection.b, 64 * 1024);
  const std::vector<std::byte> message(64);
  std::size_t left = 0;
  std::function<void(std::size_t)> on_server = [&](std::size_t) {
    connection.b.write_some(asio::buffer(message));
    if (left > 1) server.start(on_server);
  };
  std::function<void(std::size_t)> on_client = [&](std::size_t) {
    if (--left == 0) return;
    connection.a.write_some(asio::buffer(message));
    client.start(on_client);
  };
  for (auto _ : state) {
    left = kRounds;
    server.start(on_server);
    connection.a.write_some(asio::buffer(message));
    client.start(on_client);
    connection.context.restart();
    connection.context.run();
  }
  report(state, kRounds, "per_step");
}

// 16 KiB chunks one way; range(0) is the room that a read is offered.
template <class Socket, ReadWay Read, WriteWay Write>
void stream(benchmark::State& state) {
  constexpr std::size_t kChunk = 16 * 1024;
  constexpr std::size_t kChunks = 1024;
  Connection<Socket> connection;
  Reader<Socket, Read> reader(connection.b, static_cast<std::size_t>(state.range(0)));
  Writer<Socket, Write> writer(connection.a, kChunk);
  std::size_t left = 0;
  std::function<void(std::size_t)> on_read = [&](std::size_t bytes) {
    left -= bytes;
    if (left != 0) reader.start(on_read);
  };
  for (auto _ : state) {
    left = kChunk * kChunks;
    reader.start(on_read);
    writer.start(left);
    connection.context.restart();
    connection.context.run();
  }
  report(state, kChunks, "per_step");
}

// The reader is a blocking loop on a thread of its own.
template <class Socket, WriteWay Write>
void stream_two_threads(benchmark::State& state) {
  constexpr std::size_t kChunk = 16 * 1024;
  constexpr std::size_t kChunks = 1024;
  Connection<Socket> connection;
  connection.b.non_blocking(false);
  std::thread sink([&connection] {
    std::vector<std::byte> block(64 * 1024);
    error_code error;
    while (!error) connection.b.read_some(asio::buffer(block), error);
  });
  Writer<Socket, Write> writer(connection.a, kChunk);
  for (auto _ : state) {
    writer.start(kChunk * kChunks);
    connection.context.restart();
    connection.context.run();
  }
  connection.a.close();
  sink.join();
  report(state, kChunks, "per_step");
}

template <class Socket, ReadWay Way>
void add_read(const std::string& name) {
  benchmark::RegisterBenchmark(("ping_pong/" + name).c_str(), ping_pong<Socket, Way>);
  benchmark::RegisterBenchmark(("stream_read/" + name).c_str(), stream<Socket, Way, kAsyncWrite>)
      ->Arg(16 * 1024)
      ->Arg(64 * 1024);
}

template <class Socket, WriteWay Way>
void add_write(const std::string& name) {
  benchmark::RegisterBenchmark(("stream_write/" + name).c_str(),
                               stream<Socket, ReadWay::async_read, Way>)
      ->Arg(16 * 1024)
      ->Arg(64 * 1024);
  benchmark::RegisterBenchmark(("stream_write_two_threads/" + name).c_str(),
                               stream_two_threads<Socket, Way>)
      ->UseRealTime();
}

template <class Socket>
bool add_all(const std::string& transport) {
  std::thread([] {}).join();  // glibc and libstdc++ skip atomics until a thread was started
  add_read<Socket, ReadWay::async_read>(transport + "/async_read");
  add_read<Socket, ReadWay::try_first>(transport + "/try_first");
  add_read<Socket, ReadWay::wait_if_drained>(transport + "/wait_if_drained");
  add_read<Socket, ReadWay::wait_always>(transport + "/wait_always");
  add_write<Socket, kAsyncWrite>(transport + "/async_write");
  add_write<Socket, 1>(transport + "/try_1");
  add_write<Socket, 4>(transport + "/try_4");
  add_write<Socket, 8>(transport + "/try_8");
  add_write<Socket, 16>(transport + "/try_16");
  return true;
}

const bool kAdded = add_all<Unix>("unix") && add_all<Tcp>("tcp");

}  // namespace
