#pragma once

// A fan-out as one would write it if nothing cost anything: all that was ever published, and for
// each subscriber what it is to be given.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bytes_handoff/lag_policy.hpp"

namespace bytes_handoff::test {

struct ModelPublication {
  std::vector<std::string> texts;
  std::optional<std::uint64_t> key;

  [[nodiscard]] std::size_t bytes() const {
    std::size_t all = 0;
    for (const std::string& text : texts) {
      all += text.size();
    }
    return all;
  }
};

[[nodiscard]] inline std::string note_of(std::uint64_t missed) {
  return "-" + std::to_string(missed);
}

class FanOutModel {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class End : std::uint8_t { kNone, kInOrder, kSoft, kHard };

  struct Subscriber {
    LagPolicy policy;
    std::size_t max_bytes = 0;
    std::size_t max_items = 0;
    std::size_t next = 0;  // publication
    std::deque<std::size_t> pending;
    std::size_t pending_bytes = 0;
    std::vector<std::string> received;
    std::uint64_t missed = 0;
    std::uint64_t conflated = 0;
    std::uint64_t gap = 0;
    bool lags = false;
    bool waits = false;
    std::size_t wanted_bytes = 0;
    std::size_t wanted_items = 0;
    bool is_closed = false;
    bool is_over = false;
    std::optional<TimePoint> beyond_since;
    End end = End::kNone;
  };

  explicit FanOutModel(const FanOutConfig& config) : config_(config) {}

  [[nodiscard]] bool publish(ModelPublication publication) {
    if (is_closed_ || publication.texts.size() > config_.max_entries ||
        publication.bytes() > config_.max_bytes) {
      return false;
    }
    if (publication.texts.empty()) {
      return true;
    }
    published_.push_back(std::move(publication));
    while (lag_from(first_).first > config_.max_bytes ||
           lag_from(first_).second > config_.max_entries) {
      ++first_;
    }
    serve_all();
    return true;
  }
  void close() {
    is_closed_ = true;
    serve_all();
  }
  [[nodiscard]] bool is_closed() const { return is_closed_; }

  Subscriber* join(LagPolicy policy, std::size_t max_bytes, std::size_t max_items) {
    Subscriber& subscriber = subscribers_.emplace_back();
    subscriber.policy = std::move(policy);
    subscriber.max_bytes = max_bytes;
    subscriber.max_items = max_items;
    subscriber.next = published_.size();
    subscriber.is_over = is_closed_;
    return &subscriber;
  }
  void drain(Subscriber& subscriber, std::size_t slices) {
    for (; slices != 0 && !subscriber.pending.empty(); --slices) {
      subscriber.pending_bytes -= subscriber.pending.front();
      subscriber.pending.pop_front();
    }
    if (subscriber.waits &&
        has_room(subscriber, subscriber.wanted_bytes, subscriber.wanted_items)) {
      serve(subscriber);
    }
  }
  void close_queue(Subscriber& subscriber) {
    subscriber.is_closed = true;
    if (subscriber.waits) {
      serve(subscriber);
    }
  }
  void tick(TimePoint now) {
    now_ = now;
    for (Subscriber& subscriber : subscribers_) {
      look_at(subscriber);
    }
  }

 private:
  static bool has_room(const Subscriber& subscriber, std::size_t bytes, std::size_t items) {
    return subscriber.pending_bytes + bytes <= subscriber.max_bytes &&
           subscriber.pending.size() + items <= subscriber.max_items;
  }
  /// Bytes and entries from a publication on.
  [[nodiscard]] std::pair<std::size_t, std::size_t> lag_from(std::size_t publication) const {
    std::pair<std::size_t, std::size_t> lag;
    for (; publication < published_.size(); ++publication) {
      lag.first += published_[publication].bytes();
      lag.second += published_[publication].texts.size();
    }
    return lag;
  }
  [[nodiscard]] bool is_beyond(const LagLimit& limit, const Subscriber& subscriber) const {
    const auto [bytes, entries] = lag_from(subscriber.next);
    return bytes > limit.bytes || entries > limit.entries;
  }
  [[nodiscard]] bool has_newer(std::size_t publication) const {
    const auto& key = published_[publication].key;
    for (std::size_t newer = publication + 1; key && newer < published_.size(); ++newer) {
      if (published_[newer].key == key) {
        return true;
      }
    }
    return false;
  }

  void serve_all() {
    for (Subscriber& subscriber : subscribers_) {
      if (!subscriber.is_over && !subscriber.waits) {
        serve(subscriber);
      }
    }
    tick(now_);
  }

  void miss(Subscriber& subscriber) const {
    const std::size_t entries = published_[subscriber.next++].texts.size();
    subscriber.missed += entries;
    subscriber.gap += entries;
  }

  /// Goes past what it is not to be given; false: nothing is left.
  bool choose(Subscriber& subscriber) const {
    while (subscriber.next < first_) {
      miss(subscriber);
    }
    while (subscriber.lags && subscriber.next + 1 < published_.size()) {
      if (is_beyond(subscriber.policy.skip_beyond, subscriber)) {
        miss(subscriber);
      } else if (subscriber.policy.conflate && has_newer(subscriber.next)) {
        subscriber.conflated += published_[subscriber.next++].texts.size();
      } else {
        break;
      }
    }
    return subscriber.next < published_.size();
  }

  [[nodiscard]] static std::size_t bytes_of(const std::vector<std::string>& texts) {
    return ModelPublication{texts, {}}.bytes();
  }
  [[nodiscard]] static bool can_ever_hold(const Subscriber& subscriber,
                                          const std::vector<std::string>& texts) {
    return bytes_of(texts) <= subscriber.max_bytes && texts.size() <= subscriber.max_items;
  }

  void serve(Subscriber& subscriber) {
    subscriber.waits = false;
    while (choose(subscriber)) {
      if (subscriber.is_closed) {
        subscriber.is_over = true;
        return;
      }
      const std::vector<std::string>& publication = published_[subscriber.next].texts;
      std::vector<std::string> texts = publication;
      bool is_note_alone = false;
      if (subscriber.gap != 0 && subscriber.policy.gap_note) {
        texts.insert(texts.begin(), note_of(subscriber.gap));
        is_note_alone = !can_ever_hold(subscriber, texts) && can_ever_hold(subscriber, publication);
        texts.resize(is_note_alone ? 1 : texts.size());
      }
      const std::size_t bytes = bytes_of(texts);
      if (!can_ever_hold(subscriber, texts)) {
        miss(subscriber);
      } else if (has_room(subscriber, bytes, texts.size())) {
        give(subscriber, texts);
        subscriber.next += is_note_alone ? 0 : 1;
      } else if (!std::exchange(subscriber.lags, true)) {
        continue;  // by its policy, from now on
      } else {
        subscriber.waits = true;
        subscriber.wanted_bytes = bytes;
        subscriber.wanted_items = texts.size();
        look_at(subscriber);
        return;
      }
    }
    subscriber.lags = false;
    subscriber.beyond_since.reset();
    if (is_closed_) {
      subscriber.is_over = true;
      subscriber.end = End::kInOrder;
    }
  }

  static void give(Subscriber& subscriber, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      subscriber.pending.push_back(text.size());
      subscriber.pending_bytes += text.size();
      subscriber.received.push_back(text);
    }
    subscriber.gap = 0;
  }

  void look_at(Subscriber& subscriber) const {
    if (!subscriber.waits || subscriber.is_over) {
      return;
    }
    if (is_beyond(subscriber.policy.hard_limit, subscriber)) {
      subscriber.end = End::kHard;
    } else if (!is_beyond(subscriber.policy.soft_limit, subscriber)) {
      subscriber.beyond_since.reset();
    } else {
      subscriber.beyond_since = subscriber.beyond_since.value_or(now_);
      if (now_ - *subscriber.beyond_since >= subscriber.policy.soft_for) {
        subscriber.end = End::kSoft;
      }
    }
    subscriber.is_over = subscriber.end != End::kNone;
    subscriber.waits = !subscriber.is_over;
  }

  FanOutConfig config_;
  std::vector<ModelPublication> published_;
  std::size_t first_ = 0;  // that the log still has
  std::deque<Subscriber> subscribers_;
  bool is_closed_ = false;
  TimePoint now_{};
};

}  // namespace bytes_handoff::test
