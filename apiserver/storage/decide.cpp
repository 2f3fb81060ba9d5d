#include "apiserver/storage/decide.hpp"

#include <optional>

namespace datamesh::apiserver::storage {
namespace {

Failure fail(Reason reason, std::string message, Rv current = 0) {
  return {reason, std::move(message), {}, {}, current};
}

// "dataproducts.datamesh.dev \"orders\"", as Kubernetes names an object in messages.
std::string named(const Key& key) {
  const auto slash = key.resource.find('/');
  const std::string plural = slash == std::string::npos ? key.resource : key.resource.substr(slash + 1);
  const std::string group = slash == std::string::npos ? std::string() : key.resource.substr(0, slash);
  return plural + (group.empty() ? "" : "." + group) + " \"" + key.name + "\"";
}

std::optional<Failure> refuse(const Key& key, const Expect& expect, const Record& current) {
  if (!expect.uid.empty() && expect.uid != current.uid())
    return fail(Reason::Conflict,
                "Precondition failed: UID in precondition: " + expect.uid +
                    ", UID in object meta: " + std::string(current.uid()),
                current.rv());
  if (expect.rv && *expect.rv != current.rv())
    return fail(Reason::Conflict,
                "Operation cannot be fulfilled on " + named(key) +
                    ": the object has been modified; please apply your changes to the latest version and try again",
                current.rv());
  return std::nullopt;
}

}  // namespace

Item pack(Write write) {
  Item item{write.verb, std::move(write.object.key), std::move(write.expect), std::move(write.parent), nullptr};
  if (write.verb == Write::Verb::Remove) return item;
  write.object.key = item.key;
  item.packed = std::make_shared<const Packed>(write.object);
  return item;
}

Answer Group::decide(const Items& items) {
  const std::size_t changes_before = changes_.size();
  const Rv rv_before = rv_;
  std::vector<RecordPtr> records;
  for (const auto& item : items) {
    auto record = decide(item);
    if (record) {
      records.push_back(*std::move(record));
      continue;
    }
    // Nothing of it: each key goes back to what it was before these items.
    while (changes_.size() > changes_before) {
      const Change& change = changes_.back();
      const Record& written = *change.record;
      overlay_[{written.resource(), written.ns(), std::string(written.name())}] = change.previous;
      changes_.pop_back();
    }
    rv_ = rv_before;
    return record.failure();
  }
  return records;
}

Outcome<RecordPtr> Group::decide(const Item& item) {
  const RecordPtr current = find(item.key);
  if (item.verb == Write::Verb::Create) {
    if (current) return fail(Reason::AlreadyExists, named(item.key) + " already exists", current->rv());
    if (!item.parent.resource.empty()) {
      const RecordPtr parent = find(item.parent);
      if (!parent) return fail(Reason::NoNamespace, named(item.parent) + " not found");
      if (parent->deleting())
        return fail(Reason::Terminating, "unable to create new content in namespace " + item.parent.name +
                                             " because it is being terminated");
    }
    return change(item, nullptr);
  }
  if (!current) return fail(Reason::NotFound, named(item.key) + " not found");
  if (auto failure = refuse(item.key, item.expect, *current)) return *std::move(failure);
  if (item.packed && item.packed->bytes() == current->packed()->bytes()) return current;
  return change(item, current);
}

Outcome<RecordPtr> Group::change(const Item& item, const RecordPtr& current) {
  const Rv rv = ++rv_;
  const bool removed = item.verb == Write::Verb::Remove;
  const std::string& resource = current ? current->resource() : index_.intern(item.key.resource);
  const std::string& ns = current ? current->ns() : index_.intern(item.key.ns);
  auto record = std::make_shared<const Record>(resource, ns, rv, current ? current->created_rv() : rv,
                                               removed ? current->packed() : item.packed);
  overlay_[item.key] = removed ? nullptr : record;
  changes_.push_back({rv, now_ms_, record, current, removed});
  return RecordPtr(std::move(record));
}

RecordPtr Group::find(const Key& key) const {
  const auto written = overlay_.find(key);
  return written == overlay_.end() ? index_.find(key.resource, {key.ns, key.name}) : written->second;
}

}  // namespace datamesh::apiserver::storage
