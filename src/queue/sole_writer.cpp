#include "bytes_handoff/core/queue/sole_writer.hpp"

#if BYTES_HANDOFF_CHECKS

#include <array>
#include <functional>
#include <mutex>

#include "bytes_handoff/core/support/static_mutex.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

#include "bytes_handoff/core/queue/queue_check.hpp"

namespace bytes_handoff::detail {
namespace {

using Writers = IntrusiveList<SoleWriter>;

// Never destroyed: queues may be static objects.
constinit StaticMutex writers_mutex;
constinit std::array<Writers, 256> writers_by_stream;

Writers& writers_near(const void* stream) noexcept {
  // Objects on the heap are at least 16 bytes apart.
  return writers_by_stream[std::hash<const void*>()(stream) / 16 % writers_by_stream.size()];
}

#if defined(__unix__) || defined(__APPLE__)
// A fork waits until nobody is in the lists, so that new queues work in the child.
[[maybe_unused]] const int writers_watch_forks = pthread_atfork(
    [] { writers_mutex.lock(); }, [] { writers_mutex.unlock(); }, [] { writers_mutex.unlock(); });
#endif

}  // namespace

SoleWriter::SoleWriter(const void* stream, const WriteQueue& queue) noexcept
    : stream_(stream), queue_(&queue) {
  if (stream == nullptr) {
    return;
  }
  const std::lock_guard lock(writers_mutex);
  Writers& writers = writers_near(stream);
  for (const SoleWriter* other = writers.front(); other != nullptr; other = writers.after(*other)) {
    BYTES_HANDOFF_CHECK_QUEUE(
        *other->queue_, other->stream_ != stream || other->queue_->has_ended(),
        "WriteHandoff: another queue that has not ended writes to this stream");
  }
  writers.push_back(*this);
}

SoleWriter::~SoleWriter() {
  if (stream_ != nullptr) {
    const std::lock_guard lock(writers_mutex);
    writers_near(stream_).remove(*this);
  }
}

}  // namespace bytes_handoff::detail

#endif
