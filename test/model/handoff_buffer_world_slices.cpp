#include <functional>

#include "model/handoff_buffer_world.hpp"

namespace bytes_handoff::test {

// Writes into a region, grows it, rejoins it with another, or freezes it.
void BufferWorld::use_region(Choices& choices) {
  if (regions_.empty()) {
    return;
  }
  Held<BytesMut>& region = regions_[choices.between(0, regions_.size() - 1)];
  Held<BytesMut>& other = regions_[choices.between(0, regions_.size() - 1)];
  may_run_out_of_memory([&] {
    if (choices.one_in(3) && &region != &other) {
      region.bytes.unsplit(std::move(other.bytes));
      region.expected += std::exchange(other.expected, "");
    } else if (choices.one_in(3)) {
      hold(slices_, std::move(region.bytes).freeze(), std::exchange(region.expected, ""), choices);
    } else if (choices.one_in(2)) {
      const std::string text = any_text(choices, choices.between(0, 300));
      region.bytes.extend(text);
      region.expected += text;
    } else if (!region.expected.empty()) {
      const std::size_t at = choices.between(0, region.expected.size() - 1);
      region.bytes.span()[at] = std::byte{'!'};
      region.expected[at] = '!';
    }
  });
  expect(region.bytes.view() == region.expected, "a region has changed");
}

void BufferWorld::freeze_front(Held<BytesMut>& region, std::size_t n, Choices& choices) {
  if (auto front = region.bytes.split_to_frozen(n)) {
    std::string expected = region.expected.substr(0, n);
    region.expected.erase(0, n);
    hold(slices_, std::move(*front), std::move(expected), choices);
  } else {
    expect(n > region.expected.size(), "a region could not be split");
  }
}

// Splits, shortens, reserves, reclaims, drops.
void BufferWorld::cut_region(Choices& choices) {
  if (regions_.empty()) {
    return;
  }
  const std::size_t which = choices.between(0, regions_.size() - 1);
  Held<BytesMut>& region = regions_[which];
  const std::size_t n = size_up_to(choices, region.expected.size());
  const bool fits = n <= region.expected.size();
  switch (choices.between(0, 7)) {
    case 0:
      hold(regions_, region.bytes.split(), std::exchange(region.expected, ""), choices);
      break;
    case 1:
      freeze_front(region, n, choices);
      break;
    case 2:
      expect(region.bytes.advance(n).has_value() == fits, "whether a region can advance");
      region.expected.erase(0, fits ? n : 0);
      break;
    case 3:
      region.bytes.truncate(n);
      region.expected.resize(fits ? n : region.expected.size());
      break;
    case 4:
      region.bytes.clear();
      region.expected.clear();
      break;
    case 5:
      may_run_out_of_memory([&] {
        region.bytes.reserve(n);
        expect(region.bytes.spare().size() >= n, "the room of a region");
      });
      break;
    case 6:
      expect(!region.bytes.try_reclaim(n) || region.bytes.spare().size() >= n,
             "the room that was reclaimed");
      break;
    default:
      std::swap(region, regions_.back());
      regions_.pop_back();
  }
}

void BufferWorld::use_slice(Choices& choices) {
  if (slices_.empty()) {
    return;
  }
  Held<Bytes>& slice = slices_[choices.between(0, slices_.size() - 1)];
  const std::size_t offset = choices.between(0, slice.expected.size());
  const std::size_t size = choices.between(0, slice.expected.size() - offset);
  switch (choices.between(0, 6)) {
    case 0:
      std::swap(slice, slices_.back());
      slices_.pop_back();
      break;
    case 1: {
      const std::string expected = slice.expected.substr(offset, size);
      hold(slices_, slice.bytes.slice(offset, size).value(), expected, choices);
      break;
    }
    case 2:
      slice.bytes = slice.bytes.compact();
      break;
    case 3: {
      Bytes front = slice.bytes.split_to(offset).value();
      std::string expected = slice.expected.substr(0, offset);
      slice.expected.erase(0, offset);
      hold(slices_, std::move(front), std::move(expected), choices);
      break;
    }
    case 4:
      slice.bytes.truncate(size);
      slice.expected.resize(std::min(size, slice.expected.size()));
      break;
    case 5: {
      const Bytes copy = Bytes::copy_of(slice.expected);
      expect(copy == slice.bytes && std::hash<Bytes>()(copy) == std::hash<Bytes>()(slice.bytes),
             "equal bytes compare, or hash, differently");
      break;
    }
    default:
      expect(slice.bytes.advance(offset).has_value(), "a slice could not advance");
      slice.expected.erase(0, offset);
  }
}

void BufferWorld::check_slices() {
  for (const Held<Bytes>& each : slices_) {
    expect(each.bytes.view() == each.expected, "a slice has changed");
  }
  for (const Held<BytesMut>& each : regions_) {
    expect(each.bytes.view() == each.expected, "a region has changed");
  }
}

}  // namespace bytes_handoff::test
