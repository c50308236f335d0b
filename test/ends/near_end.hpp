#pragma once

#include <memory>
#include <utility>

#include "ends/connection.hpp"

namespace bytes_handoff::test {

/// The socket, or the like, that a layered stream stands on.
template <class Stream>
auto& lowest_of(Stream& stream) {
  if constexpr (requires { stream.socket(); }) {
    return stream.socket();
  } else if constexpr (requires { stream.next_layer(); }) {
    return lowest_of(stream.next_layer());
  } else {
    return stream;
  }
}

template <class Stream>
class NearEndOf final : public NearEnd {
 public:
  explicit NearEndOf(std::unique_ptr<Stream> stream, std::shared_ptr<void> beside = nullptr)
      : beside_(std::move(beside)), stream_(std::move(stream)) {}

  WriteHandoff spawn(Form form, const WriteHandoffConfig& config) override {
    if (form == Form::kOwned) {
      const auto stream = std::exchange(stream_, nullptr);
      return WriteHandoff(std::move(*stream), config);
    }
    return WriteHandoff(stream_, config);
  }

  void start_read(HandoffBuffer& buffer, const WriteHandoff* told_of,
                  ReadHandler handler) override {
    if constexpr (requires(std::byte * room) {
                    stream_->async_read_some(net::mutable_buffer(room, 1), ReadHandler());
                  }) {
      if (stream_ == nullptr) {
        return;  // what comes after a failure
      }
      auto held = [stream = stream_, handler = std::move(handler)](
                      net_error_code error, std::size_t n) { handler(error, n); };
      if (told_of != nullptr) {
        buffer.async_read_available(*stream_, *told_of, std::move(held));
      } else {
        buffer.async_read_available(*stream_, std::move(held));
      }
    }
  }

  void relay_to(HandoffBuffer& buffer, Tcp& out, const RelayOptions& options,
                RelayHandler handler) override {
    if constexpr (kIsReadAsBytes) {
      async_relay(buffer, *stream_, out, options, std::move(handler));
    }
  }
  void relay_from(HandoffBuffer& buffer, Tcp& in, const RelayOptions& options,
                  RelayHandler handler) override {
    if constexpr (kTakesBytes) {
      async_relay(buffer, in, *stream_, options, std::move(handler));
    }
  }
  void tunnel(HandoffBuffer& buffer, const WriteHandoff* queue, TunnelEnd<Tcp, Tcp> other,
              const TunnelOptions& options, TunnelHandler handler) override {
    if constexpr (kIsReadAsBytes && kTakesBytes) {
      if (queue != nullptr) {
        async_tunnel(TunnelEnd(buffer, *stream_, *queue), other, options, std::move(handler));
      } else {
        async_tunnel(TunnelEnd(buffer, *stream_), other, options, std::move(handler));
      }
    }
  }

  Descriptor descriptor() const override {
    if constexpr (requires { lowest_of(*stream_).native_handle(); }) {
      return Descriptor(lowest_of(*stream_).native_handle());
    } else {
      return {};
    }
  }

  long holders() const override { return stream_.use_count(); }
  bool is_open() const override { return lowest_of(*stream_).is_open(); }
  void let_go() override { stream_.reset(); }

 private:
  static constexpr bool kTakesBytes = detail::ByteWriteStream<Stream>;
  static constexpr bool kIsReadAsBytes =
      detail::AsyncReadStream<Stream> && !detail::MessageStream<Stream>;

  std::shared_ptr<void> beside_;  // what the stream refers to
  std::shared_ptr<Stream> stream_;
};

template <class Stream>
[[nodiscard]] std::unique_ptr<NearEnd> near_end_of(Stream stream) {
  return std::make_unique<NearEndOf<Stream>>(std::make_unique<Stream>(std::move(stream)));
}

}  // namespace bytes_handoff::test
