// Room first, and bursts of any size.

#include "fault/scenarios/scenarios.hpp"

namespace bytes_handoff::test {
namespace {

constexpr auto kMayCut = World::Cutting::kMayCut;

constexpr Scenario kRoomScenarios[] = {
    {"permits at once",
     [](World& w) {
       w.spawn(limits(4, 20));
       w.try_reserve(8, 2);
       w.try_reserve(6);
       w.try_write(7);
       w.try_write(6);
       w.commit({3, 5});
       w.steps(1);
       w.commit({6});
       w.wait_for_tickets();
       w.settle();
     }},
    {"permits that wait, among writes and bursts",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.try_write(10);
       w.reserve(6, 2);
       w.write(5);
       w.reserve(12);
       w.send({4, 5});
       w.settle();
       w.commit({2, 4});
       w.settle();
       w.commit({7});
       w.wait_for_tickets();
       w.settle();
     }},
    {"less is committed than was reserved, and who waits is let in",
     [](World& w) {
       w.spawn(limits(4, 12));
       w.try_reserve(12, 4);
       w.write(5);
       w.reserve(4);
       w.send({3, 1});
       w.commit({2});
       w.steps(2);
       w.commit({});
       w.settle();
     }},
    {"more is committed than was reserved",
     [](World& w) {
       w.spawn(limits(4, 12));
       w.try_reserve(5, 2);
       w.commit({6});
       w.try_reserve(5, 2);
       w.commit({1, 1, 1});
       w.settle();
     }},
    {"permits that are dropped",
     [](World& w) {
       w.spawn(limits(2, 10));
       w.try_reserve(6);
       w.reserve(4);
       w.steps(1);
       w.write(8);
       w.reserve(2);
       w.drop_permits();
       w.steps(2);
       w.settle();
       w.drop_permits();
       w.settle();
     }},
    {"a cancelled reservation at the head",
     [](World& w) {
       w.spawn(limits(3, 10));
       w.try_write(5);
       w.reserve(10);
       w.cancel();
       w.reserve(4);
       w.try_write(1);
       w.settle();
       w.commit({4});
       w.settle();
     }},
    {"close with permits",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.try_write(4);
       w.try_reserve(4);
       w.reserve(4);
       w.reserve(4);
       w.send({4, 4});
       w.steps(2);
       w.close(Waiters::admit);
       w.commit({3});
       w.close_and_wait();
       w.settle();
     }},
    {"abort with permits",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.try_write(4);
       w.try_reserve(4);
       w.reserve(4);
       w.send({4, 4});
       w.steps(1);
       w.abort();
       w.commit({3});
       w.settle();
     }},
    {"permits without a handle",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.try_reserve(4);
       w.try_reserve(4);
       w.reserve(8);
       w.send({4, 4});
       w.steps(1);
       w.drop_handles();
       w.commit({3});
       w.settle();
     }},
    {"a burst that fits",
     [](World& w) {
       w.spawn();
       w.send({1, 0, 5, 20});
       w.send({});
       w.settle();
     }},
    {"a burst larger than the queue",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.send({4, 5, 6, 0, 12, 1, 1, 1, 1, 7});
       w.write_ticket(3);
       w.flush();
       w.settle();
       w.wait_for_tickets();
       w.settle();
     }},
    {"bursts in line, with permits between their slices",
     [](World& w) {
       w.spawn(limits(4, 14));
       w.try_reserve(3);
       w.try_reserve(2);
       w.send({6, 6, 6});
       w.steps(1);
       w.commit({3});
       w.send({5, 5});
       w.steps(2);
       w.commit({1});
       w.write(2);
       w.settle();
     }},
    {"a burst with a slice that can never fit",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.send({1, 13, 2});
       w.try_write(5);
       w.settle();
     }},
    {"a burst that may be cut",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.send({5, 40, 2}, kMayCut);
       w.write(3);
       w.send({13}, kMayCut);
       w.settle();
     }},
    {"a burst that may be cut waits for permits",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.try_reserve(2);
       w.send({5, 30}, kMayCut);
       w.steps(3);
       w.commit({2});
       w.settle();
     }},
    {"a cancelled burst",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.send({8, 8, 8});
       w.cancel(net::cancellation_type::partial);
       w.write(4);
       w.steps(1);
       w.send({30, 2}, kMayCut);
       w.cancel(net::cancellation_type::terminal);
       w.write(5);
       w.settle();
     }},
    {"close in the middle of a burst",
     [](World& w) {
       w.spawn(limits(3, 12));
       w.send({8, 8, 25, 8}, kMayCut);
       w.steps(2);
       w.close();
       w.wait_closed();
       w.settle();
     }},
};

}  // namespace

std::span<const Scenario> room_scenarios() { return kRoomScenarios; }

}  // namespace bytes_handoff::test
