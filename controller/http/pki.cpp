#include "controller/http/pki.hpp"

#include <ctime>

#include <arpa/inet.h>

#include "controller/http/openssl.hpp"

namespace datamesh::http {
namespace {

using namespace openssl;

Error failed(std::string_view what) {
  return {Code::Internal, std::string(what) + ": " + last_error()};
}

std::time_t seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

WallTime wall(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime{std::chrono::seconds(timegm(&parts))};
}

std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<Key> new_key() {
  const KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
  EVP_PKEY* raw = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), NID_X9_62_prime256v1) != 1 ||
      EVP_PKEY_keygen(context.get(), &raw) != 1) {
    return failed("cannot make a key");
  }
  return Key(raw);
}

bool add_entry(X509_NAME* name, int nid, const std::string& value) {
  return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

Result<void> set_subject(X509* certificate, const Subject& subject) {
  const Name name(X509_NAME_new());
  for (const auto& organization : subject.organizations) {
    if (!add_entry(name.get(), NID_organizationName, organization)) {
      return Error{Code::Invalid, "organization: " + last_error()};  // over 64 characters, or not UTF-8
    }
  }
  if (!subject.common_name.empty() && !add_entry(name.get(), NID_commonName, subject.common_name)) {
    return Error{Code::Invalid, "common name: " + last_error()};
  }
  if (X509_set_subject_name(certificate, name.get()) != 1) return failed("cannot set the subject");
  return {};
}

// `value` is in OpenSSL's configuration syntax; nothing a caller wrote goes in here.
bool extend(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

Result<void> add_alternative_names(X509* certificate, const CertificateWish& wish) {
  if (wish.dns_names.empty() && wish.ip_addresses.empty()) return {};
  const AlternativeNames names(sk_GENERAL_NAME_new_null());
  const auto add = [&](int type, const void* data, std::size_t size) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_STRING* value = type == GEN_DNS ? static_cast<ASN1_STRING*>(ASN1_IA5STRING_new()) : ASN1_OCTET_STRING_new();
    ASN1_STRING_set(value, data, static_cast<int>(size));
    GENERAL_NAME_set0_value(name, type, value);
    sk_GENERAL_NAME_push(names.get(), name);
  };
  for (const auto& dns : wish.dns_names) {
    const bool plain = !dns.empty() && dns.find_first_not_of(
                                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789-._*") == dns.npos;
    if (!plain) return Error{Code::Invalid, "not a DNS name: " + dns};
    add(GEN_DNS, dns.data(), dns.size());
  }
  for (const auto& address : wish.ip_addresses) {
    unsigned char bytes[16];
    if (inet_pton(AF_INET, address.c_str(), bytes) == 1) {
      add(GEN_IPADD, bytes, 4);
    } else if (inet_pton(AF_INET6, address.c_str(), bytes) == 1) {
      add(GEN_IPADD, bytes, 16);
    } else {
      return Error{Code::Invalid, "not an IP address: " + address};
    }
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return failed("cannot add names");
  }
  return {};
}

Result<Certificate> new_certificate(EVP_PKEY* key, const Subject& subject, const Validity& validity) {
  if (validity.not_after <= validity.not_before) return Error{Code::Invalid, "a certificate must end after its begin"};
  Certificate certificate(X509_new());
  std::unique_ptr<BIGNUM, Deleter<BN_free>> serial(BN_new());
  // 159 random bits: positive, and at most 20 octets (RFC 5280 section 4.1.2.2).
  if (!certificate || X509_set_version(certificate.get(), 2) != 1 ||
      BN_rand(serial.get(), 159, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
      !BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())) ||
      !ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds(validity.not_before)) ||
      !ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds(validity.not_after)) ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return failed("cannot make a certificate");
  }
  DATAMESH_CHECK(set_subject(certificate.get(), subject));
  return certificate;
}

Result<KeyPair> sign(X509* certificate, EVP_PKEY* key, EVP_PKEY* signer) {
  if (X509_sign(certificate, signer, EVP_sha256()) == 0) return failed("cannot sign");
  const Bio certificate_out(BIO_new(BIO_s_mem())), key_out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_out.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return failed("cannot write PEM");
  }
  return KeyPair{text_of(certificate_out), Secret(text_of(key_out))};
}

const char* usage_of(CertificateUse use) {
  switch (use) {
    case CertificateUse::Server:
      return "serverAuth";
    case CertificateUse::Client:
      return "clientAuth";
    case CertificateUse::Both:
      return "serverAuth,clientAuth";
  }
  return "serverAuth";
}

}  // namespace

Result<KeyPair> make_ca(std::string_view common_name, const Validity& validity) {
  DATAMESH_TRY(const Key key, new_key());
  DATAMESH_TRY(const Certificate certificate, new_certificate(key.get(), {std::string(common_name), {}}, validity));
  X509* ca = certificate.get();
  if (X509_set_issuer_name(ca, X509_get_subject_name(ca)) != 1 ||
      !extend(ca, ca, NID_basic_constraints, "critical,CA:TRUE") ||
      !extend(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature") ||
      !extend(ca, ca, NID_subject_key_identifier, "hash")) {
    return failed("cannot describe the authority");
  }
  return sign(ca, key.get(), key.get());
}

Result<KeyPair> issue(const KeyPair& ca, const CertificateWish& wish) {
  DATAMESH_TRY(const auto ca_certificates, read_certificates(ca.certificate_pem));
  DATAMESH_TRY(const Key ca_key, read_key(ca.key_pem.reveal()));
  X509* issuer = ca_certificates.front().get();
  if (X509_check_private_key(issuer, ca_key.get()) != 1) {
    ERR_clear_error();
    return Error{Code::Invalid, "the authority's key and certificate do not belong together"};
  }
  DATAMESH_TRY(const Key key, new_key());
  DATAMESH_TRY(const Certificate certificate, new_certificate(key.get(), wish.subject, wish.validity));
  if (X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) != 1 ||
      !extend(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !extend(certificate.get(), issuer, NID_key_usage, "critical,digitalSignature") ||
      !extend(certificate.get(), issuer, NID_ext_key_usage, usage_of(wish.use)) ||
      !extend(certificate.get(), issuer, NID_subject_key_identifier, "hash") ||
      !extend(certificate.get(), issuer, NID_authority_key_identifier, "keyid")) {
    return failed("cannot describe the certificate");
  }
  DATAMESH_CHECK(add_alternative_names(certificate.get(), wish));
  return sign(certificate.get(), key.get(), ca_key.get());
}

Result<CertificateFacts> describe_certificate(std::string_view pem) {
  DATAMESH_TRY(const auto certificates, read_certificates(pem));
  X509* certificate = certificates.front().get();
  CertificateFacts facts;
  facts.subject = subject_of(certificate);
  facts.validity = {wall(X509_get0_notBefore(certificate)), wall(X509_get0_notAfter(certificate))};
  facts.is_ca = X509_check_ca(certificate) == 1;
  const AlternativeNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const auto* value =
        static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type));
    const unsigned char* data = ASN1_STRING_get0_data(value);
    const int size = ASN1_STRING_length(value);
    if (type == GEN_DNS) {
      facts.dns_names.emplace_back(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    } else if (type == GEN_IPADD && (size == 4 || size == 16)) {
      char text[INET6_ADDRSTRLEN];
      facts.ip_addresses.emplace_back(inet_ntop(size == 4 ? AF_INET : AF_INET6, data, text, sizeof text));
    }
  }
  const std::unique_ptr<BIGNUM, Deleter<BN_free>> serial(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* hex = BN_bn2hex(serial.get());
  for (const char* c = hex; *c; ++c) facts.serial.push_back(*c >= 'A' ? static_cast<char>(*c + 32) : *c);
  OPENSSL_free(hex);
  ERR_clear_error();
  return facts;
}

Result<void> verify_certificate(std::string_view pem, std::string_view ca_pem, WallTime now) {
  DATAMESH_TRY(const auto certificates, read_certificates(pem));
  DATAMESH_TRY(const auto authorities, read_certificates(ca_pem));
  const Store store(X509_STORE_new());
  for (const auto& authority : authorities) X509_STORE_add_cert(store.get(), authority.get());
  const StoreContext context(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(context.get(), store.get(), certificates.front().get(), nullptr) != 1) {
    return failed("cannot verify");
  }
  X509_STORE_CTX_set_time(context.get(), 0, seconds(now));
  if (X509_verify_cert(context.get()) != 1) {
    ERR_clear_error();
    return Error{Code::Denied, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))};
  }
  return {};
}

}  // namespace datamesh::http
