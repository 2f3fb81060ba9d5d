#pragma once
// One version of one object, as stored: immutable, shared by index, history, lists and watches.
//
// A version's text is the same whatever number it gets, but for the digits of metadata.resourceVersion. So the text
// is kept without them, deflated, next to the place where they belong: the caller deflates on its own thread, the
// writer only picks a number, and a deletion is its last version under a new number.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/storage/outcome.hpp"

namespace datamesh::apiserver::storage {

struct Key {
  std::string resource;  // "datamesh.dev/dataproducts", "/secrets": group/plural, without the version
  std::string ns;        // empty for what lives in no namespace
  std::string name;
  auto operator<=>(const Key&) const = default;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;
using PairViews = std::vector<std::pair<std::string_view, std::string_view>>;

// An object about to be written. `before` and `after` are its JSON text around the digits of the resource version:
// {"metadata":{...,"resourceVersion":"  |  ",...}}.
struct Draft {
  Key key;
  std::string uid;
  std::string before, after;
  Pairs labels;                     // metadata.labels
  Pairs fields;                     // what field selectors may ask for besides metadata.name and .namespace
  std::vector<std::string> owners;  // uids of metadata.ownerReferences
  bool deleting = false;            // metadata.deletionTimestamp is set
};

// The parts of a draft that are kept, in one buffer. Made once, by the thread that writes.
class Packed {
 public:
  explicit Packed(const Draft& draft);
  // Of bytes() that were stored. nullopt: they are not of this form.
  static std::optional<Packed> parse(std::string_view bytes);

  std::string_view bytes() const { return {bytes_.get(), size_}; }
  std::string_view name() const;
  std::string_view uid() const;
  bool deleting() const;
  bool has_owners() const;
  std::vector<std::string_view> owners() const;
  PairViews labels() const;
  PairViews fields() const;
  // Appends the text as version `rv`.
  void append_text(Rv rv, std::string& out) const;
  std::size_t text_size() const;

 private:
  Packed() = default;
  void resize(std::size_t size);
  PairViews pairs(std::size_t from, std::size_t count) const;

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

// Valid as long as the Store that it comes from.
class Record {
 public:
  Record(const std::string& resource, const std::string& ns, Rv rv, std::uint64_t id,
         std::shared_ptr<const Packed> packed)
      : resource_(&resource), ns_(&ns), packed_(std::move(packed)), rv_(rv), id_(id) {}

  const std::string& resource() const { return *resource_; }
  const std::string& ns() const { return *ns_; }
  std::string_view name() const { return packed_->name(); }
  std::string_view uid() const { return packed_->uid(); }
  Rv rv() const { return rv_; }
  Rv created_rv() const { return id_; }
  bool deleting() const { return packed_->deleting(); }
  bool has_owners() const { return packed_->has_owners(); }
  std::vector<std::string_view> owners() const { return packed_->owners(); }
  PairViews labels() const { return packed_->labels(); }  // as drafted: sorted if they were
  PairViews fields() const { return packed_->fields(); }
  std::optional<std::string_view> label(std::string_view key) const;
  std::optional<std::string_view> field(std::string_view key) const;

  // The JSON text with its resource version, inflated for this call (some microseconds): keep it rather than ask
  // twice, and append_body() to one buffer for a list.
  std::string body() const;
  void append_body(std::string& out) const { packed_->append_text(rv_, out); }
  std::size_t body_size() const { return packed_->text_size(); }  // without the digits

  const std::shared_ptr<const Packed>& packed() const { return packed_; }
  // Bytes that keeping this version costs.
  std::size_t footprint() const;

 private:
  const std::string* resource_;
  const std::string* ns_;
  std::shared_ptr<const Packed> packed_;
  Rv rv_;
  std::uint64_t id_;
};

using RecordPtr = std::shared_ptr<const Record>;

// One change, or the news that there was none. Shared by all watches that get it.
class Event {
 public:
  enum class Type { Added, Modified, Deleted, Bookmark };

  Event(Type type, Rv rv, RecordPtr record, RecordPtr previous)
      : type_(type), rv_(rv), record_(std::move(record)), previous_(std::move(previous)) {}

  Type type() const { return type_; }
  Rv rv() const { return rv_; }
  // Deleted: the last state, under the version of the deletion. Bookmark: nullptr.
  const RecordPtr& record() const { return record_; }
  // The version before; nullptr for Added and Bookmark.
  const RecordPtr& previous() const { return previous_; }
  // record()->body(), inflated once for all watches. Thread-safe.
  const std::string& body() const;

 private:
  Type type_;
  Rv rv_;
  RecordPtr record_, previous_;
  mutable std::once_flag inflated_;
  mutable std::string body_;
};

using EventPtr = std::shared_ptr<const Event>;

}  // namespace datamesh::apiserver::storage
