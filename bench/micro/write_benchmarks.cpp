// Owned writes through a 4 MiB duplex, with a reader of 64 KiB a read on the same thread. All
// chunks of a run are slices of one payload, so that they differ in what queues them and not in
// what misses the cache. An iteration ends when the reader has everything and every write was told
// so.

#include <benchmark/benchmark.h>

#include <asio/write.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes_handoff/bytes.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "duplex_drain.hpp"
#include "string_queue.hpp"
#include "timed_section.hpp"

namespace bytes_handoff::bench {
namespace {

constexpr std::size_t kDuplexBytes = 4 * 1024 * 1024;

struct Rig {
  net::io_context context{1};
  std::pair<BenchDuplex, BenchDuplex> ends =
      make_duplex(context.get_executor(), context.get_executor(), kDuplexBytes);
  Run run{context};
  DuplexDrain drain{ends.second, run};
};

WriteHandoff make_writer(Rig& rig) {
  WriteHandoffConfig config;
  config.max_pending_bytes = kDuplexBytes;
  config.max_waiting_bytes = SIZE_MAX;  // all tasks wait in line
  return WriteHandoff(std::move(rig.ends.first), config);
}

// Contenders: each writes the chunks from first to last, the next when the one before was accepted.

class DirectWriteAll {
 public:
  explicit DirectWriteAll(Rig& rig) : stream_(std::move(rig.ends.first)), run_(&rig.run) {}

  void start(std::span<Bytes> chunks) {
    if (chunks.empty()) {
      return;
    }
    net::async_write(stream_, net::const_buffer(chunks.front()),
                     [this, chunks](const net_error_code& error, std::size_t) {
                       if (!error) {
                         run_->part_done();
                         start(chunks.subspan(1));
                       }
                     });
  }

 private:
  BenchDuplex stream_;
  Run* run_;
};

class HandoffTicket {
 public:
  explicit HandoffTicket(Rig& rig) : out_(make_writer(rig)), run_(&rig.run) {}

  void start(std::span<Bytes> chunks) {
    if (chunks.empty()) {
      return;
    }
    out_.async_write(chunks.front(),
                     [this, chunks](const net_error_code& refused, WriteTicket ticket) {
                       if (!refused) {
                         ticket.async_wait([this](const net_error_code& error, std::size_t) {
                           if (!error) {
                             run_->part_done();
                           }
                         });
                         start(chunks.subspan(1));
                       }
                     });
  }

 private:
  WriteHandoff out_;
  Run* run_;
};

class HandoffFireAndForget {
 public:
  explicit HandoffFireAndForget(Rig& rig) : out_(make_writer(rig)), run_(&rig.run) {}

  void start(std::span<Bytes> chunks) {
    if (chunks.empty()) {
      return;
    }
    out_.async_write(chunks.front(), [this, chunks](const net_error_code& refused, WriteTicket) {
      if (!refused) {
        run_->part_done();
        start(chunks.subspan(1));
      }
    });
  }

 private:
  WriteHandoff out_;
  Run* run_;
};

// As HandoffTicket, but each task waits for its ticket before it writes again.
class HandoffTicketOneByOne {
 public:
  explicit HandoffTicketOneByOne(Rig& rig) : out_(make_writer(rig)), run_(&rig.run) {}

  void start(std::span<Bytes> chunks) {
    if (chunks.empty()) {
      return;
    }
    out_.async_write(
        chunks.front(), [this, chunks](const net_error_code& refused, WriteTicket ticket) {
          if (!refused) {
            ticket.async_wait([this, chunks](const net_error_code& error, std::size_t) {
              if (!error) {
                run_->part_done();
                start(chunks.subspan(1));
              }
            });
          }
        });
  }

 private:
  WriteHandoff out_;
  Run* run_;
};

// The deque of strings that programs write themselves. All chunks are there at once: it has no
// bound that a writer would wait for.
template <bool kOneByOne>
class HandWritten {
 public:
  explicit HandWritten(Rig& rig) : out_(std::move(rig.ends.first)), run_(&rig.run) {}

  void start(std::span<std::string> chunks) {
    if constexpr (kOneByOne) {
      write_next(chunks);
    } else {
      for (std::string& chunk : chunks) {
        out_.write(std::move(chunk), [this] { run_->part_done(); });
      }
    }
  }

 private:
  void write_next(std::span<std::string> chunks) {
    if (!chunks.empty()) {
      out_.write(std::move(chunks.front()), [this, chunks] {
        run_->part_done();
        write_next(chunks.subspan(1));
      });
    }
  }

  StringQueue<BenchDuplex> out_;
  Run* run_;
};

template <class Chunk>
Chunk make_payload(std::size_t size) {
  if constexpr (std::is_same_v<Chunk, Bytes>) {
    return Bytes::from_owner(std::vector<std::byte>(size, std::byte{'x'}));
  } else {
    return Chunk(size, 'x');
  }
}

// What a contender writes: slices of one payload, or strings of their own.
template <class Contender>
struct ChunkOf {
  using Type = Bytes;
};
template <bool kOneByOne>
struct ChunkOf<HandWritten<kOneByOne>> {
  using Type = std::string;
};

template <class Contender>
void write_chunks(benchmark::State& state, std::size_t chunks, std::size_t chunk_bytes,
                  std::size_t tasks) {
  Rig rig;
  Contender contender(rig);
  using Chunk = typename ChunkOf<Contender>::Type;
  const Chunk payload = make_payload<Chunk>(chunk_bytes);
  const std::size_t per_task = chunks / tasks;
  for ([[maybe_unused]] auto unused : state) {
    std::vector<Chunk> all(chunks, payload);
    rig.run.expect(chunks);
    rig.drain.expect(chunks * chunk_bytes);
    time_section(state, [&] {
      for (std::size_t first = 0; first < chunks; first += per_task) {
        contender.start(std::span(all).subspan(first, per_task));
      }
      rig.run.wait();
    });
    if (!rig.run.is_complete()) {
      state.SkipWithError("a write failed");
      break;
    }
  }
  count_work(state, chunks * chunk_bytes, chunks);
}

template <class Contender>
void write_large_chunks(benchmark::State& state) {
  write_chunks<Contender>(state, 32, static_cast<std::size_t>(state.range(0)), 1);
}

template <class Contender>
void write_many_tasks(benchmark::State& state) {
  write_chunks<Contender>(state, 256, 32 * 1024, static_cast<std::size_t>(state.range(0)));
}

// A refusal: the bytes stay with the caller.
void write_byte_budget_backpressure(benchmark::State& state) {
  Rig rig;
  WriteHandoffConfig config;
  config.max_pending_bytes = 63;
  WriteHandoff out(std::move(rig.ends.first), config);
  Bytes bytes = Bytes::from_owner(std::vector<std::byte>(64, std::byte{'x'}));
  for ([[maybe_unused]] auto unused : state) {
    if (out.try_write(bytes)) {
      state.SkipWithError("the write was admitted");
      break;
    }
  }
  count_work(state, bytes.size(), 1);
}

BENCHMARK(write_large_chunks<DirectWriteAll>)
    ->Name("write_large_chunks/direct_write_all")
    ->ArgName("chunk_bytes")
    ->Arg(64 * 1024)
    ->Arg(1024 * 1024)
    ->UseManualTime();
BENCHMARK(write_large_chunks<HandoffTicket>)
    ->Name("write_large_chunks/handoff_ticket_single_task")
    ->ArgName("chunk_bytes")
    ->Arg(64 * 1024)
    ->Arg(1024 * 1024)
    ->UseManualTime();
BENCHMARK(write_large_chunks<HandoffFireAndForget>)
    ->Name("write_large_chunks/handoff_fire_and_forget_single_task")
    ->ArgName("chunk_bytes")
    ->Arg(64 * 1024)
    ->Arg(1024 * 1024)
    ->UseManualTime();
BENCHMARK(write_large_chunks<HandWritten<false>>)
    ->Name("write_large_chunks/string_deque")
    ->ArgName("chunk_bytes")
    ->Arg(64 * 1024)
    ->Arg(1024 * 1024)
    ->UseManualTime();
BENCHMARK(write_many_tasks<HandoffTicketOneByOne>)
    ->Name("write_many_tasks/ticket")
    ->ArgName("tasks")
    ->RangeMultiplier(4)
    ->Range(1, 64)
    ->UseManualTime();
BENCHMARK(write_many_tasks<HandoffFireAndForget>)
    ->Name("write_many_tasks/fire_and_forget")
    ->ArgName("tasks")
    ->RangeMultiplier(4)
    ->Range(1, 64)
    ->UseManualTime();
BENCHMARK(write_many_tasks<HandWritten<true>>)
    ->Name("write_many_tasks/string_deque")
    ->ArgName("tasks")
    ->RangeMultiplier(4)
    ->Range(1, 64)
    ->UseManualTime();
BENCHMARK(write_byte_budget_backpressure);

}  // namespace
}  // namespace bytes_handoff::bench
