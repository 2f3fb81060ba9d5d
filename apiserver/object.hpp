#pragma once
// Objects between their three forms: JSON values, the texts that are stored, and the versions clients see them in.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "apiserver/catalog.hpp"
#include "apiserver/storage/storage.hpp"

namespace datamesh::apiserver {

// What is stored of `object`, which is in its stored version.
storage::Draft make_draft(const Resource& resource, nlohmann::json& object);

// Whether the stored text is already in that version. Then it may be sent as it is.
bool is_in_version(const Resource& resource, std::string_view version, std::string_view stored);
// The stored text in that version.
std::string in_version(const Resource& resource, std::string_view version, std::string stored);
nlohmann::json parse_stored(const std::string& text);
// The same for values; objects of a CRD differ in apiVersion alone (conversion None), events in their field names.
void to_version(const Resource& resource, std::string_view version, nlohmann::json& object);
void to_stored(const Resource& resource, nlohmann::json& object);

// The same, read off a record.
nlohmann::json read_record(const Resource& resource, std::string_view version, const storage::Record& record);
storage::Key key_of(const Resource& resource, const std::string& ns, const std::string& name);
// A namespaced object's namespace, as a condition of its creation.
storage::Key namespace_key(const std::string& ns);

std::vector<std::string> finalizers_of(const nlohmann::json& object);
void set_finalizers(nlohmann::json& object, const std::vector<std::string>& finalizers);
bool is_deleting(const nlohmann::json& object);
// No finalizer is left that keeps it (a namespace also has spec.finalizers).
bool may_go(const Resource& resource, const nlohmann::json& object);

// The name that a selectable field of this view has in the store.
std::string stored_field(const Resource& resource, const std::string& field);

// PartialObjectMetadata of an object.
nlohmann::json partial_metadata(const nlohmann::json& object);

// What a failure of the store means to the client.
Failure from_storage(const storage::Failure& failure, const Resource& resource, const storage::Key& key);

}  // namespace datamesh::apiserver
