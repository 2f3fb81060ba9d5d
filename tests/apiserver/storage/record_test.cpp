#include "apiserver/storage/record.hpp"

#include <random>

#include <gtest/gtest.h>

#include "apiserver/storage/deflate.hpp"

namespace datamesh::apiserver::storage {
namespace {

Draft full() {
  Draft draft;
  draft.key = {"datamesh.dev/dataproducts", "sales", "orders"};
  draft.uid = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";
  draft.labels = {{"app", "shop"}, {"empty", ""}};
  draft.fields = {{"spec.engine", "postgresql"}};
  draft.owners = {"owner-1", "owner-2"};
  draft.deleting = true;
  draft.before =
      R"({"apiVersion":"datamesh.dev/v1alpha1","kind":"DataProduct","metadata":{"name":"orders","resourceVersion":")";
  draft.after = R"("},"spec":{"description":{"purpose":"Orders as placed."},"version":"1.0.0"}})";
  return draft;
}

TEST(Packed, KeepsEveryPartOfADraft) {
  const Packed packed(full());
  EXPECT_EQ(packed.name(), "orders");
  EXPECT_EQ(packed.uid(), "3f2504e0-4f89-11d3-9a0c-0305e82c3301");
  EXPECT_TRUE(packed.deleting());
  EXPECT_EQ(packed.labels(), (PairViews{{"app", "shop"}, {"empty", ""}}));
  EXPECT_EQ(packed.fields(), (PairViews{{"spec.engine", "postgresql"}}));
  EXPECT_EQ(packed.owners(), (std::vector<std::string_view>{"owner-1", "owner-2"}));
}

TEST(Packed, PutsTheVersionWhereItBelongs) {
  const Draft draft = full();
  const Packed packed(draft);
  std::string out = "[";
  packed.append_text(18446744073709551615u, out);
  EXPECT_EQ(out, "[" + draft.before + "18446744073709551615" + draft.after);
  EXPECT_EQ(packed.text_size(), draft.before.size() + draft.after.size());
  EXPECT_LT(packed.bytes().size(), packed.text_size() + 60) << "it was not deflated: names and labels alone are more";
}

TEST(Packed, TextsOfEverySizeComeBack) {
  std::mt19937 random(7);  // the same every time
  for (std::size_t size = 0; size < 300; ++size) {
    for (const bool compressible : {true, false}) {
      Draft draft;
      draft.key.name = "n";
      const auto letter = [&] { return compressible ? 'x' : static_cast<char>(random()); };
      for (std::size_t i = 0; i < size; ++i) draft.before.push_back(letter());
      for (std::size_t i = 0; i < size * 7; ++i) draft.after.push_back(letter());
      const auto again = Packed::parse(Packed(draft).bytes());
      ASSERT_TRUE(again);
      std::string out;
      again->append_text(42, out);
      ASSERT_EQ(out, draft.before + "42" + draft.after);
    }
  }
}

TEST(Packed, EqualDraftsAreEqualBytes) {
  EXPECT_EQ(Packed(full()).bytes(), Packed(full()).bytes());
  Draft other = full();
  other.labels[0].second = "shoq";
  EXPECT_NE(Packed(full()).bytes(), Packed(other).bytes());
}

TEST(Packed, RefusesBytesThatAreCutOrChangedInTheirHead) {
  const Packed packed(full());
  const std::string bytes(packed.bytes());
  for (std::size_t size = 0; size < 36; ++size) EXPECT_FALSE(Packed::parse(bytes.substr(0, size)));
  for (std::size_t at = 0; at < 36; ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x5a);
    // Whatever it makes of it, it must not read beyond its end (the sanitizers look on).
    if (const auto parsed = Packed::parse(changed)) {
      static_cast<void>(parsed->owners());
      static_cast<void>(parsed->labels());
      static_cast<void>(parsed->fields());
    }
  }
}

TEST(Deflate, RefusesWhatIsNotItsOwn) {
  const auto deflated = deflate_text(std::string(200, 'a'), std::string(200, 'b'));
  ASSERT_TRUE(deflated);
  std::string out(400, '\0');
  EXPECT_TRUE(inflate_text(*deflated, 1, out.data(), out.size()));
  EXPECT_EQ(out, std::string(200, 'a') + std::string(200, 'b'));
  EXPECT_FALSE(inflate_text(*deflated, 1, out.data(), 399));
  EXPECT_FALSE(inflate_text(*deflated, 2, out.data(), 400)) << "an unknown dictionary";
  EXPECT_FALSE(inflate_text(deflated->substr(1), 1, out.data(), 400));
}

}  // namespace
}  // namespace datamesh::apiserver::storage
