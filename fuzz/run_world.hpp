#pragma once

#include <cstdlib>
#include <iostream>
#include <string>

#include "given_bytes.hpp"

namespace bytes_handoff::test {

/// Does the operations that `choose(from)` makes of the bytes, to the thing and to its model. What
/// differs ends the process, so that the fuzzer sees a crash and keeps its input.
template <class World, class Choose>
void run_world(World& world, GivenBytes& from, Choose choose) {
  std::string done;
  const auto check = [&] {
    if (!world.failure().empty()) {
      std::cerr << world.failure() << ", after:" << done << std::endl;
      std::abort();
    }
  };
  while (!from.is_empty()) {
    const auto operation = choose(from);
    done += " " + operation.text();
    world.apply(operation);
    check();
  }
  world.finish();
  check();
}

/// One of `Operation::Kind`.
template <class Operation>
[[nodiscard]] typename Operation::Kind any_kind(GivenBytes& from) {
  return static_cast<typename Operation::Kind>(from.between(0, std::size(Operation::kNames) - 1));
}

}  // namespace bytes_handoff::test
