// nlohmann's JSON. Its parser and its printer are compiled once (json.cc) and not again in every file that
// uses them: a third of what such a file took to compile, two thirds under the sanitizers.
#pragma once

#include <istream>
#include <nlohmann/json.hpp>
#include <string>

// The names below are the library's own of these releases; with others every file has its copy.
#if NLOHMANN_JSON_VERSION_MAJOR == 3 && NLOHMANN_JSON_VERSION_MINOR == 11
#define HARDY_JSON_ONCE(HOW)                                                     \
  HOW class basic_json<>;                                                        \
  namespace detail {                                                             \
  HOW class serializer<json>;                                                    \
  HOW class json_sax_dom_parser<json>;                                           \
  HOW class json_sax_dom_callback_parser<json>;                                  \
  HARDY_JSON_ONCE_FROM(HOW, iterator_input_adapter<std::string::const_iterator>) \
  HARDY_JSON_ONCE_FROM(HOW, iterator_input_adapter<const char*>)                 \
  HARDY_JSON_ONCE_FROM(HOW, input_stream_adapter)                                \
  }
#define HARDY_JSON_ONCE_FROM(HOW, INPUT)                                        \
  HOW class lexer<json, INPUT>;                                                 \
  HOW class parser<json, INPUT>;                                                \
  HOW bool parser<json, INPUT>::sax_parse_internal(json_sax_dom_parser<json>*); \
  HOW bool parser<json, INPUT>::sax_parse_internal(json_sax_dom_callback_parser<json>*);

NLOHMANN_JSON_NAMESPACE_BEGIN
HARDY_JSON_ONCE(extern template)
NLOHMANN_JSON_NAMESPACE_END
#endif
