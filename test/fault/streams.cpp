#include "fault/streams.hpp"

#include <array>
#include <optional>
#include <string_view>

#include "fault/faulty_duplex.hpp"

namespace bytes_handoff::test {
namespace {

template <class Stream>
class StreamsOf final : public Streams {
  using Executor = typename Stream::executor_type;

 public:
  StreamsOf(const Setting& setting, const Executor& executor, FaultPlan& plan)
      : Streams(plan), executor_(executor) {
    in_.emplace(executor, source_);
    const bool holds =
        setting.stream == StreamKind::kHeld || setting.stream == StreamKind::kReadyHeld;
    source_->completion = holds ? Completion::kHeld : Completion::kLater;
    sink_->completion =
        setting.stream == StreamKind::kInside ? Completion::kInside : source_->completion;
    source_->most_per_call = sink_->most_per_call = setting.most_per_call;
  }

  WriteHandoff spawn(const WriteHandoffConfig& config) override {
    return WriteHandoff(Stream(*executor_, sink_), config);
  }
  [[nodiscard]] net::any_io_executor executor() const override { return *executor_; }
  void read(HandoffBuffer& buffer, ReadHandler handler) override {
    buffer.async_read_available(*in_, std::move(handler));
  }
  void wait_frame(HandoffBuffer& buffer, DelimiterFramer& framer, ReadHandler handler) override {
    buffer.async_wait_frame(*in_, framer, std::move(handler));
  }
  void relay(HandoffBuffer& buffer, const WriteHandoff* queue, RelayHandler handler) override {
    if (queue != nullptr) {
      async_relay(buffer, *in_, *queue, std::move(handler));
      return;
    }
    if (!out_) {
      out_.emplace(*executor_, sink_);
    }
    async_relay(buffer, *in_, *out_, std::move(handler));
  }
  void feed(std::string piece) override {
    source_->input_is_over = piece.empty();
    if (!piece.empty()) {
      source_->input.push_back(std::move(piece));
    }
  }
  bool pass_time() override {
    return complete_first(*sink_) || (source_->is_readable() && complete_first(*source_));
  }
  void drop_streams() override {
    in_.reset();
    out_.reset();
    executor_.reset();
  }

 private:
  static bool complete_first(StreamSide& side) {
    if (side.held.empty()) {
      return false;
    }
    const auto first = std::move(side.held.front());
    side.held.erase(side.held.begin());
    first->complete();
    return true;
  }

  std::optional<Executor> executor_;
  std::optional<Stream> in_;
  std::optional<Stream> out_;  // of a relay
};

template <class Executor>
class DuplexStreams final : public Streams {
  static constexpr std::size_t kSinkCapacity = 8;
  static constexpr std::size_t kSourceCapacity = 4096;
  using End = BasicDuplexStream<Executor>;

 public:
  DuplexStreams(const Setting& setting, const Executor& executor, FaultPlan& plan)
      : Streams(plan),
        to_sink_(make_duplex(executor, kSinkCapacity)),
        from_source_(make_duplex(executor, kSourceCapacity)) {
    in_.emplace(std::move(from_source_->first), source_);
    source_->most_per_call = sink_->most_per_call = setting.most_per_call;
    read_peer();
  }

  WriteHandoff spawn(const WriteHandoffConfig& config) override {
    return WriteHandoff(std::make_shared<FaultyDuplex<Executor>>(std::move(to_sink_->first), sink_),
                        config);
  }
  [[nodiscard]] net::any_io_executor executor() const override { return in_->get_executor(); }
  void read(HandoffBuffer& buffer, ReadHandler handler) override {
    buffer.async_read_available(*in_, std::move(handler));
  }
  void wait_frame(HandoffBuffer& buffer, DelimiterFramer& framer, ReadHandler handler) override {
    buffer.async_wait_frame(*in_, framer, std::move(handler));
  }
  void relay(HandoffBuffer& buffer, const WriteHandoff* queue, RelayHandler handler) override {
    if (queue != nullptr) {
      async_relay(buffer, *in_, *queue, std::move(handler));
      return;
    }
    if (!out_) {
      out_.emplace(std::move(to_sink_->first), sink_);
    }
    async_relay(buffer, *in_, *out_, std::move(handler));
  }
  void feed(std::string piece) override {
    net_error_code error;
    if (piece.empty()) {
      from_source_->second.shutdown(net::socket_base::shutdown_send, error);
    } else {
      from_source_->second.write_some(net::buffer(piece), error);
    }
  }
  bool pass_time() override { return false; }
  void close_peers() override {
    net_error_code error;
    if (to_sink_) {
      to_sink_->second.close(error);
    }
  }
  void drop_streams() override {
    in_.reset();
    out_.reset();
    to_sink_.reset();
    from_source_.reset();
  }

 private:
  void read_peer() {
    const OutsideLibrary outside;
    to_sink_->second.async_read_some(net::buffer(room_),
                                     [this](const net_error_code& error, std::size_t n) {
                                       const OutsideLibrary also_outside;
                                       sink_->received += std::string_view(room_.data(), n);
                                       if (!error) {
                                         read_peer();
                                       }
                                     });
  }

  std::array<char, 5> room_{};
  std::optional<std::pair<End, End>> to_sink_;
  std::optional<std::pair<End, End>> from_source_;
  std::optional<FaultyDuplex<Executor>> in_;
  std::optional<FaultyDuplex<Executor>> out_;  // of a relay
};

template <class Executor>
std::unique_ptr<Streams> make_streams(const Setting& setting, const Executor& executor,
                                      FaultPlan& plan) {
  switch (setting.stream) {
    case StreamKind::kReady:
    case StreamKind::kReadyHeld:
      return std::make_unique<StreamsOf<ReadyStream<Executor>>>(setting, executor, plan);
    case StreamKind::kJoined:
      return std::make_unique<StreamsOf<JoinedStream<Executor>>>(setting, executor, plan);
    case StreamKind::kDuplex:
      return std::make_unique<DuplexStreams<Executor>>(setting, executor, plan);
    default:
      return std::make_unique<StreamsOf<PlainStream<Executor>>>(setting, executor, plan);
  }
}

}  // namespace

std::unique_ptr<Streams> Streams::make(const Setting& setting, net::io_context& context,
                                       FaultPlan& plan) {
  switch (setting.executor) {
    case ExecutorKind::kErased:
      return make_streams(setting, net::any_io_executor(context.get_executor()), plan);
    case ExecutorKind::kErasedStrand:
      return make_streams(setting, net::any_io_executor(net::make_strand(context)), plan);
    default:
      return make_streams(setting, context.get_executor(), plan);
  }
}

}  // namespace bytes_handoff::test
