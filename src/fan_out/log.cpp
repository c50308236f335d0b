#include "bytes_handoff/core/fan_out/log.hpp"

#include <algorithm>
#include <bit>

namespace bytes_handoff::detail {

FanOutLog::FanOutLog(const FanOutConfig& config)
    : config_(config),
      publications_(config.max_entries),
      slices_(config.max_entries),
      buckets_(std::bit_ceil(config.max_entries)) {}

bool FanOutLog::has_room(std::size_t entries, std::size_t bytes) const noexcept {
  return entries <= config_.max_entries - (end_.entries - held_entry_) &&
         bytes <= config_.max_bytes - (end_.bytes - held_byte_);
}

bool FanOutLog::make_room(std::size_t entries, std::size_t bytes, DroppedBytes& dropped) noexcept {
  while (!has_room(entries, bytes)) {
    if (dropped.is_full()) {
      return false;
    }
    if (held_entry_ == first_.entries) {
      drop_oldest();
    }
    Bytes& oldest = slices_[held_entry_ % slices_.size()];
    held_byte_ += oldest.size();
    ++held_entry_;
    dropped.add(oldest);
  }
  return true;
}

// All of it at once, so that nobody is given a part; its slices are released one by one.
void FanOutLog::drop_oldest() noexcept {
  const Publication& oldest = publication(first_.publications);
  if (oldest.key && !oldest.is_superseded) {
    leave_bucket(oldest);
  }
  first_ = oldest.end();
}

void FanOutLog::push(std::span<Bytes> slices, std::size_t bytes,
                     const PublicationKey& key) noexcept {
  Publication& publication = at(end_.publications);
  publication = {end_, slices.size(), bytes, key, false, 0};
  std::uint64_t entry = end_.entries;
  for (Bytes& slice : slices) {
    slices_[entry++ % slices_.size()].swap(slice);  // which is empty
  }
  if (key) {
    enter_bucket(publication);
  }
  end_ = publication.end();
}

std::uint64_t& FanOutLog::bucket_of(std::uint64_t key) noexcept {
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;
  return buckets_[((key * kGolden) >> 32U) & (buckets_.size() - 1)];
}

// In the place of the one that it supersedes, if there is one.
void FanOutLog::enter_bucket(Publication& publication) noexcept {
  std::uint64_t* link = &bucket_of(*publication.key);
  for (; *link != 0; link = &at(*link - 1).next) {
    Publication& older = at(*link - 1);
    if (older.key == publication.key) {
      older.is_superseded = true;
      publication.next = older.next;
      break;
    }
  }
  *link = publication.at.publications + 1;
}

void FanOutLog::leave_bucket(const Publication& publication) noexcept {
  std::uint64_t* link = &bucket_of(*publication.key);
  while (*link != publication.at.publications + 1) {
    link = &at(*link - 1).next;
  }
  *link = publication.next;
}

}  // namespace bytes_handoff::detail
