#pragma once

// A relay from a socket to a queue in front of another one, whose bytes the kernel moves.

#include "support/relaying/kernel_relay_fixture.hpp"

#if BYTES_HANDOFF_HAS_SPLICE

#include <memory>

#include "bytes_handoff/write_handoff.hpp"

namespace bytes_handoff::test {

/// client -> in | queue -> out -> sink.
template <class Pair>
class KernelQueueRelay : public KernelRelay<Pair> {
 protected:
  using Base = KernelRelay<Pair>;

  KernelQueueRelay() { open_queue(); }

  void connect() {
    queue.abort();
    run_ready(*this->context);
    Base::connect();
    open_queue();
  }
  void open_queue() {
    queue = WriteHandoff(std::shared_ptr<typename Pair::Stream>(&*this->out, [](auto*) {}), config);
  }
  void start() {
    async_relay(
        this->buffer, *this->in, queue, this->options,
        net::bind_cancellation_slot(this->cancel.slot(), this->outcome.emplace().handler()));
  }
  // What the queue has is what cannot go on.
  void run_until_full() {
    this->run([this] {
      run_ready(*this->context);
      const std::size_t before = queue.pending_bytes();
      run_ready(*this->context);
      return before != 0 && queue.pending_bytes() == before;
    });
  }

  WriteHandoffConfig config;
  WriteHandoff queue;
};

}  // namespace bytes_handoff::test

#endif
