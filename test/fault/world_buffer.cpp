// What a program asks of its buffer.

#include "fault/world.hpp"

namespace bytes_handoff::test {

void World::open(HandoffBufferConfig config) {
  config.block_source = &blocks_;
  buffer_.emplace(config);
}

void World::feed(std::initializer_list<const char*> pieces, bool then_end) {
  const auto locked = lock();
  pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
  for (const char* piece : pieces) {
    fed_ += piece;
  }
  if (then_end) {
    pieces_.emplace_back();
  }
}

bool World::read(std::function<void(net_error_code, std::size_t)> then) {
  if (context_ == nullptr) {
    return true;
  }
  if (is_threaded() && is_program()) {
    net::post(*strand_, [this, then = std::move(then)] { static_cast<void>(read(then)); });
    check();
    return true;
  }
  const auto told = [this, then = std::move(then)](const net_error_code& error, std::size_t n) {
    check();
    then(error, n);
  };
  return start("async_read_available", ReadFunction{told},
               [&](auto handler) { streams_->read(*buffer_, std::move(handler)); });
}

bool World::wait_frame(std::function<void(net_error_code, std::size_t)> then) {
  if (context_ == nullptr) {
    return true;
  }
  if (is_threaded() && is_program()) {
    net::post(*strand_, [this, then = std::move(then)] { static_cast<void>(wait_frame(then)); });
    check();
    return true;
  }
  const auto told = [this, then = std::move(then)](const net_error_code& error, std::size_t n) {
    check();
    if (error) {
      expect(n == 0, "an error comes with a frame");
    } else {
      expect(n == 0 ? seen().empty() : seen().find('\n') + 1 == n, "this is no whole frame");
    }
    then(error, n);
  };
  return start("async_wait_frame", ReadFunction{told},
               [&](auto handler) { streams_->wait_frame(*buffer_, lines_, std::move(handler)); });
}

void World::read_to_end(std::function<void()> look) { read_to_end(&World::read, std::move(look)); }

void World::wait_frames_to_end(std::function<void()> look) {
  read_to_end(&World::wait_frame, std::move(look));
}

void World::read_to_end(ReadOnce read_once, std::function<void()> look) {
  if (is_threaded() && is_program()) {
    if (context_ != nullptr) {
      net::post(*strand_,
                [this, read_once, look = std::move(look)] { read_to_end(read_once, look); });
      check();
    }
    return;
  }
  constexpr std::size_t kMostFailures = 4;
  bool was_started = false;
  while (!was_started && failed_reads_ < kMostFailures) {
    was_started =
        (this->*read_once)([this, read_once, look](const net_error_code& error, std::size_t n) {
          if (error || n != 0) {
            failed_reads_ += error ? 1U : 0U;
            look();
            read_to_end(read_once, look);
          }
        });
    failed_reads_ += was_started ? 0U : 1U;
  }
}

// For the ledger it is one slice that may be cut.
void World::relay(RelayTo to) {
  if (context_ == nullptr || is_relaying_) {
    return;
  }
  if (is_threaded() && is_program()) {
    net::post(*strand_, [this, to] { relay(to); });
    check();
    return;
  }
  std::optional<WriteHandoff> queue = to == RelayTo::kQueue ? handle() : std::nullopt;
  if (to == RelayTo::kQueue && !queue) {
    return;
  }
  const std::size_t id = [&] {
    const auto locked = lock();
    return ledger_.submit(fed_.substr(consumed_.size()), Ledger::Lane::kMayBeCut);
  }();
  lets_waiters_in_ = is_relaying_ = true;
  const auto told = [this, id, to](const net_error_code& error, const RelayCounts& counts) {
    relayed(id, to, error, counts);
  };
  const bool was_started = start("async_relay", RelayFunction{told}, [&](auto handler) {
    streams_->relay(*buffer_, queue ? &*queue : nullptr, std::move(handler));
  });
  if (!was_started) {
    is_relaying_ = false;
    const auto locked = lock();
    ledger_.settle(id, Ledger::State::kRefused);
  }
}

void World::relayed(std::size_t id, RelayTo to, const net_error_code& error,
                    const RelayCounts& counts) {
  expect(counts.received - counts.passed_on == buffer_->size(), "a relay has lost bytes");
  expect(static_cast<bool>(error) || counts.passed_on == counts.received,
         "a relay that has passed on a part has no error");
  expect(to == RelayTo::kQueue || is_duplex() ||
             consumed_.size() + counts.passed_on == streams_->sink().received.size(),
         "a relay has not counted what its stream took");
  {
    const auto locked = lock();
    ledger_.cut(id, counts.passed_on);
    consumed_ += fed_.substr(consumed_.size(), counts.passed_on);
  }
  is_relaying_ = false;
  check();
}

Bytes World::split(std::size_t n) {
  Bytes prefix;
  const std::string before(seen());
  if (in_library([&] { prefix = buffer_->split_prefix(n).value(); })) {
    consumed_ += prefix.view();
  } else {
    expect(seen() == before, "a split without memory changed the buffer");
  }
  check();
  return prefix;
}

Bytes World::freeze_all() {
  if (front_end::is_reading(*buffer_)) {
    return {};
  }
  Bytes all = buffer_->freeze_all();
  consumed_ += all.view();
  check();
  return all;
}

void World::hand_the_tail_on(HandoffBufferConfig config) {
  if (front_end::is_reading(*buffer_)) {
    return;
  }
  config.block_source = &blocks_;
  BytesMut tail = buffer_->take_tail();
  auto next = HandoffBuffer::from_tail(tail, config);
  if (next) {
    buffer_ = std::move(*next);
  } else {
    buffer_.emplace(config);
    consumed_ += tail.view();
  }
  check();
}

void World::check_buffer() {
  if (!buffer_) {
    return;
  }
  expect(buffer_->size() <= buffer_->config().max_size, "the buffer holds more than its limit");
  if (is_relaying_) {
    return;
  }
  const std::string all = consumed_ + std::string(seen());
  expect(fed_.substr(0, all.size()) == all, "the buffer does not hold what the stream gave");
  if (!front_end::is_reading(*buffer_) && !read_was_dropped_) {
    expect(all.size() == streams_->source().given, "bytes of a read are lost");
  }
}

}  // namespace bytes_handoff::test
