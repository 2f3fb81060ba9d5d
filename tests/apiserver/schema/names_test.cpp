#include "apiserver/schema/names.hpp"

#include <gtest/gtest.h>

#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

std::vector<std::string> said(const FieldErrors& errors) {
  std::vector<std::string> out;
  for (const FieldError& error : errors) out.push_back(to_string(error));
  return out;
}

TEST(Names, ABadNameIsSaidInKubernetesWords) {
  const Json metadata = {{"name", "A_b"}, {"namespace", "sales"}};
  EXPECT_EQ(said(validate_metadata(metadata, true, NameRule::Subdomain)),
            std::vector<std::string>{
                "metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case "
                "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
                "'example.com', regex used for validation is "
                "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"});
}

TEST(Names, RulesDecideWhatIsAName) {
  struct Case {
    std::string name;
    NameRule rule;
    bool ok;
  };
  const std::vector<Case> cases = {{"a", NameRule::Subdomain, true},
                                   {"a.b-c.d", NameRule::Subdomain, true},
                                   {"a..b", NameRule::Subdomain, false},
                                   {"-a", NameRule::Subdomain, false},
                                   {"a-", NameRule::Subdomain, false},
                                   {"a.-b", NameRule::Subdomain, false},
                                   {std::string(253, 'a'), NameRule::Subdomain, true},
                                   {std::string(254, 'a'), NameRule::Subdomain, false},
                                   {"a.b", NameRule::Label, false},
                                   {"1a", NameRule::Label, true},
                                   {std::string(64, 'a'), NameRule::Label, false},
                                   {"1a", NameRule::Label1035, false},
                                   {"system:admin", NameRule::PathSegment, true},
                                   {"a/b", NameRule::PathSegment, false},
                                   {"..", NameRule::PathSegment, false},
                                   {"a%b", NameRule::PathSegment, false},
                                   {"", NameRule::Subdomain, false},
                                   {"ü", NameRule::Subdomain, false}};
  for (const Case& one : cases) EXPECT_EQ(!name_problem(one.name, one.rule), one.ok) << one.name;
}

TEST(Names, MetadataIsChecked) {
  struct Case {
    std::string what;
    Json metadata;
    bool namespaced;
    std::string starts;  // of the only error; "" for none
  };
  const std::vector<Case> cases = {
      {"complete", {{"name", "x"}, {"namespace", "n"}}, true, ""},
      {"without a name", {{"namespace", "n"}}, true, "metadata.name: Required value: name or generateName is required"},
      {"a generated name", {{"generateName", "x-"}, {"namespace", "n"}}, true, ""},
      {"a bad generated name",
       {{"generateName", "X-"}, {"namespace", "n"}},
       true,
       "metadata.generateName: Invalid value: \"X-\": a lowercase RFC 1123"},
      {"without a namespace", {{"name", "x"}}, true, "metadata.namespace: Required value"},
      {"a namespace too many",
       {{"name", "x"}, {"namespace", "n"}},
       false,
       "metadata.namespace: Forbidden: not allowed on this type"},
      {"a label's key",
       {{"name", "x"}, {"labels", {{"a b", "c"}}}},
       false,
       "metadata.labels: Invalid value: \"a b\": name part must consist of"},
      {"a label's prefix",
       {{"name", "x"}, {"labels", {{"A!/b", "c"}}}},
       false,
       "metadata.labels: Invalid value: \"A!/b\": prefix part a lowercase RFC 1123 subdomain"},
      {"a label's value",
       {{"name", "x"}, {"labels", {{"a", "b c"}}}},
       false,
       "metadata.labels: Invalid value: \"b c\": a valid label must be an empty string or"},
      {"annotations of 256 KiB",
       {{"name", "x"}, {"annotations", {{"a", std::string((256 << 10) - 1, 'b')}}}},
       false,
       ""},
      {"annotations above",
       {{"name", "x"}, {"annotations", {{"a", std::string(256 << 10, 'b')}}}},
       false,
       "metadata.annotations: Too long: may not be more than 262144 bytes"},
      {"a finalizer", {{"name", "x"}, {"finalizers", {"datamesh.dev/revoke"}}}, false, ""},
      {"a bad finalizer",
       {{"name", "x"}, {"finalizers", {"a b"}}},
       false,
       "metadata.finalizers: Invalid value: \"a b\": name part"},
      {"an owner",
       {{"name", "x"}, {"ownerReferences", {{{"apiVersion", "v1"}, {"kind", "Secret"}, {"name", "s"}, {"uid", "u"}}}}},
       false,
       ""},
      {"an owner without uid",
       {{"name", "x"}, {"ownerReferences", {{{"apiVersion", "v1"}, {"kind", "Secret"}, {"name", "s"}}}}},
       false,
       "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty"},
  };
  for (const Case& one : cases) {
    const auto errors = said(validate_metadata(one.metadata, one.namespaced, NameRule::Subdomain));
    if (one.starts.empty()) {
      EXPECT_TRUE(errors.empty()) << one.what << ": " << errors.front();
    } else {
      ASSERT_EQ(errors.size(), 1u) << one.what;
      EXPECT_TRUE(errors[0].starts_with(one.starts)) << one.what << ": " << errors[0];
    }
  }
}

TEST(Names, IdentityIsImmutableAndNoFinalizerIsAddedWhileDeleting) {
  const Json old = {
      {"name", "a"}, {"uid", "1"}, {"deletionTimestamp", "2026-01-01T00:00:00Z"}, {"finalizers", {"x/a"}}};
  Json metadata = old;
  metadata["uid"] = "2";
  EXPECT_EQ(said(validate_metadata_update(metadata, old)),
            std::vector<std::string>{"metadata.uid: Invalid value: \"2\": field is immutable"});
  metadata = old;
  metadata["finalizers"].push_back("x/b");
  EXPECT_EQ(said(validate_metadata_update(metadata, old)),
            std::vector<std::string>{"metadata.finalizers: Forbidden: no new finalizers can be added if the object is "
                                     "being deleted, found new finalizers []string{\"x/b\"}"});
  metadata["finalizers"] = Json::array();
  EXPECT_TRUE(validate_metadata_update(metadata, old).empty());
}

TEST(Names, AGeneratedNameFitsInALabel) {
  EXPECT_EQ(generated_name("x-", "abcde"), "x-abcde");
  EXPECT_EQ(generated_name(std::string(100, 'x'), "abcde"), std::string(58, 'x') + "abcde");
}

}  // namespace
}  // namespace datamesh::apiserver
