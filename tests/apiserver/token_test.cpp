#include "apiserver/auth/token.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

class TokenTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/datamesh-token-XXXXXX";
    directory_ = ::mkdtemp(name);
    auto key = TokenKey::load_or_create(directory_ + "/token.key");
    ASSERT_TRUE(key);
    key_.emplace(*std::move(key));
    claims_.subject = "ana";
    claims_.groups = {"owners"};
    claims_.issued = now_;
    claims_.expires = now_ + std::chrono::hours(1);
  }
  void TearDown() override {
    ::unlink((directory_ + "/token.key").c_str());
    ::unlink((directory_ + "/other.key").c_str());
    ::rmdir(directory_.c_str());
  }
  std::string token() { return *key_->sign(claims_); }

  std::string directory_;
  std::optional<TokenKey> key_;
  Claims claims_;
  const WallTime now_{std::chrono::seconds(1'800'000'000)};
};

TEST_F(TokenTest, SaysAfterwardsWhatItSaidBefore) {
  claims_.ns = "sales";
  claims_.service_account = "robot";
  claims_.uid = "u-1";
  const auto read = key_->verify(token(), now_);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->subject, "ana");
  EXPECT_EQ(read->groups, claims_.groups);
  EXPECT_EQ(read->service_account, "robot");
  EXPECT_EQ(read->uid, "u-1");
  EXPECT_EQ(read->expires, claims_.expires);
}

TEST_F(TokenTest, EndsWhenItExpires) {
  EXPECT_TRUE(key_->verify(token(), now_ + std::chrono::minutes(59)));
  EXPECT_FALSE(key_->verify(token(), now_ + std::chrono::minutes(60)));
}

TEST_F(TokenTest, IsForItsAudienceAlone) {
  claims_.audiences = {"vault"};
  EXPECT_FALSE(key_->verify(token(), now_));
  EXPECT_TRUE(key_->verify(token(), now_, {"vault", "other"}));
}

TEST_F(TokenTest, NoBitOfItMayChange) {
  const std::string good = token();
  for (std::size_t i = 0; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    // The last letter of a part may carry unused bits.
    if (base64_decode(bad.substr(bad.rfind('.') + 1)) == base64_decode(good.substr(good.rfind('.') + 1)) &&
        i > good.rfind('.')) {
      continue;
    }
    EXPECT_FALSE(key_->verify(bad, now_)) << i;
  }
}

TEST_F(TokenTest, UnsignedOrForeignOnesAreRefused) {
  const std::string body = token().substr(token().find('.') + 1, token().rfind('.') - token().find('.') - 1);
  EXPECT_FALSE(key_->verify(base64url_encode(R"({"alg":"none"})") + "." + body + ".", now_));
  EXPECT_FALSE(key_->verify("", now_));
  EXPECT_FALSE(key_->verify("a.b.c", now_));
  const auto other = TokenKey::load_or_create(directory_ + "/other.key");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->verify(token(), now_));
}

TEST_F(TokenTest, TheKeyIsKeptAndForItsOwnerOnly) {
  const auto again = TokenKey::load_or_create(directory_ + "/token.key");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->verify(token(), now_));
  struct stat info {};
  ASSERT_EQ(::stat((directory_ + "/token.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace datamesh::apiserver
