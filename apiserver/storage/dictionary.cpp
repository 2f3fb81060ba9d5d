#include "apiserver/storage/dictionary.hpp"

namespace datamesh::apiserver::storage {
namespace {

// Keys in the order of sorted JSON; what is met most often comes last, where references to it are shortest.
constexpr std::string_view first =
    R"("addressType":"IPv4","automountServiceAccountToken":"rules":[{"apiGroups":["resources":["verbs":["get","list","watch","create","update","patch","delete"]}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","subjects":[{"kind":"ServiceAccount","openAPIV3Schema":{"description":"properties":{"required":["x-kubernetes-validations":)"
    R"("apiVersion":"coordination.k8s.io/v1","kind":"Lease","spec":{"holderIdentity":"leaseDurationSeconds":15,"leaseTransitions":0,"renewTime":"acquireTime":"action":"Reconcile","eventTime":"note":"regarding":{"apiVersion":"reportingController":"datamesh","reportingInstance":"type":"Normal"}"type":"Warning"}"kind":"Secret","data":{"host":"port":"database":"username":"password":"uri":"provider":"type":"Opaque"}"type":"servicebinding.io/postgresql"}"apiVersion":"v1","data":{"kind":"ConfigMap","kind":"Namespace","spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}})"
    R"("decision":"Approved","level":1,"approver":"subscriptionRef":{"name":"consumer":{"dataProductRef":{"name":"endTimestamp":"outputPort":{"name":"version":"1"}},"provider":{"dataProductRef":{"name":"namespace":"roles":[{"role":"readable":{"binding":{"name":"phase":"Pending","phase":"Active")"
    R"("inputPorts":[{"contractId":"name":"provisioning":{"subscriptionRef":{"name":"outputPorts":[{"contractId":"name":"provisioning":{"backend":"warehouse","contractRef":{"name":"deletionPolicy":"Retain"},"type":"tables","version":"1.0.0"},{"type":"topic","version":"1.2.0"}],"lifecycle":"active","limitations":"purpose":"usage":)"
    R"("schema":[{"name":"physicalType":"table","properties":[{"classification":"internal","logicalType":"string","name":"physicalType":"text","primaryKey":true,"primaryKeyPosition":1,"required":true},{"classification":"restricted","logicalType":"timestamp","physicalType":"timestamptz"},{"logicalType":"integer","logicalType":"number","logicalType":"boolean","physicalType":"uuid","slaProperties":[{"element":"property":"latency","unit":"h","value":1}],"team":{"members":[{"role":"owner","username":"customProperties":[{"property":"value":)"
    R"("ownerReferences":[{"apiVersion":"blockOwnerDeletion":true,"controller":true,"kind":"name":"uid":"}],"finalizers":["datamesh.dev/cleanup"],"deletionGracePeriodSeconds":0,"deletionTimestamp":"annotations":{"datamesh.dev/reconcile":"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"datamesh.dev/v1alpha1\",\"kind\":\"DataProduct\",\"metadata\":{\"annotations\":{},\"name\":\"\",\"namespace\":\"\"},\"spec\":{)"
    R"("labels":{"app.kubernetes.io/managed-by":"app.kubernetes.io/name":"app.kubernetes.io/part-of":"datamesh.dev/domain":"kubernetes.io/metadata.name":"managedFields":[{"apiVersion":"datamesh.dev/v1alpha1","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}},"f:finalizers":{".":{},"v:\"datamesh.dev/cleanup\"":{}},"f:labels":{".":{},"f:app.kubernetes.io/managed-by":{}},"f:ownerReferences":{".":{},"k:{\"uid\":\"\"}":{}}},"f:data":{".":{},"f:type":{},"f:spec":{".":{},"f:description":{".":{},"f:purpose":{}},"f:domain":{},"f:id":{},"f:lifecycle":{},"f:name":{},"f:outputPorts":{},"f:version":{}}},"manager":"kubectl-client-side-apply","operation":"Update","time":"2026-01-01T00:00:00Z"},)"
    R"({"apiVersion":"datamesh.dev/v1alpha1","fieldsType":"FieldsV1","fieldsV1":{"f:status":{".":{},"f:conditions":{".":{},"k:{\"type\":\"Ready\"}":{".":{},"f:lastTransitionTime":{},"f:message":{},"f:observedGeneration":{},"f:reason":{},"f:status":{},"f:type":{}}},"f:observedGeneration":{}}},"manager":"datamesh","operation":"Apply","subresource":"status","time":"2026-01-01T00:00:00Z"}],)"
    R"("status":{"conditions":[{"lastTransitionTime":"2026-01-01T00:00:00Z","message":"","observedGeneration":1,"reason":"ContractValid","status":"True","type":"ContractValid"},{"reason":"PolicyCompliant","status":"False","type":"PolicyCompliant"},{"reason":"Provisioned","status":"Unknown","type":"Provisioned"},{"reason":"Ready","status":"True","type":"Ready"}],"observedGeneration":1}})"
    R"({"apiVersion":"datamesh.dev/v1alpha1","kind":"DataContract","kind":"Subscription","kind":"Approval","kind":"DataProduct","metadata":{"annotations":{"creationTimestamp":"2026-01-01T00:00:00Z","generateName":"generation":1,"name":"namespace":"resourceVersion":"","uid":"},"spec":{"description":{"purpose":"domain":"id":"name":"version":"1.0.0"},"status":{)";

}  // namespace

std::string_view dictionary(int number) {
  return number == 1 ? first : std::string_view();
}

}  // namespace datamesh::apiserver::storage
