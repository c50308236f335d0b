#include "tokens/environment.hpp"

#include "tokens/concrete_environments.hpp"

namespace bytes_handoff::test {

const char* name_of(Where where) noexcept {
  switch (where) {
    case Where::plain:
      return "plain";
    case Where::late:
      return "late";
    case Where::shuffled:
      return "shuffled";
    case Where::elsewhere:
      return "elsewhere";
    case Where::within:
      return "within";
    case Where::pool:
      return "pool";
    case Where::pool_strand:
      return "pool_strand";
  }
  return "";
}

std::unique_ptr<Environment> Environment::make(Where where, std::uint64_t seed) {
  switch (where) {
    case Where::plain:
      return std::make_unique<PlainEnvironment>();
    case Where::late:
      return std::make_unique<SteppedHostileEnvironment>(Hostility::late, seed);
    case Where::shuffled:
      return std::make_unique<SteppedHostileEnvironment>(Hostility::shuffled, seed);
    case Where::elsewhere:
      return std::make_unique<ElsewhereEnvironment>(seed);
    case Where::within:
      return std::make_unique<WithinEnvironment>(seed);
    case Where::pool:
      return std::make_unique<PoolEnvironment>();
    case Where::pool_strand:
      return std::make_unique<PoolStrandEnvironment>();
  }
  return nullptr;
}

}  // namespace bytes_handoff::test
