#pragma once
// Certificates and listeners for tests.

#include <gtest/gtest.h>

#include "controller/core/clock.hpp"
#include "controller/http/listener.hpp"
#include "controller/http/pki.hpp"

namespace datamesh::http::testing {

inline Validity an_hour() {
  const WallTime now = real_clock().wall();
  return {now - std::chrono::minutes(5), now + std::chrono::hours(1)};
}

inline KeyPair a_ca(const char* name = "test CA") {
  auto ca = make_ca(name, an_hour());
  EXPECT_TRUE(ca) << ca.error().message;
  return *std::move(ca);
}

inline KeyPair a_server_certificate(const KeyPair& ca) {
  CertificateWish wish;
  wish.subject.common_name = "server";
  wish.dns_names = {"localhost"};
  wish.ip_addresses = {"127.0.0.1"};
  wish.validity = an_hour();
  auto issued = issue(ca, wish);
  EXPECT_TRUE(issued) << issued.error().message;
  return *std::move(issued);
}

inline KeyPair a_client_certificate(const KeyPair& ca, const Subject& subject) {
  CertificateWish wish;
  wish.subject = subject;
  wish.use = CertificateUse::Client;
  wish.validity = an_hour();
  auto issued = issue(ca, wish);
  EXPECT_TRUE(issued) << issued.error().message;
  return *std::move(issued);
}

}  // namespace datamesh::http::testing
