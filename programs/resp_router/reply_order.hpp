#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "resp_router/gathered.hpp"
#include "resp_router/requests.hpp"

namespace programs {

/// The replies that a client waits for, in the order of its requests. They come in any order. Takes
/// no memory while none is waited for.
class ReplyOrder {
 public:
  /// A place behind all others. With `joined`, the replies of several servers fill it.
  std::uint64_t add(std::unique_ptr<JoinedReply> joined = nullptr) {
    if (places_.size() == places_.capacity()) make_room();
    places_.push_back({{}, std::move(joined)});
    ++missing_;
    return first_ + places_.size() - 1;
  }

  /// Takes a reply, or a part of one, to a place that is not full yet. Whether there is now
  /// something to `take`.
  bool fill(std::uint64_t at, std::uint32_t part, bytes_handoff::Bytes& reply,
            const std::vector<RespValue>& values) {
    const auto index = static_cast<std::size_t>(at - first_);
    Place& place = places_[index];
    if (place.joined) {
      place.is_full = place.joined->add(part, reply, values);
    } else {
      place.reply = std::move(reply);
      place.is_full = true;
    }
    if (place.is_full) --missing_;
    return place.is_full && index == taken_;
  }

  /// Takes the replies that wait for no other.
  void take(Gathered& into) {
    for (; taken_ != places_.size() && places_[taken_].is_full; ++taken_) {
      Place& place = places_[taken_];
      if (place.joined) {
        for (bytes_handoff::Bytes& slice : place.joined->take()) into.add(slice);
        place.joined.reset();
      } else {
        into.add(place.reply);
        place.reply.clear();
      }
    }
    if (taken_ == places_.size()) {
      first_ += std::exchange(taken_, 0U);
      places_ = std::vector<Place>();
    }
  }

  /// Requests whose replies were not taken.
  [[nodiscard]] std::size_t size() const noexcept { return places_.size() - taken_; }
  /// Those of them whose replies have not come.
  [[nodiscard]] std::size_t missing() const noexcept { return missing_; }

 private:
  static constexpr std::size_t kFirstPlaces = 16;

  struct Place {
    bytes_handoff::Bytes reply;
    std::unique_ptr<JoinedReply> joined;
    bool is_full = false;
  };

  // Of places whose replies were taken, if they are many.
  void make_room() {
    if (taken_ < places_.size() / 2 || taken_ == 0) {
      places_.reserve(std::max(kFirstPlaces, 2 * places_.size()));
      return;
    }
    places_.erase(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(taken_));
    first_ += std::exchange(taken_, 0U);
  }

  std::vector<Place> places_;
  std::size_t taken_ = 0;    // places at the front, whose replies were taken
  std::size_t missing_ = 0;  // places that are not full
  std::uint64_t first_ = 0;  // the place at the front, counted from the first that was ever added
};

}  // namespace programs
