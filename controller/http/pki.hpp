#pragma once
// A small certificate authority: ECDSA P-256 keys, X.509 v3 certificates (RFC 5280), PEM in and out. Pure but for the
// operating system's random numbers.

#include <string>
#include <string_view>
#include <vector>

#include "controller/core/clock.hpp"
#include "controller/core/log.hpp"
#include "controller/core/result.hpp"
#include "controller/http/message.hpp"

namespace datamesh::http {

struct KeyPair {
  std::string certificate_pem;
  Secret key_pem;  // PKCS #8
};

struct Validity {
  WallTime not_before, not_after;
};

enum class CertificateUse { Server, Client, Both };

struct CertificateWish {
  Subject subject;                     // for a client: user and groups
  std::vector<std::string> dns_names;  // subject alternative names
  std::vector<std::string> ip_addresses;
  CertificateUse use = CertificateUse::Server;
  Validity validity;
};

// Self-signed, may sign certificates only.
Result<KeyPair> make_ca(std::string_view common_name, const Validity& validity);
// Invalid: the authority's PEM does not parse, a name or address is malformed.
Result<KeyPair> issue(const KeyPair& ca, const CertificateWish& wish);

struct CertificateFacts {
  Subject subject;
  std::vector<std::string> dns_names, ip_addresses;
  Validity validity;
  bool is_ca = false;
  std::string serial;  // lower-case hex
};

// Of the first certificate in the text. Invalid: there is none.
Result<CertificateFacts> describe_certificate(std::string_view pem);
// Denied: not signed by that authority, or not valid at `now`.
Result<void> verify_certificate(std::string_view pem, std::string_view ca_pem, WallTime now);

}  // namespace datamesh::http
