#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bytes_handoff::test {

#if defined(BYTES_HANDOFF_TEST_TYPES_SAMPLE)

template <class Indices, class... Types>
struct SampleOf;
template <std::size_t... kIndices, class... Types>
struct SampleOf<std::index_sequence<kIndices...>, Types...> {
  template <class... Kept>
  static testing::Types<Kept...> types(std::tuple<Kept...>);
  using Sample = decltype(types(std::tuple_cat(
      std::declval<std::conditional_t<(kIndices + BYTES_HANDOFF_TEST_TYPES_SAMPLE) % 3 == 0,
                                      std::tuple<Types>, std::tuple<>>>()...)));
};

template <class... Types>
using SampledTypes =
    typename SampleOf<std::make_index_sequence<sizeof...(Types)>, Types...>::Sample;

#else

/// The types of a typed suite, three or more. Where the tree has a sample, one of any three that
/// follow each other.
template <class... Types>
using SampledTypes = testing::Types<Types...>;

#endif

}  // namespace bytes_handoff::test
