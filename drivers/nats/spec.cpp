#include "drivers/nats/spec.hpp"

#include "controller/core/json.hpp"
#include "drivers/nats/names.hpp"

namespace datamesh::nats {

std::string to_text(const Mark& mark) {
  Json text{{"managedBy", "datamesh"}, {"owner", to_string(mark.owner)}};
  if (mark.keep) text["keep"] = true;
  if (mark.retained) text["retained"] = true;
  if (!mark.urn.empty()) text["urn"] = mark.urn;
  return text.dump();
}

std::optional<Mark> read_mark(std::string_view description) {
  if (!description.starts_with('{')) return {};
  const auto text = parse_json(description);
  if (!text || string_at(*text, {"managedBy"}) != "datamesh") return {};
  Mark mark{parse_key(string_at(*text, {"owner"})), false, false, ""};
  if (mark.owner.kind.empty()) return {};
  const auto is_true = [&](std::string_view name) {
    const Json* value = find(*text, {name});
    return value && value->is_boolean() && value->get<bool>();
  };
  mark.keep = is_true("keep");
  mark.retained = is_true("retained");
  mark.urn = string_at(*text, {"urn"});
  return mark;
}

int rank(const Spec& spec) {
  // Accounts before what lives in them; accesses and members last, and so first to go.
  constexpr int ranks[] = {0, 1, 2, 3, 3};
  return ranks[spec.index()];
}

bool holds_data(const Spec& spec) {
  return std::holds_alternative<StreamSpec>(spec);
}

}  // namespace datamesh::nats
