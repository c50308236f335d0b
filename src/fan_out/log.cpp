#include "bytes_handoff/core/fan_out/log.hpp"

#include <algorithm>
#include <bit>
#include <exception>
#include <new>

namespace bytes_handoff::detail {

FanOutLog::FanOutLog(const FanOutConfig& config) : config_(config) {
  const std::size_t entries = std::bit_ceil((std::min)(config.max_entries, kFirstEntries));
  publications_.resize(entries);
  slices_.resize(entries);
  buckets_.resize(entries);
  set_size(entries);
}

void FanOutLog::set_size(std::size_t entries) noexcept {
  mask_ = entries - 1;
  most_entries_ = (std::min)(entries, config_.max_entries);
}

bool FanOutLog::has_room(std::size_t entries, std::size_t bytes) const noexcept {
  return entries <= most_entries_ - (end_.entries - held_entry_) &&
         bytes <= config_.max_bytes - (end_.bytes - held_byte_);
}

// Whether only the rings are in the way.
bool FanOutLog::is_within_limits(std::size_t entries, std::size_t bytes) const noexcept {
  return entries <= config_.max_entries - (end_.entries - held_entry_) &&
         bytes <= config_.max_bytes - (end_.bytes - held_byte_);
}

bool FanOutLog::make_room(std::size_t entries, std::size_t bytes, DroppedBytes& dropped) noexcept {
  while (!has_room(entries, bytes)) {
    if (is_within_limits(entries, bytes) && grow(end_.entries - held_entry_ + entries)) {
      return true;
    }
    if (dropped.is_full()) {
      return false;
    }
    if (held_entry_ == first_.entries) {
      drop_oldest();
    }
    Bytes& oldest = slices_[held_entry_ & mask_];
    held_byte_ += oldest.size();
    ++held_entry_;
    dropped.add(oldest);
  }
  return true;
}

// To room for as many entries, and at least twice what there was. What is held moves. False:
// everything is as it was, since there is no memory.
bool FanOutLog::grow(std::size_t entries) noexcept {
  const std::size_t size = std::bit_ceil(entries);
  try {
    std::vector<Publication> publications(size);
    std::vector<Bytes> slices(size);
    std::vector<std::uint64_t> buckets(size);
    for (std::uint64_t i = first_.publications; i != end_.publications; ++i) {
      publications[i & (size - 1)] = at(i);
    }
    for (std::uint64_t i = held_entry_; i != end_.entries; ++i) {
      slices[i & (size - 1)].swap(slices_[i & mask_]);
    }
    publications_.swap(publications);
    slices_.swap(slices);
    buckets_.swap(buckets);
  } catch (const std::exception&) {  // std::bad_alloc, std::length_error
    return false;
  }
  set_size(size);
  for (std::uint64_t i = first_.publications; i != end_.publications; ++i) {
    Publication& each = at(i);
    if (each.key && !each.is_superseded) {
      each.next = 0;
      enter_bucket(each);
    }
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

void FanOutLog::push(std::span<Bytes> slices, std::size_t bytes, const PublicationKey& key,
                     DroppedBytes& dropped) noexcept {
  if (run_.newest < held_entry_) {
    run_ = Run();  // its owner may be gone
  }
  Publication& publication = at(end_.publications);
  publication = {end_, slices.size(), bytes, key, false, 0};
  std::uint64_t entry = end_.entries;
  for (Bytes& slice : slices) {
    Owner* const owner = BytesAccess::owner(slice);
    if (owner != nullptr) {
      if (owner != run_.owner) {
        if (run_.owner != nullptr) {
          end_run(entry, dropped);
        }
        run_ = {owner, entry, entry, 0};
      }
      run_.newest = entry;
    }
    run_.bytes += slice.size();
    slices_[entry++ & mask_].swap(slice);  // which is empty
  }
  if (key) {
    enter_bucket(publication);
  }
  end_ = publication.end();
}

// ---- Runs.

// Of what is left of the run, behind which the entry `end` is pushed.
void FanOutLog::end_run(std::uint64_t end, DroppedBytes& dropped) noexcept {
  std::uint64_t begin = run_.start;
  std::size_t bytes = run_.bytes;
  if (run_.start < held_entry_) {
    begin = held_entry_;
    bytes = 0;
    for (std::uint64_t i = begin; i != end; ++i) {
      bytes += slice(i).size();
    }
  }
  if (is_wasteful(run_.owner, bytes, static_cast<std::size_t>(end - begin))) {
    gather(begin, end, bytes, dropped);
  }
}

// What static storage is among it stays where it is, as everything does if there is no memory.
void FanOutLog::gather(std::uint64_t begin, std::uint64_t end, std::size_t bytes,
                       DroppedBytes& dropped) noexcept {
  try {
    if (gathered_.capacity() < bytes) {
      gathered_ = BytesMut::with_capacity(gather_capacity(bytes));
    }
  } catch (const std::bad_alloc&) {
    return;
  }
  std::size_t moved = 0;
  for (std::uint64_t i = begin; i != end; ++i) {
    Bytes& each = slices_[i & mask_];
    Owner* const owner = BytesAccess::owner(each);
    if (owner == nullptr) {
      continue;
    }
    PaidEntry* const paid = PaidEntry::of(owner);  // which keeps the run's owner
    gathered_.extend(each.span());
    static_cast<void>(BytesAccess::release(each));
    each = *gathered_.split_to_frozen(gathered_.size());
    if (paid == nullptr) {
      ++moved;
    } else {
      paid->pay_also_for(each);
      dropped.add(*paid);
    }
  }
  if (moved != 0) {
    dropped.add(run_.owner, moved);
  }
}

// ---- Keys.

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
