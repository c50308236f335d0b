#pragma once

#include <optional>
#include <string>

#include "bytes_handoff/front_end.hpp"
#include "bytes_handoff/handoff_buffer.hpp"
#include "bytes_handoff/write_handoff.hpp"
#include "ends/near_end.hpp"
#include "ends/told.hpp"

namespace bytes_handoff::test {

/// Reads the shared stream to its end, through a buffer.
class NearReader {
 public:
  /// `told_of` may be null; where there is no handle any more, its reads are plain ones.
  NearReader(NearEnd& near, const std::optional<WriteHandoff>* told_of)
      : near_(near), told_of_(told_of) {}

  void start() {
    watch_ = Watch();
    near_.start_read(buffer_, told_of_ != nullptr && *told_of_ ? &**told_of_ : nullptr,
                     [this, inner = watch_.handler()](net_error_code error, std::size_t n) {
                       inner(error, n);
                       text_ += buffer_.peek_view();
                       static_cast<void>(buffer_.take_tail());
                       if (!error && n != 0) {
                         start();
                       }
                     });
  }

  [[nodiscard]] bool is_over() const { return watch_.has_come(); }
  [[nodiscard]] const Watch& last() const { return watch_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_reading() const { return front_end::is_reading(buffer_); }

 private:
  NearEnd& near_;
  const std::optional<WriteHandoff>* told_of_;
  HandoffBuffer buffer_;
  Watch watch_;
  std::string text_;
};

}  // namespace bytes_handoff::test
