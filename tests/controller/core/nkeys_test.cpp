#include "controller/core/nkeys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/core/json.hpp"

namespace datamesh::nkeys {
namespace {

// From the NATS documentation on nkey authentication.
constexpr const char* known_seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
constexpr const char* known_id = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

TEST(Nkeys, KnownSeedGivesItsPublicKeyAndComesBack) {
  const auto key = Key::from_seed(Secret(known_seed));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->type(), KeyType::User);
  EXPECT_EQ(key->id(), known_id);
  EXPECT_EQ(key->seed().reveal(), known_seed);
  EXPECT_TRUE(is_public_key(known_id, KeyType::User));
  EXPECT_FALSE(is_public_key(known_id, KeyType::Account));
}

TEST(Nkeys, DamagedSeedsAreRefused) {
  const std::string good = known_seed;
  std::string swapped = good;
  std::swap(swapped[20], swapped[21]);
  for (const std::string& bad : {std::string(), std::string("SU"), good.substr(1), good + "A", swapped,
                                 std::string(known_id), good.substr(0, 57) + "1"}) {
    const auto key = Key::from_seed(Secret(bad));
    ASSERT_FALSE(key) << bad;
    EXPECT_EQ(key.error().code, Code::Invalid);
    if (!bad.empty()) EXPECT_THAT(key.error().message, testing::Not(testing::HasSubstr(bad)));
  }
}

TEST(Nkeys, KeysSayTheirTypeInTheirFirstLetter) {
  for (const auto& [type, letter] :
       {std::pair(KeyType::Account, 'A'), {KeyType::Operator, 'O'}, {KeyType::User, 'U'}}) {
    const Key key = Key::generate(type);
    EXPECT_EQ(key.id()[0], letter);
    EXPECT_EQ(key.id().size(), 56U);
    EXPECT_EQ(key.seed().reveal().substr(0, 2), std::string("S") + letter);
  }
}

TEST(Nkeys, DerivedKeysDependOnMasterAndPurposeAlone) {
  const Key master = Key::generate(KeyType::Operator);
  const Key again = *Key::from_seed(master.seed());
  EXPECT_EQ(Key::derived(KeyType::Account, master, "account:sales").id(),
            Key::derived(KeyType::Account, again, "account:sales").id());
  EXPECT_NE(Key::derived(KeyType::Account, master, "account:sales").id(),
            Key::derived(KeyType::Account, master, "account:sale").id());
  EXPECT_NE(Key::derived(KeyType::Account, master, "account:sales").id(),
            Key::derived(KeyType::Account, Key::generate(KeyType::Operator), "account:sales").id());
}

TEST(Nkeys, ASignatureHoldsForItsMessageAndKeyOnly) {
  const Key key = Key::generate(KeyType::User);
  const std::string signature = key.sign("message");
  EXPECT_TRUE(verify(key.id(), "message", signature));
  EXPECT_FALSE(verify(key.id(), "massage", signature));
  EXPECT_FALSE(verify(Key::generate(KeyType::User).id(), "message", signature));
  EXPECT_FALSE(verify(key.id(), "message", signature.substr(1)));
  EXPECT_FALSE(verify("U", "message", signature));
}

TEST(Nkeys, AJwtIsReadBackAndItsForgeryIsNot) {
  const Key key = Key::generate(KeyType::Operator);
  const std::string jwt = sign_jwt(key, {{"sub", "x"}, {"name", "mesh \"quoted\""}, {"nats", {{"type", "operator"}}}});
  const auto claims = read_jwt(jwt);
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(string_at(*claims, {"iss"}), key.id());
  EXPECT_EQ(string_at(*claims, {"name"}), "mesh \"quoted\"");
  EXPECT_EQ(string_at(*claims, {"nats", "type"}), "operator");
  // Another body under the same signature.
  const std::string other = sign_jwt(Key::generate(KeyType::Operator), {{"sub", "y"}});
  EXPECT_FALSE(read_jwt(jwt.substr(0, jwt.find('.')) +
                        other.substr(other.find('.'), other.rfind('.') - other.find('.')) +
                        jwt.substr(jwt.rfind('.'))));
  for (const char* bad : {"", ".", "..", "a.b.c", "e30.e30.e30"}) EXPECT_FALSE(read_jwt(bad)) << bad;
}

TEST(Nkeys, CredentialsAreReadBackAndMixedOnesAreNot) {
  const Key issuer = Key::generate(KeyType::Account), user = Key::generate(KeyType::User);
  const Secret text = to_text({sign_jwt(issuer, {{"sub", user.id()}}), user});
  const auto read = read_credentials(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->key.id(), user.id());
  EXPECT_FALSE(read_credentials(to_text({sign_jwt(issuer, {{"sub", user.id()}}), Key::generate(KeyType::User)})));
  EXPECT_FALSE(read_credentials(Secret("nothing of the kind")));
  EXPECT_FALSE(read_credentials(Secret(text.reveal().substr(0, text.reveal().size() / 2))));
}

}  // namespace
}  // namespace datamesh::nkeys
