#include "model/handoff_buffer_world.hpp"

#include <algorithm>
#include <cstring>

#include "bytes_handoff/core/reading/buffer_access.hpp"
#include "bytes_handoff/front_end.hpp"
#include "support/pattern.hpp"

namespace bytes_handoff::test {

BufferWorld::BufferWorld(std::uint64_t config_seed) {
  Choices choices(config_seed);
  replace_buffer(choices, BytesMut(), "");
}

void BufferWorld::apply(const BufferOperation& operation) {
  Choices choices(operation.bits);
  is_failing_ = operation.without_memory;
  source_.fail(is_failing_);
  act(operation.kind, choices);
  source_.fail(false);
  check();
}

void BufferWorld::finish() {
  check_slices();
  expect(source_.blocks_out() <= slices_.size() + regions_.size() + 1, "a block too many");
  slices_.clear();
  regions_.clear();
  buffer_ = HandoffBuffer();
  expect(source_.blocks_out() == 0, "a block was kept");
}

void BufferWorld::act(BufferOperation::Kind kind, Choices& choices) {
  using Kind = BufferOperation::Kind;
  switch (kind) {
    case Kind::kRead:
      read(choices);
      break;
    case Kind::kSplit:
      split(choices);
      break;
    case Kind::kSplitMut:
      split_mut(choices);
      break;
    case Kind::kAdvance:
      advance(choices);
      break;
    case Kind::kReserve:
      reserve(choices);
      break;
    case Kind::kHandTailOn:
      hand_tail_on(choices);
      break;
    case Kind::kRefuseTail:
      refuse_tail(choices);
      break;
    case Kind::kFreezeAll:
      hold(slices_, buffer_.freeze_all(), std::exchange(model_, ""), choices);
      break;
    case Kind::kMove:
      move();
      break;
    case Kind::kUseRegion:
      use_region(choices);
      break;
    case Kind::kCutRegion:
      cut_region(choices);
      break;
    case Kind::kUseSlice:
      use_slice(choices);
      break;
  }
}

void BufferWorld::hand_tail_on(Choices& choices) {
  BytesMut tail = buffer_.take_tail();
  expect(buffer_.empty() && buffer_.capacity() == 0, "a buffer whose tail was taken");
  replace_buffer(choices, std::move(tail), std::exchange(model_, ""));
}

HandoffBufferConfig BufferWorld::any_config(Choices& choices, std::size_t least_limit) {
  HandoffBufferConfig config;
  config.max_size = least_limit + choices.between(1, choices.one_in(2) ? 300 : 20'000);
  config.read_reserve = choices.between(1, choices.one_in(2) ? 64 : 5000);
  config.block_size = choices.between(1, choices.one_in(2) ? 256 : 16'384);
  config.prefix_policy = {choices.between(0, 100)};
  static_cast<void>(choices.between(0, 1000));  // so that what follows reads the corpus as ever
  config.block_source = &source_;
  return config;
}

std::size_t BufferWorld::size_up_to(Choices& choices, std::size_t most) {
  switch (choices.between(0, 5)) {
    case 0:
      return most;
    case 1:
      return choices.between(most + 1, most + 3);
    default:
      return choices.between(0, choices.one_in(2) ? most : std::min<std::size_t>(most, 60));
  }
}

std::string BufferWorld::any_text(Choices& choices, std::size_t n) {
  return pattern(n, choices.between(0, 1'000'000));
}

void BufferWorld::replace_buffer(Choices& choices, BytesMut tail, std::string expected) {
  auto made = HandoffBuffer::from_tail(tail, any_config(choices, expected.size()));
  expect(made.has_value(), "a tail within the limit was refused");
  expect(tail.empty() && tail.capacity() == 0, "a tail that was taken is not left empty");
  if (made) {
    buffer_ = std::move(*made);
    model_ = std::move(expected);
  }
}

void BufferWorld::read(Choices& choices) {
  const HandoffBufferConfig& config = buffer_.config();
  const std::size_t may_add = config.max_size - model_.size();
  may_run_out_of_memory([&] {
    auto room = front_end::begin_read(buffer_);
    expect(room.has_value() == (may_add != 0), "whether a read may begin");
    if (!room) {
      expect(room.error() == LimitExceeded{model_.size() + 1, config.max_size}, "a full buffer");
      return;
    }
    if (choices.one_in(4)) {
      front_end::pause_read(buffer_);
      expect(front_end::is_reading(buffer_) && buffer_.peek_view() == model_, "a paused read");
      source_.fail(false);
      room = front_end::begin_read(buffer_);
    }
    expect(room->size() >= std::min(config.read_reserve, may_add), "too little room");
    expect(room->size() == std::min(buffer_.capacity() - buffer_.size(), may_add), "the room");
    expect(front_end::is_reading(buffer_), "it is not reading");
    const std::size_t offered = room->size();
    const std::string text = any_text(choices, std::min(size_up_to(choices, offered), offered));
    std::memcpy(room->data(), text.data(), text.size());
    front_end::end_read(buffer_, text.size());
    model_ += text;
    expect(front_end::is_stream_drained(buffer_) == (text.size() < offered), "is_stream_drained");
  });
  expect(!front_end::is_reading(buffer_), "it is still reading");
}

void BufferWorld::split(Choices& choices) {
  const std::size_t n = size_up_to(choices, model_.size());
  auto prefix = buffer_.split_prefix(n);
  expect(prefix.has_value() == (n <= model_.size()), "whether a prefix can be split");
  if (prefix) {
    hold(slices_, std::move(*prefix), model_.substr(0, n), choices);
    model_.erase(0, n);
  } else {
    expect(prefix.error() == SplitOutOfBounds{n, model_.size()}, "the error of a split");
  }
}

void BufferWorld::split_mut(Choices& choices) {
  const std::size_t n = size_up_to(choices, model_.size());
  auto prefix = buffer_.split_prefix_mut(n);
  expect(prefix.has_value() == (n <= model_.size()), "whether a region can be split");
  if (prefix) {
    hold(regions_, std::move(*prefix), model_.substr(0, n), choices);
    model_.erase(0, n);
  } else {
    expect(prefix.error() == SplitOutOfBounds{n, model_.size()}, "the error of a split");
  }
}

void BufferWorld::advance(Choices& choices) {
  const std::size_t n = size_up_to(choices, model_.size());
  expect(buffer_.advance(n).has_value() == (n <= model_.size()), "whether it can advance");
  model_.erase(0, n <= model_.size() ? n : 0);
  if (choices.one_in(3)) {
    take_lines(choices);
  }
}

// Some of those that are there, or all.
void BufferWorld::take_lines(Choices& choices) {
  std::size_t most = choices.one_in(2) ? SIZE_MAX : choices.between(1, 3);
  auto lines = buffer_.frames(lines_);
  for (Bytes& line : lines) {
    const std::size_t length = model_.find('\n');
    expect(length <= kLongestLine, "a line that is not there, or is too long");
    hold(slices_, std::move(line), model_.substr(0, length), choices);
    model_.erase(0, length == std::string::npos ? length : length + 1);
    expect(buffer_.peek_view() == model_, "what is behind a line");
    if (--most == 0) {
      return;
    }
  }
  expect(model_.find('\n') > kLongestLine, "a line is left");
  std::error_code why;
  if (model_.size() > kLongestLine) {
    why = Errc::frame_too_long;
  } else if (model_.size() == buffer_.config().max_size) {
    why = Errc::limit_exceeded;
  }
  expect(lines.error().code == why, "why there are no more lines");
}

void BufferWorld::reserve(Choices& choices) {
  const std::size_t may_add = buffer_.config().max_size - model_.size();
  const std::size_t n = choices.one_in(10) ? SIZE_MAX : size_up_to(choices, may_add);
  may_run_out_of_memory([&] {
    const auto reserved = buffer_.reserve_read_capacity(n);
    expect(reserved.has_value() == (n <= may_add), "whether room can be reserved");
    expect(!reserved || buffer_.capacity() - buffer_.size() >= n, "the room that was reserved");
    const std::size_t attempted = n == SIZE_MAX ? SIZE_MAX : model_.size() + n;
    expect(reserved || reserved.error() == LimitExceeded{attempted, buffer_.config().max_size},
           "the error of a reserve");
  });
  if (choices.one_in(2)) {
    prepare(choices);
  }
}

// Room for others, who fill it and tell how much at once or in two steps, or never.
void BufferWorld::prepare(Choices& choices) {
  const std::size_t may_add = buffer_.config().max_size - model_.size();
  const std::size_t n = size_up_to(choices, may_add);
  const std::uint64_t received = buffer_.position() + model_.size();
  may_run_out_of_memory([&] {
    const auto room = detail::BufferAccess::prepare(buffer_, n);
    expect(room.has_value() == (n <= may_add), "whether room can be prepared");
    if (!room) {
      expect(room.error() == LimitExceeded{model_.size() + n, buffer_.config().max_size},
             "the error of a prepare");
      return;
    }
    expect(room->size() == n, "the room that was prepared");
    const std::string text = any_text(choices, n);
    if (n != 0) {
      std::memcpy(room->data(), text.data(), n);
    }
    const std::size_t first = choices.between(0, n);
    const std::size_t all = choices.one_in(2) ? first + size_up_to(choices, n - first) : first;
    detail::BufferAccess::commit(buffer_, first);
    detail::BufferAccess::commit(buffer_, all - first);
    const std::size_t added = std::min(all, n);
    model_ += text.substr(0, added);
    expect(buffer_.position() + buffer_.size() == received + added, "position");
    expect(front_end::is_stream_drained(buffer_) == (added < n), "drained behind a commit");
  });
}

// One that is over the limit, or for a config that can never work: it stays whole.
void BufferWorld::refuse_tail(Choices& choices) {
  if (model_.empty()) {
    return;
  }
  HandoffBufferConfig config = buffer_.config();
  const bool is_bad = choices.one_in(2);
  (is_bad ? config.read_reserve : config.max_size) = is_bad ? 0 : model_.size() - 1;
  const bool can_work = config.max_size != 0 && config.read_reserve != 0;
  HandoffBufferConfig usual = buffer_.config();
  BytesMut tail = buffer_.take_tail();
  try {
    auto made = HandoffBuffer::from_tail(tail, config);
    expect(can_work, "a config that can never work was taken");
    expect(!made && made.error() == LimitExceeded{model_.size(), config.max_size},
           "by how much a tail was too long");
  } catch (const std::invalid_argument&) {
    expect(!can_work, "a config that can work was refused");
  }
  expect(tail.view() == model_, "a refused tail has changed");
  auto again = HandoffBuffer::from_tail(tail, usual);
  expect(again.has_value(), "a tail that stayed was refused where it had been");
  buffer_ = std::move(*again);
}

void BufferWorld::move() {
  HandoffBuffer other = std::move(buffer_);
  expect(buffer_.empty(), "moved from, and not empty");  // NOLINT(bugprone-use-after-move)
  buffer_ = std::move(other);
}

void BufferWorld::check() {
  expect(buffer_.size() == model_.size(), "size");
  expect(buffer_.empty() == model_.empty(), "empty");
  expect(buffer_.capacity() >= model_.size(), "capacity");
  expect(model_.size() <= buffer_.config().max_size, "the limit");
  expect(buffer_.peek_view() == model_, "peek");
  expect(buffer_.peek().size() == model_.size(), "peek's size");
  if (!slices_.empty()) {
    const Held<Bytes>& slice = slices_[next_checked_++ % slices_.size()];
    expect(slice.bytes.view() == slice.expected, "a slice has changed");
  }
}

}  // namespace bytes_handoff::test
