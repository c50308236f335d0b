#pragma once

// The streams of one run: one that a program reads from, one that its queue writes to.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/relay.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "fault/fault_stream.hpp"
#include "fault/watched.hpp"

namespace bytes_handoff::test {

enum class StreamKind { kPlain, kHeld, kInside, kReady, kReadyHeld, kJoined, kDuplex };
enum class ExecutorKind { kConcrete, kErased, kErasedStrand };

/// What a program runs on.
struct Setting {
  const char* name;
  StreamKind stream;
  ExecutorKind executor;
  std::size_t most_per_call;
};

/// Takes what a read has found.
struct ReadFunction {
  std::function<void(net_error_code, std::size_t)> function;
  void operator()(const net_error_code& error, std::size_t n) { function(error, n); }
};
using ReadHandler = Watched<ReadFunction>;

/// Takes how a relay has ended.
struct RelayFunction {
  std::function<void(net_error_code, RelayCounts)> function;
  void operator()(const net_error_code& error, const RelayCounts& counts) {
    function(error, counts);
  }
};
using RelayHandler = Watched<RelayFunction>;

/// It runs where the program's stream is read: it is bound to no executor.
template <class Function>
inline constexpr bool kRunsWhereItReads =
    std::is_same_v<Function, ReadFunction> || std::is_same_v<Function, RelayFunction>;

class Streams {
 public:
  [[nodiscard]] static std::unique_ptr<Streams> make(const Setting& setting,
                                                     net::io_context& context, FaultPlan& plan);
  virtual ~Streams() = default;

  [[nodiscard]] virtual WriteHandoff spawn(const WriteHandoffConfig& config) = 0;
  [[nodiscard]] virtual net::any_io_executor executor() const = 0;
  virtual void read(HandoffBuffer& buffer, ReadHandler handler) = 0;
  virtual void wait_frame(HandoffBuffer& buffer, DelimiterFramer& framer, ReadHandler handler) = 0;
  /// From the source to the queue; if that is null, to the sink itself.
  virtual void relay(HandoffBuffer& buffer, const WriteHandoff* queue, RelayHandler handler) = 0;
  /// The source gives this, or, when it is empty, its end.
  virtual void feed(std::string piece) = 0;
  /// Time passes: a stream ends an operation that it holds. False when there is none.
  virtual bool pass_time() = 0;
  /// The peer takes no more.
  virtual void close_peers() {}
  /// The program's own streams go, and with them what they hold.
  virtual void drop_streams() = 0;

  [[nodiscard]] const StreamSide& source() const { return *source_; }
  [[nodiscard]] const StreamSide& sink() const { return *sink_; }

 protected:
  explicit Streams(FaultPlan& plan)
      : source_(std::make_shared<StreamSide>(plan)), sink_(std::make_shared<StreamSide>(plan)) {}

  std::shared_ptr<StreamSide> source_;
  std::shared_ptr<StreamSide> sink_;
};

}  // namespace bytes_handoff::test
