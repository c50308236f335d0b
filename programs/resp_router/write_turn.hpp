#pragma once

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "resp_router/gathered.hpp"

namespace programs {

/// Who writes in turns.
class WritesInTurns {
 public:
  virtual ~WritesInTurns() = default;

  /// Writes what there is for it. `gathered` is empty, and may be used.
  virtual void write(Gathered& gathered) = 0;
  /// Whether there may soon be more to write. Then it is written a turn later, but not two.
  [[nodiscard]] virtual bool can_wait() const { return false; }

 private:
  friend class WriteTurn;
  bool has_turn_ = false;
  bool has_waited_ = false;
};

/// Lets those that have something to write do so behind the handlers that are ready now. So what
/// several connections have brought leaves in one write. One handler is posted for all of them.
class WriteTurn {
 public:
  explicit WriteTurn(asio::io_context& context) : context_(context) {}

  /// `who` is kept until then.
  void add(const std::shared_ptr<WritesInTurns>& who) {
    if (!std::exchange(who->has_turn_, true)) add_to_next(who);
  }

 private:
  static constexpr std::size_t kBlockBytes = 1024;

  void add_to_next(const std::shared_ptr<WritesInTurns>& who) {
    if (next_.empty()) asio::post(context_, [this] { run(); });
    next_.push_back(who);
  }

  void run() {
    now_.swap(next_);
    for (const auto& who : now_) {
      who->has_waited_ = !who->has_waited_ && who->can_wait();
      if (who->has_waited_) {
        add_to_next(who);
        continue;
      }
      who->has_turn_ = false;
      who->write(gathered_);
      gathered_.clear();
    }
    now_.clear();
  }

  asio::io_context& context_;
  std::vector<std::shared_ptr<WritesInTurns>> next_;
  std::vector<std::shared_ptr<WritesInTurns>> now_;
  Gathered gathered_{kBlockBytes};
};

}  // namespace programs
