#include "controller/http/pki.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/http/fixtures.hpp"

namespace datamesh::http {
namespace {

using testing::a_ca;
using testing::an_hour;

TEST(Pki, IssuesWhatWasWished) {
  const KeyPair ca = a_ca();
  CertificateWish wish;
  wish.subject = {"orders", {"domain:sales", "system:masters"}};
  wish.dns_names = {"localhost", "*.mesh.svc"};
  wish.ip_addresses = {"127.0.0.1", "::1"};
  wish.use = CertificateUse::Both;
  wish.validity = an_hour();
  const auto issued = issue(ca, wish);
  ASSERT_TRUE(issued) << issued.error().message;
  const auto facts = describe_certificate(issued->certificate_pem);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->subject, wish.subject);
  EXPECT_EQ(facts->dns_names, wish.dns_names);
  EXPECT_EQ(facts->ip_addresses, wish.ip_addresses);
  EXPECT_FALSE(facts->is_ca);
  const auto whole_seconds = [](WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); };
  EXPECT_EQ(facts->validity.not_after, whole_seconds(wish.validity.not_after));
  EXPECT_EQ(facts->validity.not_before, whole_seconds(wish.validity.not_before));
  EXPECT_FALSE(facts->serial.empty());
  EXPECT_TRUE(describe_certificate(ca.certificate_pem)->is_ca);
}

TEST(Pki, VerifiesAgainstOneAuthorityAndOneTime) {
  const KeyPair ca = a_ca("one"), other = a_ca("other");
  const KeyPair server = testing::a_server_certificate(ca);
  const WallTime now = real_clock().wall();
  EXPECT_TRUE(verify_certificate(server.certificate_pem, ca.certificate_pem, now));
  EXPECT_EQ(verify_certificate(server.certificate_pem, other.certificate_pem, now).error().code, Code::Denied);
  EXPECT_EQ(verify_certificate(server.certificate_pem, ca.certificate_pem, now + std::chrono::hours(2)).error().code,
            Code::Denied);
  EXPECT_EQ(verify_certificate(server.certificate_pem, ca.certificate_pem, now - std::chrono::hours(2)).error().code,
            Code::Denied);
}

TEST(Pki, GivesEveryCertificateASerialOfItsOwn) {
  const KeyPair ca = a_ca();
  const KeyPair one = testing::a_server_certificate(ca), two = testing::a_server_certificate(ca);
  EXPECT_NE(describe_certificate(one.certificate_pem)->serial, describe_certificate(two.certificate_pem)->serial);
}

TEST(Pki, RefusesWhatCannotBeIssued) {
  const KeyPair ca = a_ca();
  CertificateWish wish;
  wish.validity = an_hour();
  wish.ip_addresses = {"300.1.1.1"};
  EXPECT_EQ(issue(ca, wish).error().code, Code::Invalid);
  wish.ip_addresses = {};
  wish.dns_names = {"a, IP:1.2.3.4"};
  EXPECT_EQ(issue(ca, wish).error().code, Code::Invalid);
  wish.dns_names = {};
  std::swap(wish.validity.not_before, wish.validity.not_after);
  EXPECT_EQ(issue(ca, wish).error().code, Code::Invalid);
  wish.validity = an_hour();
  EXPECT_EQ(issue({ca.certificate_pem, a_ca().key_pem}, wish).error().code, Code::Invalid) << "someone else's key";
  EXPECT_EQ(issue({"nonsense", ca.key_pem}, wish).error().code, Code::Invalid);
  EXPECT_EQ(describe_certificate("").error().code, Code::Invalid);
}

}  // namespace
}  // namespace datamesh::http
