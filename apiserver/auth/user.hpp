#pragma once
// Who asks.

#include <map>
#include <string>
#include <vector>

namespace datamesh::apiserver {

inline constexpr const char* kMasters = "system:masters";  // whoever is in it may do everything
inline constexpr const char* kAuthenticated = "system:authenticated";
inline constexpr const char* kServiceAccounts = "system:serviceaccounts";

struct User {
  std::string name, uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
};

bool is_master(const User& user);
std::string service_account_name(const std::string& ns, const std::string& name);

}  // namespace datamesh::apiserver
