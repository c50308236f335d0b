"""Ways to break bytes and regions, and what goes with them; as in shell_mutants.py."""

BYTES = "include/bytes_handoff/bytes.hpp"
INTO_CONTAINER = "include/bytes_handoff/bytes/into_container.hpp"
ESCAPED = "src/escaped.cpp"
REGION = "src/bytes_mut.cpp"

VALUES = ("dev", "core_tests", "/bytes[a-z_]*_test")

MUTANTS = [
    ("the room behind a region that is alone is not used", REGION,
     "size_ != 0 && additional <=", "size_ > block_->capacity && additional <=", *VALUES),
    ("one byte behind the block is room", REGION,
     "additional <= block_->capacity - before - size_;",
     "additional <= block_->capacity - before - size_ + 1;", *VALUES),
    ("room that is behind a region is counted from the front", REGION,
     "static_cast<std::size_t>(block_->end() - data_);", "block_->capacity;", *VALUES),
    ("a block that others read is thawed", REGION,
     "block != nullptr && block->is_unique(1)", "block != nullptr", *VALUES),
    ("every thawed slice is a copy", REGION,
     "block != nullptr && block->is_unique(1)", "block != nullptr && block->is_unique(0)", *VALUES),
    ("what is thawed keeps its bytes", REGION,
     "  BytesMut copy = copy_of(bytes.span());\n  bytes.clear();\n",
     "  BytesMut copy = copy_of(bytes.span());\n", *VALUES),
    ("what is resized shows old bytes", "include/bytes_handoff/bytes_mut.hpp",
     "    std::memset(data_ + size_, static_cast<int>(value), n - size_);\n", "", *VALUES),
    ("an empty container stays with its caller", BYTES,
     "      detail::destroy_moved<T>(std::forward<T>(owner));\n", "", *VALUES),
    ("a container that throws is never destroyed", BYTES,
     "    Bytes slice(nullptr, 0, foreign);  // destroys it if the container throws below\n"
     "    const auto bytes = std::as_bytes(std::span(std::as_const(foreign->value)));\n",
     "    const auto bytes = std::as_bytes(std::span(std::as_const(foreign->value)));\n"
     "    Bytes slice(nullptr, 0, foreign);\n", *VALUES),
    ("other types are equal by their beginnings", BYTES,
     "    return a.view() == detail::text_of(b);", "    return detail::text_of(b).starts_with(a.view());",
     *VALUES),
    ("a key is hashed by its size", BYTES,
     "std::hash<std::string_view>{}(detail::text_of(bytes));", "detail::text_of(bytes).size();",
     *VALUES),
    ("a container that a slice still shows is given back", INTO_CONTAINER,
     "foreign == nullptr || !foreign->is_unique(1)", "foreign == nullptr", *VALUES),
    ("a front part is given back as the whole container", INTO_CONTAINER,
     "held.data() == bytes.data() && held.size() == bytes.size()", "held.data() == bytes.data()",
     *VALUES),
    ("a back part is given back as the whole container", INTO_CONTAINER,
     "held.data() == bytes.data() && held.size() == bytes.size()",
     "held.data() + held.size() == bytes.data() + bytes.size()", *VALUES),
    ("no container is given back", INTO_CONTAINER,
     "foreign == nullptr || !foreign->is_unique(1)", "foreign != nullptr || true", *VALUES),
    ("a backslash is printed as it is", ESCAPED, " && code != '\\\\'", "", *VALUES),
    ("one byte beyond the bound is not told", ESCAPED,
     "bytes.size() > kMostPrintedBytes", "bytes.size() > kMostPrintedBytes + 1", *VALUES),
    ("a delete character is printed as it is", ESCAPED, "code <= '~'", "code <= 0x7f", *VALUES),
]
