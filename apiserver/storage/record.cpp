#include "apiserver/storage/record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "apiserver/storage/deflate.hpp"
#include "apiserver/storage/dictionary.hpp"
#include "controller/core/log.hpp"

namespace datamesh::apiserver::storage {
namespace {

// The head of the buffer. Behind it: name, uid, then sized strings (owners; keys and values of labels and of fields),
// at `body_at` the text. Written to disk as it is: little-endian, as every machine that this runs on.
struct Head {
  std::uint8_t format = 1;
  std::uint8_t dictionary = 0;  // 0: the text is not deflated
  std::uint8_t deleting = 0;
  std::uint8_t spare = 0;
  std::uint32_t name = 0, uid = 0;                   // sizes
  std::uint32_t owners = 0, labels = 0, fields = 0;  // counts
  std::uint32_t body_at = 0, text = 0, split = 0;
};
static_assert(sizeof(Head) == 36);

Head head_of(std::string_view bytes) {
  Head head;
  std::memcpy(&head, bytes.data(), sizeof head);
  return head;
}

void put_sized(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out.append(text);
}

std::uint32_t size_at(std::string_view bytes, std::size_t at) {
  std::uint32_t size = 0;
  std::memcpy(&size, bytes.data() + at, sizeof size);
  return size;
}

std::string_view get_sized(std::string_view bytes, std::size_t& at) {
  const std::uint32_t size = size_at(bytes, at);
  const auto text = bytes.substr(at + sizeof size, size);
  at += sizeof size + size;
  return text;
}

bool skip_sized(std::string_view bytes, std::size_t& at) {
  if (bytes.size() - at < sizeof(std::uint32_t)) return false;
  const std::uint32_t size = size_at(bytes, at);
  if (bytes.size() - at - sizeof size < size) return false;
  at += sizeof size + size;
  return true;
}

std::size_t strings_at(const Head& head) {
  return sizeof(Head) + head.name + head.uid;
}

// Where labels, then fields begin.
std::size_t after_strings(std::string_view bytes, std::size_t at, std::size_t count) {
  for (; count > 0; --count) at += sizeof(std::uint32_t) + size_at(bytes, at);
  return at;
}

std::optional<std::string_view> value_of(const PairViews& pairs, std::string_view key) {
  const auto it = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == key; });
  return it == pairs.end() ? std::nullopt : std::optional(it->second);
}

}  // namespace

Packed::Packed(const Draft& draft) {
  std::string strings;
  for (const auto& owner : draft.owners) put_sized(strings, owner);
  for (const auto* pairs : {&draft.labels, &draft.fields}) {
    for (const auto& [key, value] : *pairs) {
      put_sized(strings, key);
      put_sized(strings, value);
    }
  }
  const auto deflated = deflate_text(draft.before, draft.after);

  const auto count = [](const auto& list) { return static_cast<std::uint32_t>(list.size()); };
  Head head;
  head.dictionary = deflated ? current_dictionary : 0;
  head.deleting = draft.deleting ? 1 : 0;
  head.name = count(draft.key.name);
  head.uid = count(draft.uid);
  head.owners = count(draft.owners);
  head.labels = count(draft.labels);
  head.fields = count(draft.fields);
  head.body_at = static_cast<std::uint32_t>(strings_at(head) + strings.size());
  head.split = count(draft.before);
  head.text = head.split + count(draft.after);

  resize(head.body_at + (deflated ? deflated->size() : head.text));
  char* at = bytes_.get();
  const auto put = [&at](const void* from, std::size_t size) {
    if (size > 0) std::memcpy(at, from, size);
    at += size;
  };
  put(&head, sizeof head);
  for (const std::string* part : {&draft.key.name, &draft.uid, &std::as_const(strings)})
    put(part->data(), part->size());
  if (deflated) {
    put(deflated->data(), deflated->size());
  } else {
    put(draft.before.data(), draft.before.size());
    put(draft.after.data(), draft.after.size());
  }
}

std::optional<Packed> Packed::parse(std::string_view bytes) {
  if (bytes.size() < sizeof(Head)) return std::nullopt;
  const Head head = head_of(bytes);
  if (head.format != 1 || head.body_at > bytes.size() || head.split > head.text) return std::nullopt;
  if (head.dictionary == 0 ? bytes.size() - head.body_at != head.text : dictionary(head.dictionary).empty())
    return std::nullopt;
  std::size_t at = strings_at(head);
  if (at > head.body_at) return std::nullopt;
  const std::string_view strings = bytes.substr(0, head.body_at);
  const std::size_t count = std::size_t{head.owners} + 2 * (std::size_t{head.labels} + head.fields);
  for (std::size_t i = 0; i < count; ++i) {
    if (!skip_sized(strings, at)) return std::nullopt;
  }
  if (at != head.body_at) return std::nullopt;
  Packed packed;
  packed.resize(bytes.size());
  std::memcpy(packed.bytes_.get(), bytes.data(), bytes.size());
  return packed;
}

void Packed::resize(std::size_t size) {
  bytes_.reset(new char[size]);  // not initialised: filled by the caller
  size_ = size;
}

std::string_view Packed::name() const {
  return bytes().substr(sizeof(Head), head_of(bytes()).name);
}

std::string_view Packed::uid() const {
  const Head head = head_of(bytes());
  return bytes().substr(sizeof(Head) + head.name, head.uid);
}

bool Packed::deleting() const {
  return head_of(bytes()).deleting != 0;
}
bool Packed::has_owners() const {
  return head_of(bytes()).owners > 0;
}
std::size_t Packed::text_size() const {
  return head_of(bytes()).text;
}

std::vector<std::string_view> Packed::owners() const {
  const Head head = head_of(bytes());
  std::size_t at = strings_at(head);
  std::vector<std::string_view> owners;
  for (std::uint32_t i = 0; i < head.owners; ++i) owners.push_back(get_sized(bytes(), at));
  return owners;
}

PairViews Packed::labels() const {
  const Head head = head_of(bytes());
  return pairs(after_strings(bytes(), strings_at(head), head.owners), head.labels);
}

PairViews Packed::fields() const {
  const Head head = head_of(bytes());
  return pairs(after_strings(bytes(), strings_at(head), head.owners + 2 * std::size_t{head.labels}), head.fields);
}

PairViews Packed::pairs(std::size_t from, std::size_t count) const {
  PairViews pairs;
  pairs.reserve(count);
  for (; count > 0; --count) {
    const auto key = get_sized(bytes(), from);
    pairs.emplace_back(key, get_sized(bytes(), from));
  }
  return pairs;
}

void Packed::append_text(Rv rv, std::string& out) const {
  std::array<char, 20> digits;
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), rv).ptr;
  const auto digits_size = static_cast<std::size_t>(end - digits.data());
  const Head head = head_of(bytes());
  const std::string_view body = bytes().substr(head.body_at);
  const std::size_t start = out.size();
  if (head.dictionary == 0) {
    out.append(body.substr(0, head.split)).append(digits.data(), digits_size).append(body.substr(head.split));
    return;
  }
  out.resize(start + digits_size + head.text);
  char* text = out.data() + start;
  if (!inflate_text(body, head.dictionary, text + digits_size, head.text)) {
    // Checksums are verified when a file is read, so this is broken memory: better no answer than a wrong one.
    log_error("an object in memory is damaged", {{"name", name()}});
    std::abort();
  }
  std::memmove(text, text + digits_size, head.split);
  std::memcpy(text + head.split, digits.data(), digits_size);
}

std::optional<std::string_view> Record::label(std::string_view key) const {
  return value_of(labels(), key);
}
std::optional<std::string_view> Record::field(std::string_view key) const {
  return value_of(fields(), key);
}

std::string Record::body() const {
  std::string text;
  append_body(text);
  return text;
}

std::size_t Record::footprint() const {
  // Two control blocks and the rounding of three allocations.
  return sizeof(Record) + sizeof(Packed) + 80 + packed_->bytes().size();
}

const std::string& Event::body() const {
  std::call_once(inflated_, [this] {
    if (record_) body_ = record_->body();
  });
  return body_;
}

}  // namespace datamesh::apiserver::storage
