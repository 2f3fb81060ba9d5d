#pragma once
// Column types: from what a contract says to what PostgreSQL calls it. A physical type is user text on its way into
// SQL, so it is parsed against a list; only the canonical form, never the text, goes on.

#include <string>
#include <string_view>

#include "controller/core/result.hpp"
#include "mesh/workload.hpp"

namespace datamesh::postgres {

// The canonical form of a type, as format_type() writes it: "VARCHAR (20)" -> "character varying(20)", "int8[]" ->
// "bigint[]". Invalid with what is allowed otherwise.
Result<std::string> parse_type(std::string_view text);

// The type of a column: its physical type, or else the usual one of its logical type (string: text, integer: bigint,
// number: numeric, timestamp: timestamp with time zone, object and array: jsonb).
Result<std::string> type_of(const mesh::Column& column);

// Whether PostgreSQL can turn a column of one canonical type into the other without losing a value: a longer varchar,
// integer to bigint, more digits of a numeric. Equal types are not a widening.
bool is_widening(std::string_view from, std::string_view to);

}  // namespace datamesh::postgres
