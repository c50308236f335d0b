// Memory that something else has made becomes Bytes without a copy: of malloc, a mapped file, a
// pool. A container goes in and comes out again.
#include <sys/mman.h>
#include <unistd.h>

#include <bytes_handoff/bytes.hpp>
#include <bytes_handoff/bytes/into_container.hpp>
#include <bytes_handoff/bytes_mut.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <memory_resource>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <utility>

using bytes_handoff::Bytes;
using bytes_handoff::BytesMut;

// What a C library returns. The owner frees it, when the last slice is gone.
struct Free {
  void operator()(char* text) const { std::free(text); }
};
Bytes from_malloc(const char* text) {
  std::unique_ptr<char, Free> copy(::strdup(text));
  if (!copy) throw std::bad_alloc();
  const auto bytes = std::as_bytes(std::span(copy.get(), std::strlen(copy.get())));
  return Bytes::from_owner(std::move(copy), bytes);
}

// The first page of a file, which stays mapped as long as a slice of it is left.
class Mapping {
 public:
  Mapping(std::FILE* file, std::size_t size)
      : memory_(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, ::fileno(file), 0), Unmap{size}) {
    if (memory_.get() == MAP_FAILED) {
      memory_.release();
      throw std::system_error(errno, std::generic_category(), "mmap");
    }
  }
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(memory_.get()), memory_.get_deleter().size};
  }

 private:
  struct Unmap {
    void operator()(void* memory) const { ::munmap(memory, size); }
    std::size_t size;
  };
  std::unique_ptr<void, Unmap> memory_;
};
Bytes from_file(std::FILE* file, std::size_t size) {
  Mapping mapping(file, size);
  const auto bytes = mapping.bytes();
  return Bytes::from_owner(std::move(mapping), bytes);
}

int main() {
  const Bytes allocated = from_malloc("of malloc\n");
  std::cout << allocated << '\n';

  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  std::fputs("a file, mapped", file.get());
  std::fflush(file.get());
  const Bytes mapped = from_file(file.get(), 14);
  std::cout << mapped.slice(8, 6).value() << '\n';

  // The last slice may go on any thread, so the pool is a synchronized one. It outlives them all.
  std::pmr::synchronized_pool_resource pool;
  BytesMut region = BytesMut::with_capacity(64, &pool);
  region.extend("a block of a pool");
  const Bytes pooled = std::move(region).freeze();
  std::cout << pooled << '\n';

  std::string text = "a string that is too long to lie in the object itself";
  const char* const place = text.data();
  Bytes owned = Bytes::from_owner(std::move(text));
  text = bytes_handoff::into_container<std::string>(std::move(owned));
  std::cout << "the same string: " << std::boolalpha << (text.data() == place) << '\n';
}
