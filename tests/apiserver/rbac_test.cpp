#include "apiserver/auth/rbac.hpp"

#include <gtest/gtest.h>

#include "apiserver/bootstrap.hpp"
#include "controller/core/json.hpp"

namespace datamesh::apiserver {
namespace {

Json bind(const char* kind, const char* name, const char* ns, const char* role_kind, const char* role, Json subject) {
  Json object = {{"kind", kind},
                 {"metadata", {{"name", name}}},
                 {"roleRef", {{"kind", role_kind}, {"name", role}}},
                 {"subjects", {std::move(subject)}}};
  if (*ns != '\0') object["metadata"]["namespace"] = ns;
  return object;
}

Json user(const char* name) {
  return {{"kind", "User"}, {"name", name}};
}

class RbacTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const Json& object : default_roles()) rbac_.put(object);
    rbac_.put(bind("RoleBinding", "dev", "sales", "ClusterRole", "datamesh-developer", user("bo")));
    rbac_.put(bind("RoleBinding", "own", "sales", "ClusterRole", "datamesh-owner", user("ana")));
    rbac_.put(bind("RoleBinding", "ste", "sales", "ClusterRole", "datamesh-steward", user("stu")));
    rbac_.put(bind("RoleBinding", "vie", "sales", "ClusterRole", "datamesh-viewer", user("vi")));
    rbac_.put(bind("RoleBinding", "edi", "sales", "ClusterRole", "edit", user("ed")));
  }
  bool may(const char* name, const char* verb, const char* resource, const char* ns, const char* sub = "") {
    const std::string_view plural = resource;
    const bool core = plural == "secrets" || plural == "configmaps";
    return rbac_.authorize({name, "", {kAuthenticated}, {}},
                           {verb, core ? "" : "datamesh.dev", resource, sub, ns, "", ""});
  }
  Rbac rbac_;
};

struct Case {
  const char* sentence;
  const char* user;
  const char* verb;
  const char* resource;
  const char* ns;
  const char* sub;
  bool allowed;
};

TEST_F(RbacTest, RolesOfADomain) {
  const Case cases[] = {
      {"a developer writes products at home", "bo", "create", "dataproducts", "sales", "", true},
      {"but nowhere else", "bo", "create", "dataproducts", "marketing", "", false},
      {"a developer subscribes", "bo", "create", "subscriptions", "sales", "", true},
      {"a developer does not approve", "bo", "create", "approvals", "sales", "", false},
      {"nor write a status", "bo", "update", "dataproducts", "sales", "status", false},
      {"nor see other domains' secrets", "bo", "get", "secrets", "marketing", "", false},
      {"but reads one secret at home", "bo", "get", "secrets", "sales", "", true},
      {"without listing them", "bo", "list", "secrets", "sales", "", false},
      {"an owner approves at home", "ana", "create", "approvals", "sales", "", true},
      {"but not for others", "ana", "create", "approvals", "marketing", "", false},
      {"an owner writes no status either", "ana", "patch", "approvals", "sales", "status", false},
      {"a steward approves", "stu", "create", "approvals", "sales", "", true},
      {"and writes no product", "stu", "update", "dataproducts", "sales", "", false},
      {"and sees no secret", "stu", "get", "secrets", "sales", "", false},
      {"a viewer reads", "vi", "list", "subscriptions", "sales", "", true},
      {"and writes nothing", "vi", "create", "subscriptions", "sales", "", false},
      {"everybody finds products", "stranger", "list", "dataproducts", "sales", "", true},
      {"nobody sees who subscribed elsewhere", "stranger", "list", "subscriptions", "sales", "", false},
      {"edit takes up what is aggregated to it", "ed", "create", "configmaps", "sales", "", true},
      {"and what is aggregated to view", "ed", "list", "approvals", "sales", "", true},
      {"and no approvals", "ed", "create", "approvals", "sales", "", false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(may(c.user, c.verb, c.resource, c.ns, c.sub), c.allowed) << c.sentence;
  }
}

TEST_F(RbacTest, MastersMayEverything) {
  EXPECT_TRUE(rbac_.authorize({"root", "", {kMasters}, {}}, {"delete", "any.group", "things", "part", "x", "y", ""}));
}

TEST_F(RbacTest, ABindingThatIsGoneGivesNothing) {
  rbac_.remove(bind("RoleBinding", "dev", "sales", "ClusterRole", "datamesh-developer", user("bo")));
  EXPECT_FALSE(may("bo", "create", "dataproducts", "sales"));
}

TEST_F(RbacTest, ABindingThatChangesItsSubjectsForgetsTheOldOnes) {
  rbac_.put(bind("RoleBinding", "dev", "sales", "ClusterRole", "datamesh-developer", user("cy")));
  EXPECT_FALSE(may("bo", "create", "dataproducts", "sales"));
  EXPECT_TRUE(may("cy", "create", "dataproducts", "sales"));
}

TEST_F(RbacTest, AClusterBindingHoldsInEveryNamespace) {
  rbac_.put(bind("ClusterRoleBinding", "all", "", "ClusterRole", "datamesh-viewer", user("gus")));
  EXPECT_TRUE(may("gus", "list", "subscriptions", "marketing"));
  EXPECT_TRUE(may("gus", "list", "subscriptions", ""));
}

TEST_F(RbacTest, AServiceAccountIsItsUserName) {
  rbac_.put(bind("RoleBinding", "sa", "sales", "ClusterRole", "datamesh-viewer",
                 {{"kind", "ServiceAccount"}, {"name", "robot"}, {"namespace", "ops"}}));
  EXPECT_TRUE(may("system:serviceaccount:ops:robot", "list", "subscriptions", "sales"));
  EXPECT_FALSE(may("system:serviceaccount:sales:robot", "list", "subscriptions", "sales"));
}

TEST_F(RbacTest, UrlsMatchExactlyOrByPrefix) {
  const User somebody{"x", "", {kAuthenticated}, {}};
  EXPECT_TRUE(rbac_.authorize(somebody, {"get", "", "", "", "", "", "/apis/datamesh.dev/v1alpha1"}));
  EXPECT_TRUE(rbac_.authorize(somebody, {"get", "", "", "", "", "", "/version"}));
  EXPECT_FALSE(rbac_.authorize(somebody, {"get", "", "", "", "", "", "/metrics"}));
  EXPECT_FALSE(rbac_.authorize(somebody, {"post", "", "", "", "", "", "/version"}));
}

TEST(PolicyRules, ResourceNamesLimitARule) {
  const PolicyRule rule{{"get"}, {""}, {"secrets"}, {"one"}, {}};
  EXPECT_TRUE(allows(rule, {"get", "", "secrets", "", "ns", "one", ""}));
  EXPECT_FALSE(allows(rule, {"get", "", "secrets", "", "ns", "two", ""}));
  EXPECT_FALSE(allows(rule, {"get", "", "secrets", "", "ns", "", ""}));
}

TEST(PolicyRules, SubresourcesAreNamedApart) {
  const PolicyRule main{{"*"}, {"*"}, {"things"}, {}, {}};
  const PolicyRule any_status{{"*"}, {"*"}, {"*/status"}, {}, {}};
  EXPECT_FALSE(allows(main, {"get", "g", "things", "status", "", "", ""}));
  EXPECT_TRUE(allows(any_status, {"get", "g", "things", "status", "", "", ""}));
  EXPECT_FALSE(allows(any_status, {"get", "g", "things", "", "", "", ""}));
}

TEST(PolicyRules, CoverIsTheUnionOfWhatIsOwned) {
  const std::vector<PolicyRule> owned = {{{"get"}, {""}, {"secrets"}, {}, {}}, {{"list"}, {""}, {"secrets"}, {}, {}}};
  EXPECT_TRUE(covers(owned, {{"get", "list"}, {""}, {"secrets"}, {}, {}}));
  EXPECT_FALSE(covers(owned, {{"get", "watch"}, {""}, {"secrets"}, {}, {}}));
  EXPECT_FALSE(covers(owned, {{"get"}, {"*"}, {"secrets"}, {}, {}}));
  EXPECT_TRUE(covers(owned, {{"get"}, {""}, {"secrets"}, {"one"}, {}}));
}

}  // namespace
}  // namespace datamesh::apiserver
