"""Ways to break the parsers of the programs, and what they share; as in shell_mutants.py."""

HELLO = "programs/sni_router/client_hello.cpp"
PROXY = "programs/sni_router/proxy_header.cpp"
ROUTES = "programs/sni_router/routes.cpp"
HEAD = "programs/connect_proxy/request_head.cpp"
ALLOW = "programs/connect_proxy/allow_list.cpp"
PATTERN = "programs/support/host_pattern.cpp"
PORT = "programs/support/host_port.cpp"
COMMANDS = "programs/line_broadcast/commands.cpp"

OF_PROGRAMS = ("dev", "program_tests", "/unit/programs/")

MUTANTS = [
    ("a second scan of a ClientHello counts its last record twice", HELLO,
     "  handshake_.resize(before_mark_.bytes);\n", "", *OF_PROGRAMS),
    ("a ClientHello must be in one record", HELLO,
     "handshake.size() < kHandshakeHeader || handshake.size() < handshake_size(handshake)", "false",
     *OF_PROGRAMS),
    ("a ClientHello may be longer by one", HELLO, "size > max_hello_", "size > max_hello_ + 1",
     *OF_PROGRAMS),
    ("records may be empty", HELLO, "length == 0 || records_", "records_", *OF_PROGRAMS),
    ("bytes may follow a ClientHello in its record", HELLO,
     "size != 0 && handshake.size() > size", "false", *OF_PROGRAMS),
    ("a server name may come twice", HELLO, "std::exchange(has_name, true)", "has_name",
     *OF_PROGRAMS),
    ("an extension may have a rest", HELLO,
     "extension.is_right() && extension.is_at_end() && has_name", "has_name", *OF_PROGRAMS),
    ("a server name keeps its capitals", HELLO, "hello.server_name = programs::lower_case(",
     "hello.server_name = std::string(", *OF_PROGRAMS),
    ("a buffer may be too small for a PROXY header", HELLO, "  return kMostProxyBytes + max_hello_",
     "  return max_hello_", *OF_PROGRAMS),
    ("a binary PROXY header may lack its addresses", PROXY,
     "(!is_local && length < address_bytes)", "false", *OF_PROGRAMS),
    ("a PROXY line may have more words", PROXY, "!destination_port || !line.empty() ||",
     "!destination_port ||", *OF_PROGRAMS),
    ("a server that is left out is tried", ROUTES, "    std::erase_if(order, is_left_out);\n", "",
     *OF_PROGRAMS),
    ("nothing is tried if all servers are left out", ROUTES,
     "if (!std::all_of(order.begin(), order.end(), is_left_out)) {", "{", *OF_PROGRAMS),
    ("the first route counts, not the most specific", ROUTES,
     "return std::pair(a.host.rank(), !a.protocol.empty()) >",
     "return false && std::pair(a.host.rank(), !a.protocol.empty()) >", *OF_PROGRAMS),
    ("a head may have a bare LF", HEAD, "(c == '\\n') != (before == '\\r')",
     "c != '\\n' && before == '\\r'", *OF_PROGRAMS),
    ("a head may be longer by one", HEAD, "if (i >= max_head_)", "if (i > max_head_)",
     *OF_PROGRAMS),
    ("a field may go on in the next line", HEAD, "line.front() == ' ' || line.front() == '\\t'",
     "false", *OF_PROGRAMS),
    ("Connection may take the length away", HEAD, "name == \"host\" || name == \"content-length\"",
     "name == \"host\"", *OF_PROGRAMS),
    ("fields that Connection names are sent on", HEAD,
     "hop_fields_.push_back(lower_case(trimmed(cut(names, \",\"))));",
     "hop_fields_.insert(hop_fields_.end(), std::string(trimmed(cut(names, \",\"))));",
     *OF_PROGRAMS),
    ("a body may have two lengths", HEAD,
     "lengths > 1 || (lengths == 1", "(lengths == 1", *OF_PROGRAMS),
    ("a port behind the last is allowed", ALLOW, "port <= line.last_port",
     "port <= line.last_port + 1", *OF_PROGRAMS),
    ("*.name allows what ends like it", PATTERN, "text.starts_with('*') ? 1 : 0",
     "text.starts_with(\"*.\") ? 2 : text.starts_with('*') ? 1 : 0", *OF_PROGRAMS),
    ("a host name may have an empty label", PORT, "!text.empty() && text.size() <= 255;",
     "text.size() <= 255;", *OF_PROGRAMS),
    ("a topic may be longer by one", COMMANDS, "text.size() <= kLongestTopic",
     "text.size() <= kLongestTopic + 1", *OF_PROGRAMS),
    ("only the first character of a topic counts", COMMANDS,
     "std::all_of(text.begin(), text.end(), is_of_topic)", "is_of_topic(text.front())",
     *OF_PROGRAMS),
    ("a topic may be a word of the server", COMMANDS, " && text != \"ERR\"", "", *OF_PROGRAMS),
    ("a topic may end with CR", COMMANDS, "{'\\n', '\\r'}", "{'\\n'}", *OF_PROGRAMS),
    ("a line may end with CR alone", COMMANDS, "{'\\n', '\\r'}", "{'\\n', '\\r', '\\r'}",
     *OF_PROGRAMS),
    ("the text of a PUB is part of its topic", COMMANDS,
     "name.word == Word::pub ? text.find(' ', first) : text.npos", "text.npos", *OF_PROGRAMS),
    ("subscribers get the word of the publisher", COMMANDS,
     "text.substr(first, last - first), first}", "text.substr(first, last - first), 0}",
     *OF_PROGRAMS),
]
