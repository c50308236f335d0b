#include "model/duplex_pipe_world.hpp"

#include <algorithm>
#include <utility>

#include "support/pattern.hpp"

namespace bytes_handoff::test {
namespace {

std::vector<PipeSegment> cut(PipeSegment whole, Choices& choices) {
  std::vector<PipeSegment> parts;
  while (whole.size != 0) {
    const std::size_t size = choices.between(0, whole.size);
    parts.push_back({whole.data, size});
    whole = {whole.data + size, whole.size - size};
  }
  return parts;
}

}  // namespace

PipeResult PipeModel::write(std::size_t size) {
  if (writer_closed) return {PipeStatus::kClosed, 0};
  if (size == 0) return {PipeStatus::kDone, 0};
  if (writer_shut || reader_shut) return {end_of_writes(), 0};
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

PipeResult PipeModel::read(std::size_t size) {
  if (reader_closed) return {PipeStatus::kClosed, 0};
  if (size == 0) return {PipeStatus::kDone, 0};
  if (ring.empty()) {
    const bool ended = reader_shut || writer_shut;
    return {ended ? end_of_reads() : PipeStatus::kWouldBlock, 0};
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

bool PipeModel::holds(PipeAct condition) const {
  const bool ended = reader_shut || writer_shut;
  switch (condition) {
    case PipeAct::kWaitReadable:
      return ended || !ring.empty();
    case PipeAct::kWaitWritable:
      return ended || ring.size() < capacity_;
    default:
      break;
  }
  return reader_shut || writer_closed;
}

void PipeWorld::apply(const PipeOperation& operation) {
  act(operation);
  check();
}

void PipeWorld::finish() {
  apply({PipeOperation::Kind::kCloseWriter, 0});
  apply({PipeOperation::Kind::kCloseReader, 0});
  expect(reader_waits_.empty() && writer_waits_.empty(), "a wait outlives both ends");
}

void PipeWorld::act(const PipeOperation& operation) {
  Choices choices(operation.bits);
  using Kind = PipeOperation::Kind;
  switch (operation.kind) {
    case Kind::kWrite:
      write(choices);
      break;
    case Kind::kRead:
      read(choices);
      break;
    case Kind::kWait:
      wait(choices);
      break;
    case Kind::kCancelReader:
    case Kind::kCancelWriter:
      if (choices.one_in(3)) {
        cancel_all(operation.kind == Kind::kCancelReader);
      } else {
        cancel_one(operation.kind == Kind::kCancelReader, choices.between(0, 8));
      }
      break;
    default:
      end(operation.kind);
  }
}

void PipeWorld::write(Choices& choices) {
  auto writing = std::make_unique<Writing>(pattern(any_size(choices), model_.written));
  if (model_.parked_write) {
    expect_refused(*writing, writer_settled_);
    return;
  }
  const auto parts = cut(writing->segment, choices);
  const std::size_t read_at = model_.consumed;
  const bool had_read = model_.parked_read.has_value();
  const PipeResult actual = pipe_.attempt(PipeAct::kWrite, parts, settled());
  const PipeResult expected = model_.write(writing->text.size());
  expect(actual.status == expected.status, "the status of a write");
  expect(actual.bytes == expected.bytes, "the bytes of a write");
  if (had_read && !model_.parked_read) {
    expect_parked_read_done(read_at);
  }
  if (expected.status == PipeStatus::kWouldBlock) {
    model_.parked_write = writing->text.size();
    writing_ = std::move(writing);
    pipe_.start(*writing_, settled());
    expect(writing_->is_parked, "a write was not parked");
  }
}

void PipeWorld::read(Choices& choices) {
  auto reading = std::make_unique<Reading>(any_size(choices));
  if (model_.parked_read) {
    expect_refused(*reading, reader_settled_);
    return;
  }
  const auto parts = cut(reading->segment, choices);
  const std::size_t read_at = model_.consumed;
  const std::size_t written_before = model_.written;
  const bool had_write = model_.parked_write.has_value();
  const PipeResult actual = pipe_.attempt(PipeAct::kRead, parts, settled());
  const PipeResult expected = model_.read(reading->text.size());
  expect(actual.status == expected.status, "the status of a read");
  expect(actual.bytes == expected.bytes, "the bytes of a read");
  expect(reading->text.substr(0, actual.bytes) == pattern(actual.bytes, read_at), "what was read");
  if (had_write && !model_.parked_write) {
    writer_due_[writing_.get()] = PipeStatus::kDone;
    expect(writing_->bytes == model_.written - written_before, "the bytes of a parked write");
  }
  if (expected.status == PipeStatus::kWouldBlock) {
    model_.parked_read = reading->text.size();
    reading_ = std::move(reading);
    pipe_.start(*reading_, settled());
    expect(reading_->is_parked, "a read was not parked");
  }
}

/// A read or a write beside one that is parked.
void PipeWorld::expect_refused(Transfer& transfer, WaitingList& settled) {
  pipe_.start(transfer, this->settled());
  const PipeStatus expected = transfer.text.empty() ? PipeStatus::kDone : PipeStatus::kBusy;
  expect(settled.pop_front() == &transfer, "a second transfer was parked");
  expect(transfer.status == expected && transfer.bytes == 0, "what a second transfer is told");
}

void PipeWorld::expect_parked_read_done(std::size_t read_at) {
  reader_due_[reading_.get()] = PipeStatus::kDone;
  expect(reading_->bytes == model_.consumed - read_at, "the bytes of a parked read");
  expect(reading_->got() == pattern(reading_->bytes, read_at), "what a parked read got");
}

void PipeWorld::wait(Choices& choices) {
  const auto condition = static_cast<PipeAct>(2 + choices.between(0, 2));
  expect(pipe_.holds(condition) == model_.holds(condition), "a condition");
  auto& line = waits(condition == PipeAct::kWaitReadable);
  if (model_.holds(condition) || line.size() == 8) {
    return;
  }
  line.push_back(std::make_unique<WaitingFor>(condition));
  pipe_.start(*line.back(), settled());
  expect(line.back()->is_parked, "a wait was not parked");
}

void PipeWorld::cancel_all(bool reader) {
  if (reader) {
    pipe_.cancel_all(PipeSide::kReader, reader_settled_);
  } else {
    pipe_.cancel_all(PipeSide::kWriter, writer_settled_);
  }
  expect_all_cancelled(reader);
}

/// The read or the write of that side, parked or not, or one of its waits.
void PipeWorld::cancel_one(bool reader, std::size_t pick) {
  auto& line = waits(reader);
  WaitingList& settled = reader ? reader_settled_ : writer_settled_;
  if (pick < line.size()) {
    pipe_.cancel(*line[pick], settled);
    (reader ? reader_due_ : writer_due_)[line[pick].get()] = PipeStatus::kAborted;
    done_waits_.push_back(std::move(line[pick]));
    line.erase(line.begin() + static_cast<std::ptrdiff_t>(pick));
  } else if (reader && reading_ != nullptr) {
    pipe_.cancel(*reading_, settled);
    expect_gone(reader, PipeStatus::kAborted);
  } else if (!reader && writing_ != nullptr) {
    pipe_.cancel(*writing_, settled);
    expect_gone(reader, PipeStatus::kAborted);
  }
}

/// All parked requests of that side were aborted.
void PipeWorld::expect_all_cancelled(bool reader) {
  expect_gone(reader, PipeStatus::kAborted);
  auto& line = waits(reader);
  for (std::unique_ptr<WaitingFor>& wait : line) {
    (reader ? reader_due_ : writer_due_)[wait.get()] = PipeStatus::kAborted;
    done_waits_.push_back(std::move(wait));
  }
  line.clear();
}

void PipeWorld::end(PipeOperation::Kind kind) {
  using Kind = PipeOperation::Kind;
  const bool resets = kind == Kind::kResetReader || kind == Kind::kResetWriter;
  const bool closes = resets || kind == Kind::kCloseReader || kind == Kind::kCloseWriter;
  const bool reader =
      kind == Kind::kCloseReader || kind == Kind::kShutReader || kind == Kind::kResetReader;
  if (resets) {
    (reader ? model_.reader_has_reset : model_.writer_has_reset) |=
        reader ? !model_.reader_shut : !model_.writer_shut;
    reader ? pipe_.end(PipeSide::kReader, PipeEnd::kReset, settled())
           : pipe_.end(PipeSide::kWriter, PipeEnd::kReset, settled());
    expect_all_cancelled(reader);
  } else if (closes) {
    reader ? pipe_.end(PipeSide::kReader, PipeEnd::kClosed, settled())
           : pipe_.end(PipeSide::kWriter, PipeEnd::kClosed, settled());
    expect_all_cancelled(reader);
  } else {
    reader ? pipe_.end(PipeSide::kReader, PipeEnd::kShut, settled())
           : pipe_.end(PipeSide::kWriter, PipeEnd::kShut, settled());
  }
  expect_gone(true, model_.end_of_reads());
  expect_gone(false, model_.end_of_writes());
  (reader ? model_.reader_shut : model_.writer_shut) = true;
  if (closes) {
    (reader ? model_.reader_closed : model_.writer_closed) = true;
  }
  if (closes && reader) {
    model_.ring.clear();
  }
}

/// The read, or the write, that was parked was settled, without bytes.
void PipeWorld::expect_gone(bool reader, PipeStatus status) {
  std::optional<std::size_t>& parked = reader ? model_.parked_read : model_.parked_write;
  if (!parked) {
    return;
  }
  PipeRequest* const request = reader ? static_cast<PipeRequest*>(reading_.get()) : writing_.get();
  (reader ? reader_due_ : writer_due_)[request] = status;
  expect(request->bytes == 0, "bytes of a request that came to nothing");
  parked.reset();
}

void PipeWorld::expect_waits_done() {
  for (const bool reader : {true, false}) {
    std::erase_if(waits(reader), [&](std::unique_ptr<WaitingFor>& wait) {
      const bool holds = model_.holds(wait->act);
      if (holds) {
        (reader ? reader_due_ : writer_due_)[wait.get()] = PipeStatus::kDone;
        done_waits_.push_back(std::move(wait));
      }
      return holds;
    });
  }
}

void PipeWorld::expect_due(WaitingList& settled, Due& due) {
  while (auto* const request = static_cast<PipeRequest*>(settled.pop_front())) {
    const auto found = due.find(request);
    if (found == due.end()) {
      expect(false, "settled, and should not be, or twice");
      continue;
    }
    expect(request->status == found->second, "settled as something else");
    expect(!request->is_parked, "settled, and still parked");
    due.erase(found);
  }
  expect(due.empty(), "not settled");
  due.clear();
}

void PipeWorld::check() {
  expect_waits_done();
  expect_due(reader_settled_, reader_due_);
  expect_due(writer_settled_, writer_due_);
  done_waits_.clear();
  expect(pipe_.size() == model_.ring.size(), "size");
  expect(pipe_.size() <= pipe_.capacity(), "the bound");
  expect(pipe_.is_closed(PipeSide::kReader) == model_.reader_closed, "reader_closed");
  expect(pipe_.is_closed(PipeSide::kWriter) == model_.writer_closed, "writer_closed");
  has_stored_ = (has_stored_ || !model_.ring.empty()) && !model_.reader_closed;
  expect(!has_stored_ || pipe_.has_storage(), "bytes without a ring");
  expect(!model_.reader_closed || !pipe_.has_storage(), "a ring that nobody reads");
  for (const auto condition :
       {PipeAct::kWaitReadable, PipeAct::kWaitWritable, PipeAct::kWaitBroken}) {
    expect(pipe_.holds(condition) == model_.holds(condition), "a condition");
  }
}

}  // namespace bytes_handoff::test
