#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "resp_router/requests.hpp"

namespace programs {

/// The replies that a client waits for, in the order of its requests. They come in any order.
class ReplyOrder {
 public:
  /// A place behind all others. With `joined`, the replies of several servers fill it.
  std::uint64_t add(std::unique_ptr<JoinedReply> joined = nullptr) {
    places_.push_back({{}, std::move(joined)});
    return first_ + places_.size() - 1;
  }

  /// Takes a reply, or a part of one, to a place that is not full yet. Whether there is now
  /// something to `take`.
  bool fill(std::uint64_t at, std::uint32_t part, bytes_handoff::Bytes& reply,
            const std::vector<RespValue>& values) {
    Place& place = places_[static_cast<std::size_t>(at - first_)];
    if (place.joined) {
      place.is_full = place.joined->add(part, reply, values);
    } else {
      place.reply = std::move(reply);
      place.is_full = true;
    }
    return place.is_full && at == first_;
  }

  /// Appends the slices of the first reply. False: it is not there yet, or no request waits.
  bool take(std::vector<bytes_handoff::Bytes>& slices) {
    if (places_.empty() || !places_.front().is_full) return false;
    Place place = std::move(places_.front());
    places_.pop_front();
    ++first_;
    if (place.joined) {
      std::ranges::move(place.joined->take(), std::back_inserter(slices));
    } else {
      slices.push_back(std::move(place.reply));
    }
    return true;
  }

  /// Requests whose replies were not taken.
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

 private:
  struct Place {
    bytes_handoff::Bytes reply;
    std::unique_ptr<JoinedReply> joined;
    bool is_full = false;
  };

  std::deque<Place> places_;
  std::uint64_t first_ = 0;  // counted from the first that was ever added
};

}  // namespace programs
