# What a sample of the tests has, by its seed: BYTES_HANDOFF_TEST_SAMPLE in a tree with a sanitizer, and
# BYTES_HANDOFF_TEST_SAMPLE_ELSEWHERE in the others. Without a seed there is everything.

# bytes_handoff_in_sample(<variable> <number> <of> [<draw>]): whether the seed has this number: one of any
# `of` that follow each other. Those with one name of a draw depend on each other, and on no other draw.
#
# ThreadSanitizer has another one of the groups, so that no seed has the harness with both, and so has the
# fuzzer of its targets.
function(bytes_handoff_in_sample variable number of)
  string(MD5 hash "${BYTES_HANDOFF_TEST_SAMPLE}${BYTES_HANDOFF_TEST_SAMPLE_ELSEWHERE}${ARGV3}")
  string(SUBSTRING "${hash}" 0 6 digits)
  set(shift 0)
  if(BYTES_HANDOFF_SANITIZE STREQUAL "thread")
    set(shift 3)
  elseif(BYTES_HANDOFF_SANITIZE STREQUAL "fuzzer")
    set(shift 1)
  endif()
  math(EXPR rest "(0x${digits} + ${number} + ${shift}) % ${of}")
  if(rest EQUAL 0)
    set(${variable} TRUE PARENT_SCOPE)
  else()
    set(${variable} FALSE PARENT_SCOPE)
  endif()
endfunction()

# bytes_handoff_sample_types(<target>): says to test/support/sampled_types.hpp which types a sample has.
function(bytes_handoff_sample_types target)
  if(BYTES_HANDOFF_TEST_SAMPLE OR BYTES_HANDOFF_TEST_SAMPLE_ELSEWHERE)
    foreach(number RANGE 2)
      bytes_handoff_in_sample(is_in_sample ${number} 3)
      if(is_in_sample)
        target_compile_definitions(${target} PRIVATE BYTES_HANDOFF_TEST_TYPES_SAMPLE=${number})
      endif()
    endforeach()
  endif()
endfunction()

# bytes_handoff_sample_of(<variable> <of> <together> <item>...): one of any `of` items that follow each
# other, or of as many groups of `together` items.
function(bytes_handoff_sample_of variable of together)
  set(sample "")
  set(i 0)
  foreach(item IN LISTS ARGN)
    math(EXPR number "${i} / ${together}")
    math(EXPR i "${i} + 1")
    bytes_handoff_in_sample(is_in_sample ${number} ${of})
    if(is_in_sample)
      list(APPEND sample "${item}")
    endif()
  endforeach()
  set(${variable}
      "${sample}"
      PARENT_SCOPE)
endfunction()

# bytes_handoff_count_in_sample(<variable> <kind> <of>): whether the sample of a tree without a sanitizer
# has the next of this kind: one of any `of`. Without a sample all are there.
function(bytes_handoff_count_in_sample variable kind of)
  set(is_in_sample TRUE)
  if(BYTES_HANDOFF_TEST_SAMPLE_ELSEWHERE)
    get_property(number GLOBAL PROPERTY bytes_handoff_count_of_${kind})
    if(NOT number)
      set(number 0)
    endif()
    bytes_handoff_in_sample(is_in_sample ${number} ${of} ${kind})
    math(EXPR number "${number} + 1")
    set_property(GLOBAL PROPERTY bytes_handoff_count_of_${kind} ${number})
  endif()
  set(${variable}
      ${is_in_sample}
      PARENT_SCOPE)
endfunction()

# Of how many groups and batches a sanitizer takes one.
set(sample_groups 6)
# What is sampled together, in groups that are about equal, but for that of the harness, which is larger.
# A sample that has the group of Beast's streams has half of them.
set(sample_group_fault 0)
set(sample_group_unit_beast 1)
set(sample_group_flow 2)
set(sample_group_unit_harness 2)
set(sample_group_contexts 3)
set(sample_group_unit_tls 3)
set(sample_group_unit_asio 4) # of core and shell unless they are compiled in batches, which are groups then
set(sample_group_unit_core 4)
set(sample_group_asio_ways 4)
set(sample_group_unit_alloc 4)
set(sample_group_model 4)
set(sample_group_soak 4)
set(sample_group_interleavings 5)
set(sample_group_unit_values 5)
# That of the ends is the contexts' with AddressSanitizer, and this one with ThreadSanitizer.
set(sample_group_ends_of_thread_sanitizer 1)

# bytes_handoff_has_group(<variable> <name>): whether this tree has the group: without a sample, all.
function(bytes_handoff_has_group variable name)
  set(is_in_sample TRUE)
  if(BYTES_HANDOFF_TEST_SAMPLE)
    bytes_handoff_in_sample(is_in_sample ${sample_group_${name}} ${sample_groups})
  endif()
  set(${variable}
      ${is_in_sample}
      PARENT_SCOPE)
endfunction()

# bytes_handoff_sample_ends(<variable>): whether a sanitizer has the ends. They take as long as the harness
# and Beast's streams with AddressSanitizer: no seed has two of these, in whichever tree. AddressSanitizer
# has them beside the contexts, which are quick.
function(bytes_handoff_sample_ends variable)
  if(BYTES_HANDOFF_SANITIZE STREQUAL "thread")
    bytes_handoff_in_sample(is_in_sample ${sample_group_ends_of_thread_sanitizer} ${sample_groups})
  else()
    bytes_handoff_in_sample(is_in_sample ${sample_group_contexts} ${sample_groups})
  endif()
  set(${variable}
      ${is_in_sample}
      PARENT_SCOPE)
endfunction()

# bytes_handoff_sample_tokens(<variable> <tests>): a third of them, three that are compiled as one at a
# time. Only sanitizers test the tokens: one of the two, by the seed.
function(bytes_handoff_sample_tokens variable tests)
  set(sample "")
  bytes_handoff_in_sample(is_in_sample 0 2 sanitizer_of_tokens)
  if(is_in_sample)
    bytes_handoff_sample_of(sample 3 3 ${tests})
  endif()
  set(${variable}
      "${sample}"
      PARENT_SCOPE)
endfunction()

# bytes_handoff_sample_beast(<variable> <tests>): half of them, three that are compiled as one at a time.
function(bytes_handoff_sample_beast variable tests)
  math(EXPR twice "2 * ${sample_groups}")
  set(sample "")
  foreach(half RANGE 1)
    math(EXPR number "${sample_group_unit_beast} + ${half} * ${sample_groups}")
    bytes_handoff_in_sample(is_in_sample ${number} ${twice})
    if(is_in_sample)
      math(EXPR first "3 * ${half}")
      list(SUBLIST tests ${first} 3 sample)
    endif()
  endforeach()
  set(${variable}
      "${sample}"
      PARENT_SCOPE)
endfunction()

# bytes_handoff_sample(<variable> <folder> <tests>): those that a sanitizer's sample has. In any is what is
# quick; under ThreadSanitizer also threads that use the core or a context that ends. Files that are
# compiled as one are in it together: others may not fit into one.
function(bytes_handoff_sample variable folder tests)
  set(always "^unit/programs$")
  set(batches ${sample_groups})
  if(BYTES_HANDOFF_SANITIZE STREQUAL "thread")
    set(always "^(contexts|model|unit/(core|programs|values))$")
    set(batches 2)
  endif()
  set(sample "")
  if(NOT tests OR folder MATCHES "${always}")
    set(sample "${tests}")
  elseif(folder STREQUAL "tokens")
    bytes_handoff_sample_tokens(sample "${tests}")
  elseif(folder STREQUAL "unit/beast")
    bytes_handoff_sample_beast(sample "${tests}")
  elseif(folder MATCHES "^unit/(asio|core)$" AND CMAKE_UNITY_BUILD)
    bytes_handoff_sample_of(sample ${batches} ${CMAKE_UNITY_BUILD_BATCH_SIZE} ${tests})
  else()
    string(REPLACE "/" "_" group "sample_group_${folder}")
    if(folder STREQUAL "ends")
      bytes_handoff_sample_ends(is_in_sample)
    elseif(NOT DEFINED ${group})
      message(FATAL_ERROR "bytes_handoff_sample: '${folder}' is in no group")
    elseif(folder STREQUAL "fault" AND BYTES_HANDOFF_SANITIZE STREQUAL "thread")
      bytes_handoff_in_sample(is_in_sample 1 2)
    else()
      bytes_handoff_in_sample(is_in_sample ${${group}} ${sample_groups})
    endif()
    if(is_in_sample)
      set(sample "${tests}")
    endif()
  endif()
  set(${variable}
      "${sample}"
      PARENT_SCOPE)
endfunction()

# bytes_handoff_without_sample(<variable> <folder> <tests>): those that are not in the sample of
# AddressSanitizer, or say more without it: what is allocated, and the harness as a whole.
function(bytes_handoff_without_sample variable folder tests)
  if(folder MATCHES "^(asio_ways|contexts|ends|interleavings|model|unit/(asio|core|harness|tls|values))$"
     AND CMAKE_UNITY_BUILD)
    bytes_handoff_sample(sample ${folder} "${tests}")
    list(REMOVE_ITEM tests ${sample})
  endif()
  set(${variable}
      "${tests}"
      PARENT_SCOPE)
endfunction()

# Which benchmarks CI runs: none beside the group that takes longest, whichever sanitizer has that, nor
# beside the ends with ThreadSanitizer, and else the harness or the micro benchmarks.
if(BYTES_HANDOFF_TEST_SAMPLE_ELSEWHERE)
  set(benchmarks micro)
  math(EXPR of_thread_sanitizer "${sample_group_flow} + 3")
  math(EXPR ends_of_thread_sanitizer "${sample_group_ends_of_thread_sanitizer} + 3")
  bytes_handoff_in_sample(has_flow ${sample_group_flow} ${sample_groups})
  bytes_handoff_in_sample(has_flow_of_thread_sanitizer ${of_thread_sanitizer} ${sample_groups})
  bytes_handoff_in_sample(has_ends_of_thread_sanitizer ${ends_of_thread_sanitizer} ${sample_groups})
  bytes_handoff_in_sample(has_harness 0 2 benchmarks)
  if(has_flow
     OR has_flow_of_thread_sanitizer
     OR has_ends_of_thread_sanitizer)
    set(benchmarks none)
  elseif(has_harness)
    set(benchmarks harness)
  endif()
  file(WRITE "${PROJECT_BINARY_DIR}/benchmarks" "${benchmarks}\n")
endif()
