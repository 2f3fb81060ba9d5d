#include "controller/kube/kubeconfig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/core/ids.hpp"
#include "controller/core/json.hpp"
#include "tests/testing/temp_dir.hpp"

namespace datamesh::kube {
namespace {

using ::testing::HasSubstr;

// A kubeconfig with one cluster, user and context; `cluster` and `user` are further lines of theirs.
std::string config(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
         "contexts: [{name: main, context: {cluster: c, user: u, namespace: sales}}]\n"
         "clusters:\n- name: c\n  cluster:\n    server: https://api.example:6443\n" +
         cluster + "users:\n- name: u\n  user:\n" + user;
}

class Kubeconfig : public testing::Test {
 protected:
  Result<Cluster> load(const std::string& text, Insecure insecure = Insecure::Refused) {
    return load_kubeconfig(directory_.write("config", text).string(), "", {}, insecure);
  }
  test::TempDir directory_;
};

TEST_F(Kubeconfig, GivesServerContextAndToken) {
  const auto cluster = load(config("    tls-server-name: api.internal\n", "    token: t0p\n"));
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_EQ(cluster->server, "https://api.example:6443");
  EXPECT_EQ(cluster->tls_server_name, "api.internal");
  EXPECT_EQ(cluster->ns, "sales");
  EXPECT_EQ(cluster->context, "main");
  EXPECT_EQ(cluster->token.reveal(), "t0p");
  EXPECT_TRUE(cluster->verify_peer);
}

TEST_F(Kubeconfig, FilesAreRelativeToTheConfigurationAndDataIsBase64) {
  directory_.write("pki/ca.pem", "the ca");
  directory_.write("pki/key.pem", "the key");
  const auto cluster = load(config("    certificate-authority: pki/ca.pem\n",
                                   "    client-certificate-data: " + base64_encode("the certificate") +
                                       "\n    client-key: pki/key.pem\n    tokenFile: pki/token\n"));
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_EQ(cluster->ca_pem, "the ca");
  EXPECT_EQ(cluster->certificate_pem, "the certificate");
  EXPECT_EQ(cluster->key_pem.reveal(), "the key");
  EXPECT_EQ(cluster->token_file, (directory_ / "pki/token").string());
}

TEST_F(Kubeconfig, WhatWouldChangeWhoIsTalkedToOrAsWhomIsRefusedByItsName) {
  const std::string exec = "    exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token, ";
  const std::tuple<const char*, std::string, std::string> cases[] = {
      {"insecure-skip-tls-verify", "    insecure-skip-tls-verify: true\n", "    token: t\n"},
      {"proxy-url", "    proxy-url: http://proxy:3128\n", "    token: t\n"},
      {"certificate-authority-data", "    certificate-authority-data: \"!!\"\n", "    token: t\n"},
      {"as is not supported", "", "    token: t\n    as: admin\n"},
      {"as-groups", "", "    token: t\n    as-groups: [system:masters]\n"},
      {"auth-provider", "", "    auth-provider: {name: gcp}\n"},
      {"username", "", "    username: u\n    password: p\n"},
      {"client-key", "", "    client-certificate-data: YQ==\n"},
      {"exec.apiVersion", "", "    exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}\n"},
      {"exec.command", "", "    exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}\n"},
      {"exec.interactiveMode Always", "", exec + "interactiveMode: Always}\n"},
      {"exec.interactiveMode is missing", "", exec + "args: []}\n"},
      {"exec.interactiveMode \"Sometimes\"", "", exec + "interactiveMode: Sometimes}\n"},
  };
  for (const auto& [named, cluster, user] : cases) {
    const auto loaded = load(config(cluster, user));
    ASSERT_FALSE(loaded) << named;
    EXPECT_EQ(loaded.error().code, Code::Invalid) << named;
    EXPECT_THAT(loaded.error().message, HasSubstr(named));
  }
}

TEST_F(Kubeconfig, SkippingVerificationHasToBeAskedFor) {
  const auto cluster = load(config("    insecure-skip-tls-verify: true\n", "    token: t\n"), Insecure::Allowed);
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_FALSE(cluster->verify_peer);
}

TEST_F(Kubeconfig, APluginIsReadWithWhatItIsToldOfTheCluster) {
  const auto cluster = load(config("    certificate-authority-data: " + base64_encode("ca") +
                                       "\n    extensions:\n    - name: client.authentication.k8s.io/exec\n"
                                       "      extension: {audience: mesh}\n",
                                   "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n"
                                   "      command: ./get-token\n      args: [--cluster, c]\n"
                                   "      env: [{name: REGION, value: north}]\n      provideClusterInfo: true\n"
                                   "      installHint: install it\n"));
  ASSERT_TRUE(cluster) << cluster.error().message;
  ASSERT_TRUE(cluster->plugin);
  EXPECT_EQ(cluster->plugin->command, (directory_ / "./get-token").string());
  EXPECT_EQ(cluster->plugin->arguments, (std::vector<std::string>{"--cluster", "c"}));
  EXPECT_EQ(cluster->plugin->environment.at("REGION"), "north");
  const auto info = parse_json(cluster->plugin->info);
  ASSERT_TRUE(info);
  EXPECT_EQ((*info)["spec"]["interactive"], false);
  EXPECT_EQ((*info)["spec"]["cluster"]["server"], "https://api.example:6443");
  EXPECT_EQ((*info)["spec"]["cluster"]["certificate-authority-data"], base64_encode("ca"));
  EXPECT_EQ((*info)["spec"]["cluster"]["config"]["audience"], "mesh");
}

TEST_F(Kubeconfig, SeveralFilesArePutTogetherAndTheFirstValueCounts) {
  const std::string first = directory_
                                .write("first",
                                       "current-context: b\n"
                                       "users: [{name: u, user: {token: first}}]\n")
                                .string();
  const std::string second = directory_.write("second", config("", "    token: second\n") + "\n").string();
  const std::string third =
      directory_.write("third", "contexts: [{name: b, context: {cluster: c, user: u}}]\n").string();
  const std::map<std::string, std::string> environment = {
      {"KUBECONFIG", first + ":" + directory_.path().string() + "/missing:" + second + ":" + third}};
  const auto cluster = load_kubeconfig("", "", environment);
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_EQ(cluster->context, "b");
  EXPECT_EQ(cluster->token.reveal(), "first");
  EXPECT_EQ(load_kubeconfig("", "main", environment)->ns, "sales");
  EXPECT_EQ(load_kubeconfig("", "nope", environment).error().code, Code::Invalid);
  EXPECT_EQ(load_kubeconfig("", "", {{"HOME", directory_.path().string()}}).error().code, Code::NotFound);
}

TEST_F(Kubeconfig, InsideAClusterTheServiceAccountIsUsed) {
  directory_.write("ca.crt", "the ca");
  directory_.write("token", "t");
  directory_.write("namespace", "datamesh-system");
  const std::string folder = directory_.path().string();
  EXPECT_EQ(in_cluster({}, folder).error().code, Code::NotFound);
  const auto cluster =
      in_cluster({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "6443"}}, folder);
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_EQ(cluster->server, "https://[fd00::1]:6443");
  EXPECT_EQ(cluster->ca_pem, "the ca");
  EXPECT_EQ(cluster->token_file, folder + "/token");
  EXPECT_EQ(cluster->ns, "datamesh-system");
}

TEST(ExecCredential, IsReadOrRefusedWithoutShowingIt) {
  const std::string v1 = "client.authentication.k8s.io/v1";
  const auto text = [&](const std::string& status, const std::string& version = "client.authentication.k8s.io/v1") {
    return R"({"kind":"ExecCredential","apiVersion":")" + version + R"(","status":)" + status + "}";
  };
  const auto good =
      parse_exec_credential(text(R"({"token":"s3cret","expirationTimestamp":"2026-01-01T01:00:00Z"})"), v1);
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->token.reveal(), "s3cret");
  EXPECT_EQ(format_time(*good->expires), "2026-01-01T01:00:00Z");
  const auto pair = parse_exec_credential(text(R"({"clientCertificateData":"c","clientKeyData":"k"})"), v1);
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->certificate_pem, "c");
  for (const auto& bad : {text(R"({"token":""})"), text(R"({"clientCertificateData":"s3cret"})"),
                          text(R"({"token":"s3cret","expirationTimestamp":"soon"})"),
                          text(R"({"token":"s3cret"})", "client.authentication.k8s.io/v1beta1"),
                          std::string(R"({"token":"s3cret")"), std::string(R"({"kind":"Token"})")}) {
    const auto read = parse_exec_credential(bad, v1);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, Code::Invalid);
    EXPECT_THAT(read.error().message, ::testing::Not(HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace datamesh::kube
