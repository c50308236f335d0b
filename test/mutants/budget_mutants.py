"""Ways to break the memory budget: name, file, text, replacement, tree, program, test files that
may notice."""

INCLUDE = "include/bytes_handoff/"
POT = INCLUDE + "core/budget/memory_pot.hpp"
ACCOUNT = INCLUDE + "core/budget/queue_account.hpp"
CHARGES = INCLUDE + "core/budget/paid_entry.hpp"
SHEDDER = INCLUDE + "core/budget/shedder.hpp"
QUEUE = INCLUDE + "core/queue/"
BLOCK = "src/memory/block.cpp"
STATE = "src/budget/budget_state.cpp"
BUFFER = "src/handoff_buffer.cpp"
BATCH = "src/queue/write_batch.cpp"
MEMORY_WAIT = INCLUDE + "asio/reading/memory_wait.hpp"
READING = INCLUDE + "asio/reading/reading.hpp"
ENTRY = "src/budget/paid_entry.cpp"
PIPE = "src/kernel/kernel_pipe.cpp"
RELAYING = INCLUDE + "asio/relaying/"
WRITER = INCLUDE + "asio/writing/"

POTS = ("dev", "core_tests", "/memory_pot_test")
ORDERS = ("dev", "interleaving_tests", "/memory_budget_interleavings_test")
QUEUES = ("dev", "core_tests", "/(queue_memory|queue_charges|paid_blocks)_test")
SHEDS = ("dev", "core_tests", "/shedder_test")
MEMBERS = ("dev", "core_tests", "/member_account_test")
READS = ("dev", "shell_tests_asio", "/(read_budget|budget_threads)_test")
SEATS = ("dev", "shell_tests_asio", "/queue_budget_test")
MORE = ("dev", "core_tests", "/more_members_test")
ENTRIES = ("dev", "core_tests", "/paid_entry_test")
PIPES = ("dev", "core_tests", "/paid_pipe_test")
RELAYS = ("dev", "shell_tests_asio", "/relay_budget_test")

MUTANTS = [
    ("more credit is drawn than there is", POT,
     "    if (pot_ < n) {\n      relax_if_roomy();\n      return false;\n    }\n    pot_ -= n;\n",
     "    if (pot_ < n) {\n      relax_if_roomy();\n      return pot_ != 0;\n    }\n    pot_ -= n;\n",
     *POTS),
    ("one draws past who waits for memory", POT,
     "    if (!line_.empty() || !take(n)) {\n      ++refusals_;\n      return false;\n    }\n    fill",
     "    if (!take(n)) {\n      ++refusals_;\n      return false;\n    }\n    fill", *POTS),
    ("credit stays in the stripes of other threads", POT,
     "pot_ += each.credit.exchange(0, std::memory_order_seq_cst);",
     "static_cast<void>(each);", *POTS),
    ("a release goes to a stripe while others wait", POT,
     "    return !is_tight_.load(std::memory_order_seq_cst) && has <= 2 * chunk_;\n",
     "    return has <= 2 * chunk_;\n", *POTS),
    ("a release that comes before the line is seen is lost", POT,
     "    if (line_.front() == &waiter && pot_ >= waiter.bytes) {", "    if (false) {", *ORDERS),
    ("a release looks whether others wait before it is seen", POT,
     "    const std::size_t has = stripe().fetch_add(n, std::memory_order_seq_cst) + n;\n",
     "    const bool was_tight = is_tight_.load(std::memory_order_seq_cst);\n"
     "    const std::size_t has = stripe().fetch_add(n, std::memory_order_seq_cst) + n;\n"
     "    if (!was_tight && has <= 2 * chunk_) {\n      return true;\n    }\n", *ORDERS),
    ("small requests overtake a large one", POT,
     "      if (first->bytes > pot_) {\n        return;\n      }\n",
     "      if (first->bytes > pot_) {\n        line_.remove(*first);\n        line_.push_back(*first);\n"
     "        first = static_cast<CreditWaiter*>(line_.front());\n"
     "        if (first->bytes > pot_) {\n          return;\n        }\n      }\n", *POTS),
    ("who leaves the line lets nobody in", POT,
     "    }\n    serve(woken);\n    return was_in_line;\n", "    }\n    return was_in_line;\n", *POTS),
    ("a grant is lost with who leaves behind it", POT,
     "      pot_ += std::exchange(waiter.granted, 0U);\n", "      waiter.granted = 0;\n", *POTS),
    ("a floor makes what others wait for impossible", POT,
     "n > limit_ - floors_ - largest_in_line_ || !take(n)", "!take(n)", *POTS),
    ("the floor is not a queue's own", ACCOUNT,
     "    return n - (std::min)(n, left);\n", "    return left == 0 ? n : n;\n", *QUEUES),
    ("the floor is charged again and again", ACCOUNT,
     "    if (n > floor_ - (std::min)(charged_, floor_) ||", "    if (n > floor_ ||", *QUEUES),
    ("a charge that the floor has asks for no look", ACCOUNT,
     "(std::min)(charged_, floor_) || pot_->is_tight()) {", "(std::min)(charged_, floor_)) {", *QUEUES),
    ("what is given back to the floor lets the queue go on waiting", ACCOUNT,
     "    if (charged_ > floor_ || is_waiting_) {", "    if (charged_ > floor_) {", *QUEUES),
    ("what is over the floor is not given back", ACCOUNT,
     "    if (charged_ > floor_ || is_waiting_) {", "    if (is_waiting_) {", *QUEUES),
    ("copies are charged nothing", CHARGES,
     "    } else if (TightCopy::of(owner) != nullptr) {\n      charge += slice.size();\n",
     "    } else if (TightCopy::of(owner) != nullptr) {\n      charge += 0;\n", *QUEUES),
    ("a slice of a paid block is charged when it comes", CHARGES,
     "      charge += block->budget == budget ? 0 : slice.size();\n",
     "      charge += slice.size();\n", *QUEUES),
    ("what is no block and no copy is charged nothing", QUEUE + "admission.hpp",
     "    return try_charge_foreign(slices, effects);\n", "    return true;\n", *QUEUES),
    ("a queue is charged nothing", CHARGES,
     "  return TightCopy::of(owner) == nullptr && is_other_paid_from(owner, budget) ? 0 : size;\n",
     "  return 0;\n", *QUEUES),
    ("a slice of a paid block is charged again", CHARGES,
     "    return block->budget == budget ? 0 : size;\n", "    return size;\n", *QUEUES),
    ("a queue that needs no grant any more goes on waiting", ACCOUNT,
     "    if (is_waiting_ && needed_for(waiting_for_) <= credit_) {", "    if (false) {", *QUEUES),
    ("a queue asks again before it has been resumed", ACCOUNT,
     "    if (is_waiting_ && pot_->leave(*waiter_, woken)) {\n      is_waiting_ = false;\n",
     "    if (is_waiting_ && (pot_->leave(*waiter_, woken) || true)) {\n      is_waiting_ = false;\n",
     *QUEUES),
    ("credit stays with a queue that needs none", ACCOUNT,
     "    give_back(std::exchange(credit_, 0U), woken);\n", "", *MORE),
    ("written bytes stay charged", QUEUE + "departure.hpp",
     "  if constexpr (kLeaving != Leaving::kFree) {\n    discharge(charge, effects);\n  }\n", "", *QUEUES),
    ("a permit is charged nothing", QUEUE + "admission.hpp",
     "  if (!account_->try_charge(bytes)) {\n    return refused(memory_refusal(bytes));\n  }\n", "",
     *QUEUES),
    ("unwritten bytes are free before they are freed", QUEUE + "ends.hpp",
     "  fail_tickets(effects);\n", "  fail_tickets(effects);\n  discharge_all(effects);\n", *QUEUES),
    ("what is joined stays charged by its length", BATCH,
     "        discharged_ += charge_of(at->owner, at->size, payer_->budget());\n", "", *QUEUES),
    ("nobody pays for a joined record", BATCH,
     "RegionAccess::make_paid(bytes, block_source_, payer_)",
     "RegionAccess::make_paid(bytes, block_source_, nullptr)", *QUEUES),
    ("a freed block stays charged", BLOCK,
     "  if (payer != nullptr) {\n", "  if (payer != nullptr && size == 0) {\n", *MEMBERS),
    ("an empty buffer does not read from its floor", BUFFER,
     "    if (!empty() || is_reserved_) {\n      throw;\n    }\n", "    throw;\n", *MEMBERS),
    ("credit that is not needed stays with the buffer", BUFFER,
     "  if (may_have_credit_) [[unlikely]] {\n    give_back_credit();\n  }\n  offered_", "  offered_",
     *MEMBERS),
    ("credit that comes while a read runs stays with the buffer", BUFFER,
     "were offered\");\n  if (may_have_credit_) [[unlikely]] {\n    give_back_credit();\n  }\n",
     "were offered\");\n", *MEMBERS),
    ("reserved room is exchanged for little", BUFFER,
     "    if (!empty() || is_reserved_) {", "    if (!empty()) {", *MEMBERS),
    ("a tail is not charged", BUFFER,
     "    detail::RegionAccess::pay_for(tail, *buffer.account_);\n", "", *MEMBERS),
    ("a member keeps its floor for ever", STATE,
     "  give_back_credit();\n  give_back_floor(*state_);\n", "  give_back_credit();\n", *MEMBERS),
    ("who makes progress is shed", SHEDDER,
     "    if (std::exchange(member.progress_, look.progress) != look.progress || "
     "!look.has_pending) {\n", "    if (!look.has_pending) {\n", *SHEDS),
    ("who holds least is shed first", SHEDDER,
     "    if (b->rank_ > a->rank_) {", "    if (b->rank_ < a->rank_) {", *SHEDS),
    ("all who are stuck are shed", SHEDDER,
     "candidates != nullptr && needed > on_the_way", "candidates != nullptr", *SHEDS),
    ("what is on the way counts for ever", SHEDDER,
     "look.has_pending && now - member.since_ < 2 * pause()", "look.has_pending", *SHEDS),
    ("who was chosen is shed again", SHEDDER,
     "    if (member.is_chosen_) {\n", "    if (member.is_chosen_ && now == TimePoint{}) {\n", *SHEDS),
    ("who retains no more than the floor is shed", SHEDDER,
     "member.held_ <= floor_ ? 0 : rank_of", "member.held_ == 0 ? 0 : rank_of", *SHEDS),
    ("a grant and a cancellation both end a wait", MEMORY_WAIT,
     "return wait_.exchange(nullptr, std::memory_order_acq_rel);", "return wait_.load();", *READS),
    ("a cancelled wait stays in the line until its handler runs", MEMORY_WAIT,
     "    place_->leave_line();\n    error_ =", "    error_ =", *READS),
    ("a wait does not end with its context", MEMORY_WAIT,
     "  if (MemoryWait* const wait = take()) {\n    wait->end(context);\n  }\n", "", *READS),
    ("a queue is shed by the time of the system", WRITER + "stream_holder.hpp",
     "  [[nodiscard]] Clock::time_point now() const noexcept final {\n"
     "    return TimeOf<Executor>::now(*stream_executor_);\n",
     "  [[nodiscard]] Clock::time_point now() const noexcept final {\n    return Clock::now();\n",
     *SEATS),
    ("nobody looks when memory is asked for", STATE,
     "    shedder_.pass_look();\n", "", *SEATS),
    ("what can never be had keeps out all behind it", POT,
     "    if (waiter.bytes > limit_ - floors_) {", "    if (false) {", *POTS),
    ("a write that new members make impossible holds up its queue", QUEUE + "line.hpp",
     "      refuse(waiter, memory_refusal(largest_charge_of(waiter)), effects);\n      continue;\n",
     "      break;\n", *MORE),
    ("an entry is charged for each log", STATE,
     "is_new && !pot_.try_draw(entry.size)", "!pot_.try_draw(entry.size)", *ENTRIES),
    ("an entry is free when one log has dropped it", STATE,
     "    if (--at->second != 0) {\n      return;\n    }\n", "", *ENTRIES),
    ("a fan-out leaves entries to the queues", QUEUE.replace("queue", "fan_out") +
     "fan_out_core_members.hpp", "  if (budget != nullptr) [[unlikely]] {", "  if (false) {", *ENTRIES),
    ("an entry that nobody has stays charged", ENTRY, "  budget.discharge(entry);\n",
     "  if (entry.size == 0) {\n    budget.discharge(entry);\n  }\n", *ENTRIES),
    ("the log keeps blocks of entries that were paid for", "src/fan_out/log.cpp",
     "    if (owner == nullptr) {\n      continue;\n",
     "    if (owner != run_.owner) {\n      continue;\n", *ENTRIES),
    ("copies in the log are not paid for", "src/fan_out/log.cpp",
     "      paid->pay_also_for(each);\n", "", *ENTRIES),
    ("entries are freed under the lock of the log", CHARGES,
     "      entry.next_ = std::exchange(first_, &entry);\n", "      entry.destroy(&entry);\n", *ENTRIES),
    ("paid blocks are freed under the lock of the log", BLOCK,
     "  if (block == nullptr || block->payer == nullptr) {\n    owner->release(count);\n",
     "  if (block == nullptr || block->payer != nullptr) {\n    owner->release(count);\n", *ENTRIES),
    ("an entry is charged its length alone", ENTRY,
     "  if (const Block* const block = Block::of(root)) {\n",
     "  if (const Block* const block = nullptr) {\n", *ENTRIES),
    ("a message loses its tag with its owner", "src/memory/tagged.cpp",
     "return paid == nullptr ? 0 : tag_of(paid->kept);", "return 0 * (paid == nullptr);",
     *ENTRIES),
    ("a pipe that is given back stays charged", PIPE,
     "    std::exchange(payer_, nullptr)->pay_back(kCost, PaidFrom::kBudget);\n",
     "    payer_ = nullptr;\n", *PIPES),
    ("nobody pays for what is copied out of a pipe", PIPE,
     "  if (payer_ != nullptr) {\n    RegionAccess", "  if (false) {\n    RegionAccess", *PIPES),
    ("a relay takes a pipe without memory", RELAYING + "kernel_way.hpp",
     "pipe_.open(BufferAccess::account(buffer))", "pipe_.open()", *RELAYS),
    ("nobody pays for the pipe of a piece", RELAYING + "queue_way.hpp",
     "make_piece(BufferAccess::account(buffer))", "make_piece(nullptr)", *RELAYS),
    ("reads above the mark have nobody look", READING,
     "account != nullptr && account->state().pot().is_tight()", "false", *SEATS),
    ("who cannot run an errand ends the search", SHEDDER,
     "      if ((member->*errand)()) {", "      if ((member->*errand)() || true) {", *SHEDS),
    ("errands are lost with their context", WRITER + "writer_base.hpp",
     "      drop_errands(seat_->take_errands());  // which were posted, and will not be run\n", "",
     *SEATS),
    ("a queue that had ended is taken for a shed one", WRITER + "writer_base.hpp",
     "      if (queue_.first_error() == ErrorValue::of(Errc::shed)) {", "      if (true) {", *SEATS),
]
