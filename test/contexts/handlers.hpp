#pragma once

// Handlers of any operation that count what becomes of them, on any threads.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/write_handoff.hpp"
#include "support/asio.hpp"

namespace bytes_handoff::test {

/// Slices are the caller's where the write was refused, and else left empty.
inline void expect_whose(const Bytes& slice, const net_error_code& error) {
  EXPECT_EQ(slice.empty(), !error) << error.message();
}
template <class Slices>
void expect_whose(const Slices& slices, const net_error_code& error) {
  for (const Bytes& slice : slices) {
    expect_whose(slice, error);
  }
}

/// How many handlers were made, called, and destroyed.
class Handlers {
 public:
  /// A handler of anything.
  [[nodiscard]] auto make() {
    made_.fetch_add(1);
    return [life = std::make_shared<Life>(*this)](auto&&...) { life->call(); };
  }
  /// A handler of a write that owns its slices. They are freed where it is destroyed, or called:
  /// who touches them behind that uses memory that has gone.
  template <class Slices>
  [[nodiscard]] auto make_with(std::unique_ptr<Slices> slices) {
    return [slices = std::move(slices), handler = make()](net_error_code error,
                                                          const WriteTicket& ticket) mutable {
      EXPECT_EQ(ticket.valid(), !error);
      expect_whose(*slices, error);
      slices.reset();
      handler(error);
    };
  }

  /// The same for a burst, of which the leading `n` slices were admitted.
  [[nodiscard]] auto make_with_burst(std::unique_ptr<std::vector<Bytes>> slices) {
    return [slices = std::move(slices), handler = make()](net_error_code error,
                                                          std::size_t n) mutable {
      EXPECT_TRUE(error || n == slices->size());
      for (std::size_t i = 0; i < slices->size(); ++i) {
        EXPECT_EQ((*slices)[i].empty(), i < n) << i << " of " << n;
      }
      slices.reset();
      handler(error);
    };
  }
  /// A handler of a reservation that uses its permit for a write of one byte, or drops it.
  [[nodiscard]] auto make_with_permit(bool commits) {
    return [commits, handler = make()](net_error_code error, WritePermit permit) mutable {
      EXPECT_EQ(permit.valid(), !error);
      if (permit.valid() && commits) {
        Bytes byte = Bytes::from_static("p");
        const auto written = permit.commit(byte);
        EXPECT_EQ(byte.empty(), written.has_value());
        EXPECT_TRUE(written || written.error().reason == WriteRefusalReason::closed);
      }
      handler(error);
    };
  }

  [[nodiscard]] unsigned made() const { return made_.load(); }
  [[nodiscard]] unsigned called() const { return called_.load(); }
  [[nodiscard]] unsigned destroyed() const { return destroyed_.load(); }

  void expect_all_gone() const {
    EXPECT_EQ(destroyed(), made()) << "handlers were lost";
    EXPECT_LE(called(), made());
    EXPECT_FALSE(was_called_twice_.load());
  }
  void expect_all_called() const {
    expect_all_gone();
    EXPECT_EQ(called(), made());
  }
  void expect_none_called() const {
    expect_all_gone();
    EXPECT_EQ(called(), 0U);
  }

 private:
  class Life {
   public:
    explicit Life(Handlers& all) : all_(&all) {}
    Life(const Life&) = delete;
    Life& operator=(const Life&) = delete;
    ~Life() { all_->destroyed_.fetch_add(1); }
    void call() {
      all_->called_.fetch_add(1);
      if (is_called_.exchange(true)) {
        all_->was_called_twice_ = true;
      }
    }

   private:
    Handlers* all_;
    std::atomic<bool> is_called_{false};
  };

  std::atomic<unsigned> made_{0};
  std::atomic<unsigned> called_{0};
  std::atomic<unsigned> destroyed_{0};
  std::atomic<bool> was_called_twice_{false};
};

/// A handler that keeps the error that it is told.
class FirstError {
 public:
  [[nodiscard]] auto handler() {
    return [this, life = life_](const net_error_code& error, const auto&...) {
      EXPECT_FALSE(was_called_) << "a handler was called twice";
      was_called_ = true;
      error_ = error;
    };
  }
  void expect(const net_error_code& error) const {
    EXPECT_TRUE(was_called_) << "a handler was not called";
    if (error || error_) {  // success is success, whatever category it comes with
      EXPECT_EQ(error_, error) << error_.message();
    }
    EXPECT_EQ(life_.use_count(), 1) << "a handler is left";
  }
  void expect_destroyed_uninvoked() const {
    EXPECT_FALSE(was_called_) << "a handler was called: " << error_.message();
    EXPECT_EQ(life_.use_count(), 1) << "a handler is left";
  }

 private:
  std::shared_ptr<int> life_ = std::make_shared<int>();
  bool was_called_ = false;
  net_error_code error_;
};

}  // namespace bytes_handoff::test
