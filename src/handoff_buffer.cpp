#include "bytes_handoff/handoff_buffer.hpp"

#include <algorithm>
#include <atomic>
#include <new>
#include <utility>

#include "bytes_handoff/core/budget/budget_state.hpp"
#include "bytes_handoff/core/budget/region_access.hpp"
#include "bytes_handoff/core/reading/read_claim.hpp"
#include "bytes_handoff/core/support/saturating_sum.hpp"
#include "bytes_handoff/front_end.hpp"

namespace bytes_handoff {
namespace {

// While a connection waits, up to this many unread bytes move out of a larger block. It trades the
// memory of an idle connection against copying them again and again when input drips in: copying so
// few costs less than the system calls around them.
constexpr std::size_t kIdleCopyAtMost = 4096;

// Room of a read that waits on a stream which cannot tell that it is readable. It trades the memory
// of an idle connection against a second read behind a message that is longer.
constexpr std::size_t kSmallRead = 512;

}  // namespace

// `other` keeps its configuration, and may go on.
HandoffBuffer::HandoffBuffer(HandoffBuffer&& other) noexcept : bytes_(std::move(other.bytes_)) {
  BYTES_HANDOFF_CHECK(other.claim_ == nullptr, "HandoffBuffer: moved while a read runs");
  config_ = other.config_;
  account_ = other.account_;
  take_state(other);
}

HandoffBuffer& HandoffBuffer::operator=(HandoffBuffer&& other) noexcept {
  BYTES_HANDOFF_CHECK(claim_ == nullptr && other.claim_ == nullptr,
                      "HandoffBuffer: moved while a read runs");
  config_ = other.config_;
  account_ = other.account_;
  bytes_ = std::move(other.bytes_);
  take_state(other);
  return *this;
}

HandoffBuffer::~HandoffBuffer() {
  if (claim_ != nullptr) {
    claim_->forget_buffer();
  }
}

HandoffBuffer::HandoffBuffer(HandoffBufferConfig config) : config_(std::move(config)) {
  detail::throw_if_invalid(config_);
  account_ = detail::MemberAccount::make(config_.memory_budget);
}

expected<HandoffBuffer, LimitExceeded> HandoffBuffer::from_tail(BytesMut& tail,
                                                                HandoffBufferConfig config) {
  HandoffBuffer buffer(std::move(config));
  if (tail.size() > buffer.config_.max_size) {
    return unexpected(LimitExceeded{tail.size(), buffer.config_.max_size});
  }
  if (buffer.account_) {
    detail::RegionAccess::pay_for(tail, *buffer.account_);
  }
  buffer.bytes_ = std::move(tail);
  buffer.received_ = buffer.size();
  return buffer;
}

expected<void, LimitExceeded> HandoffBuffer::reserve_read_capacity(std::size_t n) {
  const detail::OneThread::Visit visit(one_thread_);
  BYTES_HANDOFF_CHECK(
      !reading_,
      "HandoffBuffer::reserve_read_capacity while a read runs: only the observers may be called");
  if (auto refused = may_add(n); !refused) {
    return refused;
  }
  make_room(n);
  is_reserved_ = n != 0;
  return {};
}

expected<void, LimitExceeded> HandoffBuffer::may_add(std::size_t n) const noexcept {
  if (n > config_.max_size - size()) {
    return unexpected(LimitExceeded{detail::saturating_sum(size(), n), config_.max_size});
  }
  return {};
}

// With nothing buffered: a block that is larger than a fresh buffer's first one, and than one for
// `n` bytes. The next read may wait for long. A message that long takes another one, which costs no
// more than its bytes.
void HandoffBuffer::drop_block_larger_than(std::size_t n) noexcept {
  const std::size_t first =
      std::min(std::max({config_.block_size, config_.read_reserve, n}), config_.max_size);
  const std::size_t footprint = bytes_.footprint();
  if (footprint > sizeof(detail::Block) + first &&
      footprint > sizeof(detail::Block) + detail::block_capacity_for(first)) {
    bytes_ = BytesMut();
  }
}

std::size_t HandoffBuffer::held_bytes() const noexcept {
  return detail::RegionAccess::held_bytes(bytes_);
}

// Looks for `n` bytes of room in the block at hand, which starts over when nothing in it is needed
// any more: that is a larger read, into memory that is still in the cache. Then takes a block of
// the configured size, and no more than may be buffered. Where that comes too soon after the last
// one to be worth moving what is unread, half as much again as that: a long message, or a buffer
// that is kept near its limit, is not moved at every read. Precondition: `n <= max_size - size()`.
void HandoffBuffer::make_room(std::size_t n) {
  is_prepared_ = false;  // what was put there may be left behind
  const std::size_t usual = std::min(config_.block_size, config_.max_size);
  if ((empty() && bytes_.try_reclaim(std::max(n, usual))) || bytes_.try_reclaim(n)) {
    return;
  }
  const std::size_t roomy = std::max(usual, size() + std::max(n, size() / 2));
  const bool is_too_soon = read_since_move_ < size() / 2;
  const std::size_t least = is_too_soon ? roomy : std::min(roomy, config_.max_size);
  BytesMut larger = detail::RegionAccess::make_paid(least, config_.block_source, account_.get());
  larger.extend(bytes_.span());
  bytes_ = std::move(larger);
  read_since_move_ = 0;
}

// For at most `n` bytes. The floor pays for it, if it can.
void HandoffBuffer::take_small_block(std::size_t n) {
  bytes_ = BytesMut();  // first, so that there are never two
  if (account_) {
    try {
      bytes_ = detail::RegionAccess::make_paid(n, config_.block_source, account_.get(),
                                               detail::PaidFrom::kFloor);
      return;
    } catch (const detail::MemoryShort&) {  // NOLINT: then the budget pays
    }
  }
  bytes_ = detail::RegionAccess::make_paid(n, config_.block_source, account_.get());
}

// The budget does not pay for usual room. An empty buffer goes on with little. Called where
// MemoryShort is handled, which is thrown on otherwise.
void HandoffBuffer::make_small_room(std::size_t most) {
  if (!empty() || is_reserved_) {
    throw;
  }
  bytes_ = BytesMut();  // which the floor may have paid for
  try {
    bytes_ = detail::RegionAccess::make_paid(std::min(kSmallRead, most), config_.block_source,
                                             account_.get(), detail::PaidFrom::kFloor);
    is_prepared_ = false;
    return;
  } catch (const detail::MemoryShort&) {  // NOLINT: the first one says what is needed
  }
  throw;
}

expected<Bytes, SplitOutOfBounds> HandoffBuffer::split_small_prefix(std::size_t n) {
  if (n > size()) {
    return unexpected(SplitOutOfBounds{n, size()});
  }
  Bytes prefix;
  copy_frame(prefix, n, 0, n);
  return prefix;
}

std::uint64_t detail::new_generation() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// A copy is made before anything leaves the buffer, since it may throw.
void HandoffBuffer::copy_frame(Bytes& content, std::size_t n, std::size_t first, std::size_t last) {
  content = first == last ? Bytes() : Bytes::copy_of(bytes_.span().subspan(first, last - first));
  detail::give_up(bytes_.data(), n);
  static_cast<void>(bytes_.advance(n));
}

Bytes HandoffBuffer::take_all() noexcept {
  const detail::OneThread::Visit visit(one_thread_);
  return *bytes_.split_to_frozen(size());
}

void HandoffBuffer::put_back(Bytes&& front) noexcept {
  const detail::OneThread::Visit visit(one_thread_);
  if (front.empty()) {
    return;
  }
  BYTES_HANDOFF_CHECK(empty() || front.end() == bytes_.data(),
                      "HandoffBuffer: bytes are put back in front of others than their own");
  BytesMut behind = std::move(bytes_);
  bytes_ = BytesMut::thaw_unseen(std::move(front));
  bytes_.unsplit(std::move(behind));  // a neighbour, or nothing that is kept: no copy
}

void HandoffBuffer::take_in(BytesMut&& bytes) noexcept {
  const detail::OneThread::Visit visit(one_thread_);
  BYTES_HANDOFF_CHECK(empty(), "HandoffBuffer: bytes came past others");
  bytes_ = std::move(bytes);
  received_ += size();
  read_since_move_ = 0;
}

expected<std::span<std::byte>, LimitExceeded> HandoffBuffer::begin_read() {
  const detail::OneThread::Visit visit(one_thread_);
  const auto most = may_read();
  if (!most) {
    return unexpected(most.error());
  }
  if (empty() && !is_reserved_) {
    drop_block_larger_than(0);
  }
  const std::size_t room = std::min(config_.read_reserve, *most);
  try {
    make_room(room);
  } catch (const detail::MemoryShort&) {
    make_small_room(*most);
  }
  is_reserved_ = false;
  return offer(*most);
}

expected<std::span<std::byte>, LimitExceeded> HandoffBuffer::begin_small_read() {
  const detail::OneThread::Visit visit(one_thread_);
  if (is_reserved_) {
    return begin_read();
  }
  const auto may_add = may_read();
  if (!may_add) {
    return unexpected(may_add.error());
  }
  const std::size_t most = std::min(kSmallRead, *may_add);
  if (!empty()) {
    make_room(most);
  } else if (bytes_.footprint() > 2 * kSmallRead || !bytes_.try_reclaim(most)) {
    take_small_block(most);
  }
  return offer(most);
}

// How many bytes a read may add.
expected<std::size_t, LimitExceeded> HandoffBuffer::may_read() {
  reading_ = false;  // until there is room: after a pause it was set
  const std::size_t may_add = config_.max_size - size();
  if (may_add == 0) {
    return unexpected(LimitExceeded{size() + 1, config_.max_size});
  }
  return may_add;
}

// What a read had to wait for, and does not need.
void HandoffBuffer::give_back_credit() noexcept {
  may_have_credit_ = false;
  account_->give_back_credit();
}

std::span<std::byte> HandoffBuffer::offer(std::size_t most) noexcept {
  reading_ = true;
  is_prepared_ = false;
  if (may_have_credit_) [[unlikely]] {
    give_back_credit();
  }
  offered_ = std::min(bytes_.spare().size(), most);
  return bytes_.spare().first(offered_);
}

void HandoffBuffer::end_read(std::size_t n, bool more_is_there) noexcept {
  const detail::OneThread::Visit visit(one_thread_);
  BYTES_HANDOFF_CHECK(n <= offered_, "front_end::end_read: more bytes than were offered");
  if (may_have_credit_) [[unlikely]] {
    give_back_credit();
  }
  bytes_.commit(n);
  received_ += n;
  detail::give_up(bytes_.data() + size(), capacity() - size());
  offered_ = more_is_there ? 0 : offered_ - n;
  read_since_move_ += n;
  reading_ = false;
}

void HandoffBuffer::pause_read() noexcept {
  const detail::OneThread::Visit visit(one_thread_);
  reading_ = true;
  is_prepared_ = false;
  offered_ = 0;
  if (bytes_.empty()) {
    bytes_ = BytesMut();
    return;
  }
  if (size() > kIdleCopyAtMost || bytes_.footprint() <= 2 * detail::block_capacity_for(size())) {
    return;
  }
  try {
    BytesMut small = detail::RegionAccess::make_paid(size(), config_.block_source, account_.get());
    small.extend(bytes_.span());
    bytes_ = std::move(small);
  } catch (...) {
    // The bytes stay where they are: waiting without memory to spare is no error.
    return;
  }
}

// As the room of a read, so that the next read knows whether this one was filled.
expected<std::span<std::byte>, LimitExceeded> HandoffBuffer::prepare(std::size_t n) {
  const detail::OneThread::Visit visit(one_thread_);
  BYTES_HANDOFF_CHECK(!reading_, "DynamicBuffer::prepare while a read of the HandoffBuffer runs");
  if (const auto refused = may_add(n); !refused) {
    return unexpected(refused.error());
  }
  if (empty() && !is_reserved_) {
    drop_block_larger_than(n);
  }
  make_room(n);
  is_reserved_ = false;
  is_prepared_ = true;
  offered_ = n;
  const std::span<std::byte> room = bytes_.spare();
  detail::give_up(room.data() + n, room.size() - n);
  return room.first(n);
}

void HandoffBuffer::commit(std::size_t n) noexcept {
  const detail::OneThread::Visit visit(one_thread_);
  BYTES_HANDOFF_CHECK(!reading_, "DynamicBuffer::commit while a read of the HandoffBuffer runs");
  if (!is_prepared_) {
    return;
  }
  // Behind `take_tail` the room has gone.
  const std::size_t added = std::min({n, offered_, capacity() - size()});
  bytes_.commit(added);
  received_ += added;
  read_since_move_ += added;
  offered_ -= added;
}

expected<std::span<std::byte>, LimitExceeded> front_end::begin_read(HandoffBuffer& buffer) {
  return detail::BufferAccess::begin_read(buffer);
}

expected<std::span<std::byte>, LimitExceeded> front_end::begin_small_read(HandoffBuffer& buffer) {
  return detail::BufferAccess::begin_small_read(buffer);
}

void front_end::end_read(HandoffBuffer& buffer, std::size_t n, Remaining remaining) noexcept {
  detail::BufferAccess::end_read(buffer, n, remaining == Remaining::more);
}

void front_end::pause_read(HandoffBuffer& buffer) noexcept {
  detail::BufferAccess::pause_read(buffer);
}

bool front_end::is_reading(const HandoffBuffer& buffer) noexcept {
  return detail::BufferAccess::is_reading(buffer);
}

bool front_end::is_stream_drained(const HandoffBuffer& buffer) noexcept {
  return detail::BufferAccess::is_stream_drained(buffer);
}

}  // namespace bytes_handoff
