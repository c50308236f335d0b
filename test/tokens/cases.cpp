#include "tokens/cases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>

#include "support/stepping/count.hpp"
#include "support/stepping/seed.hpp"

namespace bytes_handoff::test {
namespace {

[[nodiscard]] std::optional<std::string> only() {
  const char* const given = std::getenv("BYTES_HANDOFF_TOKENS_ONLY");
  return given == nullptr ? std::nullopt : std::optional<std::string>(given);
}

// One case of so many is taken, where no count is given. Each kind of token is among them with each
// state, and each executor is.
constexpr std::size_t kSampled = 3;
static_assert(kEverywhere.size() >= kSampled);

[[nodiscard]] std::size_t index_of(Where where) {
  return static_cast<std::size_t>(std::ranges::find(kEverywhere, where) - kEverywhere.begin());
}

[[nodiscard]] std::vector<CaseId> all_cases(bool has_error_code) {
  std::vector<CaseId> cases;
  for (const Kind kind : kKinds) {
    for (const bool is_dressed : {false, true}) {
      const bool is_bare_only = kind == Kind::unbound || kind == Kind::concrete;
      if ((is_bare_only && is_dressed) || (kind == Kind::redirect_error && !has_error_code)) {
        continue;
      }
      for (const Where where : kEverywhere) {
        cases.push_back({kind, is_dressed, where});
      }
    }
  }
  return cases;
}

}  // namespace

const char* name_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::callback:
      return "callback";
    case Kind::move_only:
      return "move_only";
    case Kind::unbound:
      return "unbound";
    case Kind::concrete:
      return "concrete";
    case Kind::future:
      return "future";
    case Kind::awaitable:
      return "awaitable";
    case Kind::as_tuple:
      return "as_tuple";
    case Kind::redirect_error:
      return "redirect_error";
    case Kind::deferred_once:
      return "deferred_once";
    case Kind::deferred_kept:
      return "deferred_kept";
    case Kind::detached:
      return "detached";
  }
  return "";
}

std::string CaseId::name() const {
  return std::string(name_of(kind)) + (is_dressed ? "/dressed/" : "/bare/") + name_of(where);
}

void run_cases(const std::string& operation, const std::vector<std::string>& states,
               bool has_error_code,
               const std::function<void(const CaseId&, unsigned, std::uint64_t)>& run) {
  Random random(seed() ^ std::hash<std::string>()(operation));
  const std::uint64_t given = count_or(0);
  const std::size_t shift = random.between(0, kSampled - 1);
  std::printf("%s\n", seed_note().c_str());
  for (std::uint64_t round = 0; round < std::max<std::uint64_t>(given, 1); ++round) {
    std::size_t row = shift;
    for (const CaseId& id : all_cases(has_error_code)) {
      row += id.where == kEverywhere.front() ? 1U : 0U;  // of a kind, bare or dressed
      for (unsigned state = 0; state < states.size(); ++state) {
        const std::uint64_t bits = random.bits();
        const std::string name = operation + "/" + id.name() + "/" + states[state];
        const bool is_in_sample = (row + index_of(id.where) + state) % kSampled == 0;
        if (only() ? name.find(*only()) == std::string::npos : given == 0 && !is_in_sample) {
          continue;
        }
        std::printf("%s\n", name.c_str());  // the last one is what a crash was in
        std::fflush(stdout);
        SCOPED_TRACE(seed_note() + " BYTES_HANDOFF_TOKENS_ONLY=" + name);
        run(id, state, bits);
      }
    }
  }
}

}  // namespace bytes_handoff::test
