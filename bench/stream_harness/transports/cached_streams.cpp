#include "transports/cached_streams.hpp"

namespace stream_harness {

CountingSink::CountingSink(const Executor& executor, SinkConfig config, Done done)
    : CachedStream(executor),
      state_(std::make_unique<State>(State{std::move(config), std::move(done), {}})) {}

CountingSink::~CountingSink() {
  net_error_code ignored;
  close(ignored);
}

net_error_code CountingSink::state() const noexcept {
  if (!state_ || !state_->open) return net::error::bad_descriptor;
  return state_->done ? net_error_code() : net_error_code(net::error::broken_pipe);
}

void CountingSink::take(std::span<const std::byte> bytes, net_error_code& error) {
  State& state = *state_;
  state.result.count(bytes.size(), state.config.expected_bytes);
  if (!state.config.inspector) return;
  auto wrong = state.config.inspector->inspect(bytes);
  if (wrong.empty()) return;
  error = net::error::broken_pipe;
  finish(std::move(wrong));
}

void CountingSink::shutdown(shutdown_type what, net_error_code& error) {
  if (!state_ || !state_->open) {
    error = net::error::bad_descriptor;
    return;
  }
  error = {};
  if (what != shutdown_receive) finish(state_->result.error_at_end(state_->config.expected_bytes));
}

void CountingSink::close(net_error_code& error) {
  error = {};
  if (!state_ || !std::exchange(state_->open, false)) return;
  finish("the stream was closed before its end");
}

void CountingSink::finish(std::string error) {
  const auto done = std::exchange(state_->done, nullptr);
  if (!done) return;
  state_->result.error = std::move(error);
  done(std::move(state_->result));
}

}  // namespace stream_harness
