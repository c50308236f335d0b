// Compiled with optimization: parts of the objects that GDB looks at are in no place.
#include <bytes_handoff/bytes.hpp>
#include <bytes_handoff/bytes_mut.hpp>
#include <bytes_handoff/gdb_printers.hpp>
#include <cstddef>

namespace {

using namespace bytes_handoff;

[[gnu::noinline]] void look() { asm volatile("" ::: "memory"); }

[[gnu::noinline]] std::size_t size_of(std::size_t size) {
  const Bytes gone;
  const BytesMut gone_too;
  look();
  return gone.size() + gone_too.size() + size;
}

}  // namespace

int main(int count, char** /*arguments*/) {
  return static_cast<int>(size_of(static_cast<std::size_t>(count)));
}
