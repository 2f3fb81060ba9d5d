// JSON merge patch and JSON patch.
#include "apiserver/schema/merge.hpp"

#include "controller/core/json.hpp"

namespace datamesh::apiserver {

namespace {

constexpr std::size_t copied_bytes_max = 3 << 20;

void merge_into(Json& target, const Json& patch) {
  if (!target.is_object()) target = Json::object();
  for (const auto& [name, value] : patch.get_ref<const Json::object_t&>()) {
    if (value.is_null()) {
      target.erase(name);
    } else if (value.is_object()) {
      merge_into(target[name], value);
    } else {
      target[name] = value;
    }
  }
}

Error unfit(std::string message) {
  return Error{Code::Conflict, std::move(message)};
}

struct Pointer {
  std::vector<std::string> tokens;
  std::string text;
};

Result<Pointer> parse_pointer(const Json& operation, const char* key) {
  const auto it = operation.find(key);
  if (it == operation.end() || !it->is_string()) {
    return Error{Code::Invalid, std::string{"JSON patch operation has no \""} + key + "\""};
  }
  Pointer pointer{{}, it->get<std::string>()};
  const std::string& text = pointer.text;
  if (text.empty()) return pointer;
  if (text[0] != '/') return Error{Code::Invalid, "JSON pointer must start with /: " + go_quoted(text)};
  std::string token;
  for (std::size_t i = 1; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == '/') {
      pointer.tokens.push_back(std::move(token));
      token.clear();
    } else if (text[i] == '~' && i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1')) {
      token += text[++i] == '0' ? '~' : '/';
    } else {
      token += text[i];
    }
  }
  return pointer;
}

// An index into an array of `size`; one behind the last is allowed for adding.
std::optional<std::size_t> index_of(const std::string& token, std::size_t size, bool adding) {
  if (adding && token == "-") return size;
  if (token.empty() || token.size() > 9 || token.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  if (token.size() > 1 && token[0] == '0') return std::nullopt;
  const std::size_t index = std::stoul(token);
  return index < size + (adding ? 1 : 0) ? std::optional{index} : std::nullopt;
}

Json* child(Json& parent, const std::string& token) {
  if (parent.is_object()) {
    const auto it = parent.find(token);
    return it == parent.end() ? nullptr : &*it;
  }
  if (!parent.is_array()) return nullptr;
  const auto index = index_of(token, parent.size(), false);
  return index ? &parent[*index] : nullptr;
}

Json* locate(Json& document, const Pointer& pointer, std::size_t tokens) {
  Json* at = &document;
  for (std::size_t i = 0; i < tokens && at; ++i) at = child(*at, pointer.tokens[i]);
  return at;
}

Error missing(std::string_view op, const Pointer& pointer) {
  return unfit(std::string{op} + " operation does not apply: doc is missing path: " + pointer.text + ": missing value");
}

Result<void> add(Json& document, const Pointer& pointer, Json value, std::string_view op) {
  if (pointer.tokens.empty()) {
    document = std::move(value);
    return {};
  }
  Json* parent = locate(document, pointer, pointer.tokens.size() - 1);
  if (!parent || !parent->is_structured()) return missing(op, pointer);
  const std::string& token = pointer.tokens.back();
  if (parent->is_object()) {
    (*parent)[token] = std::move(value);
    return {};
  }
  const auto index = index_of(token, parent->size(), true);
  if (!index) return unfit(std::string{op} + " operation does not apply: invalid array index in path: " + pointer.text);
  parent->insert(parent->begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
  return {};
}

Result<Json> remove(Json& document, const Pointer& pointer, std::string_view op) {
  if (pointer.tokens.empty())
    return unfit(std::string{op} + " operation does not apply: cannot remove the whole document");
  Json* parent = locate(document, pointer, pointer.tokens.size() - 1);
  Json* target = parent ? child(*parent, pointer.tokens.back()) : nullptr;
  if (!target) return missing(op, pointer);
  Json value = std::move(*target);
  if (parent->is_object()) {
    parent->erase(pointer.tokens.back());
  } else {
    parent->erase(static_cast<std::size_t>(std::stoul(pointer.tokens.back())));
  }
  return value;
}

class Patcher {
 public:
  explicit Patcher(Json document) : document_(std::move(document)) {}

  Result<void> run(const Json& operation) {
    if (!operation.is_object()) return Error{Code::Invalid, "a JSON patch is an array of operations"};
    const std::string op = string_at(operation, {"op"});
    DATAMESH_TRY(const Pointer path, parse_pointer(operation, "path"));
    if (op == "remove") {
      DATAMESH_TRY([[maybe_unused]] const Json removed, remove(document_, path, op));
      return {};
    }
    if (op == "move" || op == "copy") return transfer(operation, path, op);
    if (op != "add" && op != "replace" && op != "test") {
      return Error{Code::Invalid, "Unexpected kind: " + (op.empty() ? "unknown" : op)};
    }
    const auto value = operation.find("value");
    if (value == operation.end()) return Error{Code::Invalid, op + " operation has no \"value\""};
    if (op == "add") return add(document_, path, *value, op);
    Json* target = locate(document_, path, path.tokens.size());
    if (op == "replace") {
      if (!target)
        return unfit("replace operation does not apply: doc is missing key: " + path.text + ": missing value");
      *target = *value;
      return {};
    }
    if (target ? *target == *value : value->is_null()) return {};
    return unfit("testing value " + path.text + " failed: test failed");
  }
  Json take() { return std::move(document_); }

 private:
  Result<void> transfer(const Json& operation, const Pointer& path, const std::string& op) {
    DATAMESH_TRY(const Pointer from, parse_pointer(operation, "from"));
    if (op == "move") {
      if (path.text.starts_with(from.text + "/"))
        return unfit("move operation does not apply: into itself: " + path.text);
      DATAMESH_TRY(Json value, remove(document_, from, op));
      return add(document_, path, std::move(value), op);
    }
    const Json* source = locate(document_, from, from.tokens.size());
    if (!source) return missing(op, from);
    copied_ += source->dump(-1, ' ', false, Json::error_handler_t::replace).size();
    if (copied_ > copied_bytes_max) return unfit("copy operations would make the object too large");
    return add(document_, path, Json(*source), op);
  }

  Json document_;
  std::size_t copied_ = 0;
};

}  // namespace

Result<Json> json_merge_patch(const Json& object, const Json& patch) {
  if (!patch.is_object()) return Error{Code::Invalid, "a merge patch must be a JSON object"};
  Json target = object;
  merge_into(target, patch);
  return target;
}

Result<Json> json_patch(const Json& object, const Json& operations) {
  if (!operations.is_array()) return Error{Code::Invalid, "a JSON patch must be an array of operations"};
  if (operations.size() > json_patch_operations_max) {
    return Error{Code::Denied, "Request entity too large: The allowed maximum operations in a JSON patch is " +
                                   std::to_string(json_patch_operations_max) + ", got " +
                                   std::to_string(operations.size())};
  }
  Patcher patcher(object);
  for (const Json& operation : operations) DATAMESH_CHECK(patcher.run(operation));
  return patcher.take();
}

}  // namespace datamesh::apiserver
