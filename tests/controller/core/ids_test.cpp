#include "controller/core/ids.hpp"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace datamesh {
namespace {

using ::testing::MatchesRegex;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

TEST(ObjectKey, NamesTheNamespaceWhereThereIsOne) {
  EXPECT_EQ(to_string(ObjectKey{"DataProduct", "sales", "orders"}), "DataProduct/sales/orders");
  EXPECT_EQ(to_string(ObjectKey{"Domain", "", "sales"}), "Domain/sales");
}

// FIPS 180-4's examples.
TEST(Sha256, MatchesTheStandard) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// RFC 4231, test cases 1, 2 and 6.
TEST(Hmac, MatchesTheStandard) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, TakesAnEmptyKeyAsAKey) {
  const std::string first = hmac_sha256("", "message");
  EXPECT_EQ(hex(first), "eb08c1f56d5ddee07f7bdf80468083da06b64cf4fac64fe3a90883df5feacae4");
  hmac_sha256("another", "message");
  EXPECT_EQ(hmac_sha256("", "message"), first);
}

TEST(Uuid, OfANameIsTheSameEverywhere) {
  EXPECT_EQ(uuid_v5("https://datamesh.dev/sales/orders"), "55cdcf9f-f453-5534-b481-991821dcb6cc");
  EXPECT_NE(uuid_v5("a"), uuid_v5("b"));
}

TEST(Uuid, AtRandomHasItsVersionAndVariant) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = random_uuid();
    EXPECT_THAT(uuid, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST(RandomToken, HasLettersAndDigitsEquallyOften) {
  EXPECT_EQ(random_token(0), "");
  const std::string token = random_token(62'000);
  ASSERT_EQ(token.size(), 62'000U);
  std::map<char, int> counts;
  for (const char c : token) ++counts[c];
  ASSERT_EQ(counts.size(), 62U);
  for (const auto& [c, count] : counts) {
    EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)));
    // 1000 expected, standard deviation 31: beyond eight of them about once in 10^13 runs.
    EXPECT_NEAR(count, 1000, 250) << c;
  }
}

// RFC 4648, section 10.
TEST(Base64, MatchesTheStandard) {
  const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
  EXPECT_EQ(base64_encode("\xfb\xff\xfe"), "+//+");
  EXPECT_EQ(base64url_encode("\xfb\xff\xfe"
                             "a"),
            "-__-YQ");
  EXPECT_EQ(base64_decode("-__-YQ"),
            "\xfb\xff\xfe"
            "a");
}

TEST(Base64, ReadsBackAllBytesOfAllLengths) {
  for (std::size_t length = 0; length < 300; ++length) {
    const std::string bytes = random_bytes(length);
    ASSERT_EQ(base64_decode(base64_encode(bytes)), bytes);
    ASSERT_EQ(base64_decode(base64url_encode(bytes)), bytes);
  }
}

TEST(Base64, RefusesWhatIsNot) {
  for (const char* text :
       {"Z", "Zg=", "Zg===", "Zm9v=", "Zm9v====", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9*", "====", "="}) {
    EXPECT_EQ(base64_decode(text), "") << text;
  }
}

}  // namespace
}  // namespace datamesh
