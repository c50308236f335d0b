#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bytes_handoff/detail/duplex_pipe.hpp"
#include "support/pattern.hpp"
#include "support/pipe_requests.hpp"
#include "support/seed.hpp"

namespace bytes_handoff::detail {
namespace {

using test::Reading;
using test::Writing;

/// The same pipe as plain data: a deque, what is parked, and who is still there.
class PipeModel {
 public:
  explicit PipeModel(std::size_t capacity) : capacity_(capacity) {}

  PipeResult write(std::size_t size) {
    if (writer_closed) return {PipeStatus::kClosed, 0};
    if (size == 0) return {PipeStatus::kDone, 0};
    if (writer_shut || reader_shut) return {PipeStatus::kBroken, 0};
    if (ring.size() == capacity_) return {PipeStatus::kWouldBlock, 0};
    const std::size_t before = written;
    if (parked_read) {
      const std::size_t direct = std::min(size, *parked_read);
      written += direct;
      consumed += direct;
      parked_read.reset();
    } else {
      fill(size);
    }
    return {PipeStatus::kDone, written - before};
  }

  PipeResult read(std::size_t size) {
    if (reader_closed) return {PipeStatus::kClosed, 0};
    if (size == 0) return {PipeStatus::kDone, 0};
    if (ring.empty()) {
      const bool ended = reader_shut || writer_shut;
      return {ended ? PipeStatus::kEndOfStream : PipeStatus::kWouldBlock, 0};
    }
    std::size_t count = std::min(size, ring.size());
    ring.erase(ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(count));
    if (parked_write) {
      const std::size_t direct = std::min(size - count, *parked_write);
      written += direct;
      count += direct;
      fill(*parked_write - direct);
      parked_write.reset();
    }
    consumed += count;
    return {PipeStatus::kDone, count};
  }

  std::deque<std::size_t> ring;
  std::optional<std::size_t> parked_read;
  std::optional<std::size_t> parked_write;
  std::size_t written = 0;
  std::size_t consumed = 0;
  bool reader_shut = false;
  bool writer_shut = false;
  bool reader_closed = false;
  bool writer_closed = false;

 private:
  void fill(std::size_t size) {
    for (; size != 0 && ring.size() < capacity_; --size) ring.push_back(written++);
  }

  std::size_t capacity_;
};

/// Drives a pipe and its model with the same random steps. Byte `i` of the stream is
/// `pattern(...)[i]`, so that any loss, doubling or disorder shows.
class ModelRun {
 public:
  ModelRun(std::size_t capacity, test::Random& random)
      : pipe_(capacity), model_(capacity), random_(random), largest_(2 * capacity + 2) {}

  void step() {
    switch (random_.between(0, 99)) {
      case 0:
        end(&DuplexPipe::shut_writer, PipeStatus::kBroken, PipeStatus::kEndOfStream);
        model_.writer_shut = true;
        break;
      case 1:
        end(&DuplexPipe::shut_reader, PipeStatus::kBroken, PipeStatus::kEndOfStream);
        model_.reader_shut = true;
        break;
      case 2:
        end(&DuplexPipe::close_writer, PipeStatus::kAborted, PipeStatus::kEndOfStream);
        model_.writer_shut = model_.writer_closed = true;
        break;
      case 3:
        end(&DuplexPipe::close_reader, PipeStatus::kBroken, PipeStatus::kAborted);
        model_.reader_shut = model_.reader_closed = true;
        model_.ring.clear();
        break;
      case 4:
      case 5:
      case 6:
        cancel();
        break;
      default:
        random_.one_in(2) ? write() : read();
    }
    check();
  }

  bool finished() const { return model_.reader_closed && model_.writer_closed; }

 private:
  template <typename Segment>
  std::vector<Segment> cut(Segment whole) {
    std::vector<Segment> parts;
    while (!whole.empty()) {
      const std::size_t size = random_.between(0, whole.size());
      parts.push_back(whole.first(size));
      whole = whole.subspan(size);
    }
    return parts;
  }

  void write() {
    if (model_.parked_write) return;
    auto writing =
        std::make_unique<Writing>(test::pattern(random_.between(0, largest_), model_.written));
    const auto parts = cut(writing->segment);
    const std::size_t read_at = model_.consumed;
    const PipeResult actual = pipe_.write(parts, {reader_settled_, writer_settled_});
    const bool had_read = model_.parked_read.has_value();
    const PipeResult expected = model_.write(writing->text.size());
    ASSERT_EQ(actual.status, expected.status);
    ASSERT_EQ(actual.bytes, expected.bytes);
    if (had_read && !model_.parked_read) expect_parked_read(read_at);
    if (actual.status == PipeStatus::kWouldBlock) {
      model_.parked_write = writing->text.size();
      writing_ = std::move(writing);
      ASSERT_TRUE(pipe_.park(*writing_));
    }
  }

  void read() {
    if (model_.parked_read) return;
    auto reading = std::make_unique<Reading>(random_.between(0, largest_));
    const auto parts = cut(reading->segment);
    const std::size_t read_at = model_.consumed;
    const std::size_t written_before = model_.written;
    const bool had_write = model_.parked_write.has_value();
    const PipeResult actual = pipe_.read(parts, {reader_settled_, writer_settled_});
    const PipeResult expected = model_.read(reading->text.size());
    ASSERT_EQ(actual.status, expected.status);
    ASSERT_EQ(actual.bytes, expected.bytes);
    ASSERT_EQ(reading->text.substr(0, actual.bytes), test::pattern(actual.bytes, read_at));
    if (had_write && !model_.parked_write) {
      ASSERT_EQ(writer_settled_.pop_front(), writing_.get());
      ASSERT_EQ(writing_->status, PipeStatus::kDone);
      ASSERT_EQ(writing_->bytes, model_.written - written_before);
    }
    if (actual.status == PipeStatus::kWouldBlock) {
      model_.parked_read = reading->text.size();
      reading_ = std::move(reading);
      ASSERT_TRUE(pipe_.park(*reading_));
    }
  }

  void expect_parked_read(std::size_t read_at) {
    ASSERT_EQ(reader_settled_.pop_front(), reading_.get());
    ASSERT_EQ(reading_->status, PipeStatus::kDone);
    ASSERT_EQ(reading_->bytes, model_.consumed - read_at);
    ASSERT_EQ(reading_->got(), test::pattern(reading_->bytes, read_at));
  }

  void cancel() {
    if (random_.one_in(2)) {
      pipe_.cancel_reader(0, reader_settled_);
      expect_gone(PipeStatus::kAborted, true);
    } else {
      pipe_.cancel_writer(0, writer_settled_);
      expect_gone(PipeStatus::kAborted, false);
    }
  }

  using End = void (DuplexPipe::*)(PipeSettled);
  void end(End how, PipeStatus write_becomes, PipeStatus read_becomes) {
    (pipe_.*how)({reader_settled_, writer_settled_});
    expect_gone(read_becomes, true);
    expect_gone(write_becomes, false);
  }

  /// What was parked on that side was settled, without bytes.
  void expect_gone(PipeStatus status, bool reader) {
    std::optional<std::size_t>& parked = reader ? model_.parked_read : model_.parked_write;
    if (!parked) return;
    PipeRequest* const request = (reader ? reader_settled_ : writer_settled_).pop_front();
    ASSERT_NE(request, nullptr);
    ASSERT_EQ(request->status, status);
    ASSERT_EQ(request->bytes, 0U);
    parked.reset();
  }

  void check() {
    ASSERT_TRUE(reader_settled_.empty());
    ASSERT_TRUE(writer_settled_.empty());
    ASSERT_EQ(pipe_.size(), model_.ring.size());
    ASSERT_LE(pipe_.size(), pipe_.capacity());
    const bool ended = model_.reader_shut || model_.writer_shut;
    ASSERT_EQ(pipe_.holds(PipeCondition::kReadable), ended || !model_.ring.empty());
    ASSERT_EQ(pipe_.holds(PipeCondition::kWritable),
              ended || model_.ring.size() < pipe_.capacity());
    ASSERT_EQ(pipe_.holds(PipeCondition::kBroken), model_.reader_shut || model_.writer_closed);
  }

  DuplexPipe pipe_;
  PipeModel model_;
  test::Random& random_;
  std::size_t largest_;
  std::unique_ptr<Reading> reading_;
  std::unique_ptr<Writing> writing_;
  PipeRequestList reader_settled_;
  PipeRequestList writer_settled_;
};

TEST(DuplexPipeModelTest, RandomStepsAgreeWithADeque) {
  SCOPED_TRACE(test::seed_note());
  test::Random random;
  for (int run = 0; run < 2000; ++run) {
    ModelRun one(random.between(1, 20), random);
    for (int step = 0; step < 200 && !one.finished(); ++step) {
      ASSERT_NO_FATAL_FAILURE(one.step()) << "run " << run << " step " << step;
    }
  }
}

}  // namespace
}  // namespace bytes_handoff::detail
