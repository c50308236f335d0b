#include "bytes_handoff/core/budget/budget_state.hpp"

#include <algorithm>
#include <system_error>

#include "bytes_handoff/error.hpp"

namespace bytes_handoff {
namespace detail {
namespace {

std::size_t high_mark_of(const MemoryBudgetConfig& config) noexcept {
  return config.high_mark == 0 ? config.limit - config.limit / 8 : config.high_mark;
}

// May resume who waits: outside of locks.
void give_back_floor(BudgetState& state) noexcept {
  WaitingList woken;
  state.pot().give_back_floor(state.floor(), woken);
  resume_all(woken);
}

}  // namespace

void BudgetReference::add(BudgetState* state) noexcept {
  state->references_.fetch_add(1, std::memory_order_relaxed);
}

void BudgetReference::drop(BudgetState* state) noexcept {
  if (state->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    delete state;
  }
}

BudgetState::BudgetState(const MemoryBudgetConfig& config)
    : high_mark_(high_mark_of(config)),
      floor_(config.floor),
      pot_(config.limit, high_mark_),
      shedder_(config.shed_after, config.floor, config.shed_rank) {}

void BudgetState::look(Clock::time_point now) noexcept {
  if (!shedder_.is_due(now)) {
    return;
  }
  const std::size_t free = pot_.figures().free_bytes;
  const std::size_t charged = pot_.limit() - free;
  shedder_.look(now, {charged - std::min(charged, high_mark_), free});
}

void BudgetState::look_and_watch(Clock::time_point now) noexcept {
  look(now);
  need_watch();
}

void BudgetState::ask(std::size_t bytes) noexcept {
  shedder_.ask(bytes);
  if (shedder_.is_on()) {
    shedder_.pass_look();
  }
}

void BudgetState::need_watch() noexcept {
  if (shedder_.is_on() && needs_looks() && !is_watched_.load(std::memory_order_acquire) &&
      !is_watched_.exchange(true, std::memory_order_acq_rel) && !shedder_.pass_watch()) {
    is_watched_.store(false, std::memory_order_release);
  }
}

bool BudgetState::keeps_watching(bool has_pending) noexcept {
  if (has_pending && needs_looks()) {
    return true;
  }
  stop_watching();
  return false;
}

void BudgetState::stop_watching() noexcept {
  is_watched_.store(false, std::memory_order_release);
  need_watch();
}

bool BudgetState::try_charge(const EntryKey& entry) noexcept {
  try {
    const std::lock_guard lock(entries_mutex_);
    const auto [at, is_new] = entries_.try_emplace(entry, 0U);
    if (is_new && !pot_.try_draw(entry.size)) {
      entries_.erase(at);
      return false;
    }
    ++at->second;
  } catch (...) {  // std::bad_alloc
    return false;
  }
  BudgetReference::add(this);
  return true;
}

void BudgetState::discharge(const EntryKey& entry) noexcept {
  const auto self = BudgetPointer::adopt(this);
  WaitingList woken;
  {
    const std::lock_guard lock(entries_mutex_);
    const auto at = entries_.find(entry);
    if (--at->second != 0) {
      return;
    }
    entries_.erase(at);
    pot_.give_back(entry.size, woken);
  }
  resume_all(woken);
}

MemoryBudgetStatistics BudgetState::statistics() const noexcept {
  const PotFigures pot = pot_.figures();
  MemoryBudgetStatistics statistics;
  statistics.limit_bytes = pot_.limit();
  statistics.charged_bytes = pot_.limit() - pot.free_bytes;
  statistics.floor_bytes = pot.floors;
  statistics.waiters = pot.waiters;
  statistics.waiting_bytes = pot.waiting_bytes;
  statistics.waits = pot.waits;
  statistics.refusals = pot.refusals;
  statistics.shed_queues = shedder_.shed_queues();
  statistics.shed_bytes = shedder_.shed_bytes();
  return statistics;
}

// ---- Accounts.

void AccountReference::add(MemberAccount* account) noexcept {
  account->members_.fetch_add(1, std::memory_order_relaxed);
}

void AccountReference::drop(MemberAccount* account) noexcept {
  if (account->members_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    account->end_membership();
  }
}

AccountPointer MemberAccount::make(const MemoryBudget& budget) {
  if (!budget.valid()) {
    return {};
  }
  BudgetPointer state(BudgetAccess::state(budget));
  if (!state->pot().try_take_floor(state->floor())) {
    throw std::system_error(make_error_code(Errc::memory_exhausted));
  }
  try {
    return AccountPointer::adopt(new MemberAccount(state));
  } catch (...) {
    give_back_floor(*state);
    throw;
  }
}

MemberAccount::MemberAccount(BudgetPointer state) noexcept
    : BlockPayer(&state->pot(), held_), state_(std::move(state)), floor_left_(state_->floor()) {}

MemberAccount::~MemberAccount() {
  give_back_credit();
  give_back_floor(*state_);
}

bool MemberAccount::try_pay_anew(std::size_t bytes, PaidFrom from) noexcept {
  if (from == PaidFrom::kFloor) {
    std::size_t left = floor_left_.load(std::memory_order_relaxed);
    do {
      if (left < bytes) {
        return false;
      }
    } while (!floor_left_.compare_exchange_weak(left, left - bytes, std::memory_order_relaxed));
  } else {
    std::size_t credit = credit_.load(std::memory_order_relaxed);
    if (credit != 0) {
      credit = credit_.exchange(0, std::memory_order_relaxed);
    }
    if (credit > bytes) {
      give_back_drawn(credit - bytes);
    } else if (bytes != credit && !try_draw(bytes - credit)) {
      give_back_drawn(credit);
      return false;
    }
  }
  held_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

// Where it may keep so much, it is opened for that.
bool MemberAccount::try_draw(std::size_t bytes) noexcept {
  MemoryPot& pot = state_->pot();
  const std::size_t share = pot.share();
  return bytes <= share && !kept().is_open() ? pot.try_draw_and_open(bytes, kept(), 0, share)
                                             : pot.try_draw(bytes);
}

void MemberAccount::give_back(std::size_t bytes, PaidFrom from) noexcept {
  if (from == PaidFrom::kFloor) {
    floor_left_.fetch_add(bytes, std::memory_order_relaxed);
  } else {
    give_back_drawn(bytes);
  }
  let_go(bytes);
}

void MemberAccount::give_back_drawn(std::size_t bytes) noexcept {
  if (bytes != 0 && !state_->pot().put_back(bytes)) [[unlikely]] {
    WaitingList woken;
    state_->pot().settle(woken);
    resume_all(woken);
  }
}

// Nobody pays any more, and so nothing is opened again. The pot may be closing it at this moment:
// it is asked, whether that looks open or not.
void MemberAccount::end_membership() noexcept {
  state_->pot().close(kept());
  let_go(1);
}

void MemberAccount::let_go(std::size_t held) noexcept {
  if (held_.fetch_sub(held, std::memory_order_acq_rel) == held) {
    delete this;
  }
}

void MemberAccount::add_credit(std::size_t bytes) noexcept {
  credit_.fetch_add(bytes, std::memory_order_relaxed);
}

void MemberAccount::give_back_credit() noexcept {
  if (credit_.load(std::memory_order_relaxed) != 0) {
    give_back_drawn(credit_.exchange(0, std::memory_order_relaxed));
  }
}

}  // namespace detail

// ---- For users.

MemoryBudget::MemoryBudget(const MemoryBudgetConfig& config) {
  detail::throw_if_invalid(config);
  state_ = new detail::BudgetState(config);
}

void MemoryBudget::add_handle() const noexcept { detail::BudgetReference::add(state_); }

void MemoryBudget::drop_handle() noexcept { detail::BudgetReference::drop(state_); }

void MemoryBudget::shed(std::size_t bytes) const noexcept { state_->ask(bytes); }

MemoryBudgetStatistics MemoryBudget::statistics() const noexcept { return state_->statistics(); }

std::uint64_t usual_shed_rank(const ShedCandidate& candidate) noexcept {
  const auto silent = std::chrono::duration_cast<std::chrono::milliseconds>(candidate.silent);
  const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(silent.count(), 1));
  const std::uint64_t bytes = std::max<std::uint64_t>(candidate.held_bytes, 1);
  return bytes > UINT64_MAX / time ? UINT64_MAX : bytes * time;
}

}  // namespace bytes_handoff
