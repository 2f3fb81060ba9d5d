#include "apiserver/schema/builtin_text.hpp"

namespace datamesh::apiserver {

const std::string_view builtin_text_access = R"text(
= rbac Role kind | Role is a namespaced, logical grouping of PolicyRules that can be referenced as a unit by a RoleBinding.
rules []PolicyRule atomic | Rules holds all the PolicyRules for this Role.
= rbac ClusterRole kind | ClusterRole is a cluster level, logical grouping of PolicyRules that can be referenced as a unit by a RoleBinding or ClusterRoleBinding.
aggregationRule AggregationRule | AggregationRule is an optional field that describes how to build the Rules for this ClusterRole.
rules []PolicyRule atomic | Rules holds all the PolicyRules for this ClusterRole.
= rbac AggregationRule | AggregationRule describes how to locate ClusterRoles to aggregate into the ClusterRole.
clusterRoleSelectors []meta.LabelSelector atomic | ClusterRoleSelectors holds a list of selectors which will be used to find ClusterRoles and create the rules.
= rbac PolicyRule | PolicyRule holds information that describes a policy rule, but does not contain information about who the rule applies to or which namespace the rule applies to.
apiGroups []string atomic | APIGroups is the name of the APIGroup that contains the resources. "" represents the core API group and "*" represents all API groups.
nonResourceURLs []string atomic | NonResourceURLs is a set of partial urls that a user should have access to. *s are allowed, but only as the full, final step in the path.
resourceNames []string atomic | ResourceNames is an optional white list of names that the rule applies to. An empty set means that everything is allowed.
resources []string atomic | Resources is a list of resources this rule applies to. '*' represents all resources.
verbs! []string atomic | Verbs is a list of Verbs that apply to ALL the ResourceKinds contained in this rule. '*' represents all verbs.
= rbac RoleBinding kind | RoleBinding references a role, but does not contain it. It can reference a Role in the same namespace or a ClusterRole in the global namespace.
roleRef! RoleRef | RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace. This field is immutable.
subjects []Subject atomic | Subjects holds references to the objects the role applies to.
= rbac ClusterRoleBinding kind | ClusterRoleBinding references a ClusterRole, but not contain it.
roleRef! RoleRef | RoleRef can only reference a ClusterRole in the global namespace. This field is immutable.
subjects []Subject atomic | Subjects holds references to the objects the role applies to.
= rbac RoleRef atomicmap | RoleRef contains information that points to the role being used.
apiGroup string | APIGroup is the group for the resource being referenced.
kind! string | Kind is the type of resource being referenced.
name! string | Name is the name of resource being referenced.
= rbac Subject atomicmap | Subject contains a reference to the object or user identities a role binding applies to.
apiGroup string | APIGroup holds the API group of the referenced subject. Defaults to "" for ServiceAccount subjects, to "rbac.authorization.k8s.io" for User and Group subjects.
kind! string | Kind of object being referenced. Values defined by this API group are "User", "Group", and "ServiceAccount".
name! string | Name of the object being referenced.
namespace string | Namespace of the referenced object. If the object kind is non-namespace, such as "User" or "Group", and this value is not empty the Authorizer should report an error.
= authorization SelfSubjectAccessReview kind | SelfSubjectAccessReview checks whether or the current user can perform an action.
spec! SelfSubjectAccessReviewSpec | Spec holds information about the request being evaluated. user and groups must be empty.
status SubjectAccessReviewStatus | Status is filled in by the server and indicates whether the request is allowed or not.
= authorization SelfSubjectAccessReviewSpec | SelfSubjectAccessReviewSpec is a description of the access request. Exactly one of ResourceAttributes and NonResourceAttributes must be set.
nonResourceAttributes NonResourceAttributes | NonResourceAttributes describes information for a non-resource access request.
resourceAttributes ResourceAttributes | ResourceAttributes describes information for a resource access request.
= authorization SubjectAccessReview kind | SubjectAccessReview checks whether or not a user or group can perform an action.
spec! SubjectAccessReviewSpec | Spec holds information about the request being evaluated.
status SubjectAccessReviewStatus | Status is filled in by the server and indicates whether the request is allowed or not.
= authorization LocalSubjectAccessReview kind | LocalSubjectAccessReview checks whether or not a user or group can perform an action in a given namespace.
spec! SubjectAccessReviewSpec | Spec holds information about the request being evaluated. spec.namespace must be equal to the namespace you made the request against.
status SubjectAccessReviewStatus | Status is filled in by the server and indicates whether the request is allowed or not.
= authorization SubjectAccessReviewSpec | SubjectAccessReviewSpec is a description of the access request.
extra map[]StringList | Extra corresponds to the user.Info.GetExtra() method from the authenticator.
groups []string atomic | Groups is the groups you're testing for.
nonResourceAttributes NonResourceAttributes | NonResourceAttributes describes information for a non-resource access request.
resourceAttributes ResourceAttributes | ResourceAttributes describes information for a resource access request.
uid string | UID information about the requesting user.
user string | User is the user you're testing for.
= authorization SubjectAccessReviewStatus | SubjectAccessReviewStatus is the answer to an access review.
allowed! bool | Allowed is required. True if the action would be allowed, false otherwise.
denied bool | Denied is optional. True if the action would be denied, otherwise false.
evaluationError string | EvaluationError is an indication that some error occurred during the authorization check.
reason string | Reason is optional. It indicates why a request was allowed or denied.
= authorization NonResourceAttributes | NonResourceAttributes includes the authorization attributes available for non-resource requests to the Authorizer interface.
path string | Path is the URL path of the request.
verb string | Verb is the standard HTTP verb.
= authorization ResourceAttributes | ResourceAttributes includes the authorization attributes available for resource requests to the Authorizer interface.
fieldSelector FieldSelectorAttributes | fieldSelector describes the limitation on access based on field. It can only limit access, not broaden it.
group string | Group is the API Group of the Resource. "*" means all.
labelSelector LabelSelectorAttributes | labelSelector describes the limitation on access based on labels. It can only limit access, not broaden it.
name string | Name is the name of the resource being requested for a "get" or deleted for a "delete". "" (empty) means all.
namespace string | Namespace is the namespace of the action being requested.
resource string | Resource is one of the existing resource types. "*" means all.
subresource string | Subresource is one of the existing resource types. "" means none.
verb string | Verb is a kubernetes resource API verb, like: get, list, watch, create, update, delete, proxy. "*" means all.
version string | Version is the API Version of the Resource. "*" means all.
= authorization FieldSelectorAttributes | FieldSelectorAttributes indicates a field limited access.
rawSelector string | rawSelector is the serialization of a field selector that would be included in a query parameter.
requirements []meta.FieldSelectorRequirement atomic | requirements is the parsed interpretation of a field selector.
= authorization LabelSelectorAttributes | LabelSelectorAttributes indicates a label limited access.
rawSelector string | rawSelector is the serialization of a label selector that would be included in a query parameter.
requirements []meta.LabelSelectorRequirement atomic | requirements is the parsed interpretation of a label selector.
= authorization SelfSubjectRulesReview kind | SelfSubjectRulesReview enumerates the set of actions the current user can perform within a namespace.
spec! SelfSubjectRulesReviewSpec | Spec holds information about the request being evaluated.
status SubjectRulesReviewStatus | Status is filled in by the server and indicates the set of actions a user can perform.
= authorization SelfSubjectRulesReviewSpec | SelfSubjectRulesReviewSpec defines the specification for SelfSubjectRulesReview.
namespace string | Namespace to evaluate rules for. Required.
= authorization SubjectRulesReviewStatus | SubjectRulesReviewStatus contains the result of a rules check.
evaluationError string | EvaluationError can appear in combination with Rules.
incomplete! bool | Incomplete is true when the rules returned by this call are incomplete.
nonResourceRules! []NonResourceRule atomic | NonResourceRules is the list of actions the subject is allowed to perform on non-resources.
resourceRules! []ResourceRule atomic | ResourceRules is the list of actions the subject is allowed to perform on resources.
= authorization NonResourceRule | NonResourceRule holds information that describes a rule for the non-resource.
nonResourceURLs []string atomic | NonResourceURLs is a set of partial urls that a user should have access to.
verbs! []string atomic | Verb is a list of kubernetes non-resource API verbs. "*" means all.
= authorization ResourceRule | ResourceRule is the list of actions the subject is allowed to perform on resources.
apiGroups []string atomic | APIGroups is the name of the APIGroup that contains the resources.
resourceNames []string atomic | ResourceNames is an optional white list of names that the rule applies to.
resources []string atomic | Resources is a list of resources this rule applies to.
verbs! []string atomic | Verb is a list of kubernetes resource API verbs. "*" means all.
= authentication TokenReview kind | TokenReview attempts to authenticate a token to a known user.
spec! TokenReviewSpec | Spec holds information about the request being evaluated.
status TokenReviewStatus | Status is filled in by the server and indicates whether the request can be authenticated.
= authentication TokenReviewSpec | TokenReviewSpec is a description of the token authentication request.
audiences []string atomic | Audiences is a list of the identifiers that the resource server presented with the token identifies as.
token string | Token is the opaque bearer token.
= authentication TokenReviewStatus | TokenReviewStatus is the result of the token authentication request.
audiences []string atomic | Audiences are audience identifiers chosen by the authenticator that are compatible with both the TokenReview and token.
authenticated bool | Authenticated indicates that the token was associated with a known user.
error string | Error indicates that the token couldn't be checked.
user UserInfo | User is the UserInfo associated with the provided token.
= authentication UserInfo | UserInfo holds the information about the user needed to implement the user.Info interface.
extra map[]StringList | Any additional information provided by the authenticator.
groups []string atomic | The names of groups this user is a part of.
uid string | A unique value that identifies this user across time.
username string | The name that uniquely identifies this user among all active users.
= authentication TokenRequest kind | TokenRequest requests a token for a given service account.
spec! TokenRequestSpec | Spec holds information about the request being evaluated.
status TokenRequestStatus | Status is filled in by the server and indicates whether the token can be authenticated.
= authentication TokenRequestSpec | TokenRequestSpec contains client provided parameters of a token request.
audiences []string atomic | Audiences are the intended audiences of the token.
boundObjectRef BoundObjectReference | BoundObjectRef is a reference to an object that the token will be bound to.
expirationSeconds int64 | ExpirationSeconds is the requested duration of validity of the request.
= authentication BoundObjectReference | BoundObjectReference is a reference to an object that a token is bound to.
apiVersion string | API version of the referent.
kind string | Kind of the referent. Valid kinds are 'Pod' and 'Secret'.
name string | Name of the referent.
uid string | UID of the referent.
= authentication TokenRequestStatus | TokenRequestStatus is the result of a token request.
expirationTimestamp! time | ExpirationTimestamp is the time of expiration of the returned token.
token! string | Token is the opaque bearer token.
= authentication SelfSubjectReview kind | SelfSubjectReview contains the user information that the kube-apiserver has about the user making this request.
status SelfSubjectReviewStatus | Status is filled in by the server with the user attributes.
= authentication SelfSubjectReviewStatus | SelfSubjectReviewStatus is filled by the kube-apiserver and sent back to a user.
userInfo UserInfo | User attributes of the user making this request.
)text";

const std::string_view builtin_text_extensions = R"text(
= extensions CustomResourceDefinition kind | CustomResourceDefinition represents a resource that should be exposed on the API server. Its name MUST be in the format <.spec.name>.<.spec.group>.
spec! CustomResourceDefinitionSpec | spec describes how the user wants the resources to appear.
status CustomResourceDefinitionStatus | status indicates the actual state of the CustomResourceDefinition.
= extensions CustomResourceDefinitionSpec | CustomResourceDefinitionSpec describes how a user wants their resource to appear.
conversion CustomResourceConversion | conversion defines conversion settings for the CRD.
group! string | group is the API group of the defined custom resource. Must match the name of the CustomResourceDefinition.
names! CustomResourceDefinitionNames | names specify the resource and kind names for the custom resource.
preserveUnknownFields bool | preserveUnknownFields indicates that object fields which are not specified in the OpenAPI schema should be preserved when persisting to storage. Deprecated.
scope! string | scope indicates whether the defined custom resource is cluster- or namespace-scoped. Allowed values are `Cluster` and `Namespaced`.
versions! []CustomResourceDefinitionVersion atomic | versions is the list of all API versions of the defined custom resource.
= extensions CustomResourceConversion | CustomResourceConversion describes how to convert different versions of a CR.
strategy! string | strategy specifies how custom resources are converted between versions. Allowed values are `None` and `Webhook`.
webhook any | webhook describes how to call the conversion webhook. Required when `strategy` is set to `Webhook`.
= extensions CustomResourceDefinitionNames | CustomResourceDefinitionNames indicates the names to serve this CustomResourceDefinition.
categories []string atomic | categories is a list of grouped resources this custom resource belongs to (e.g. 'all').
kind! string | kind is the serialized kind of the resource. It is normally CamelCase and singular.
listKind string | listKind is the serialized kind of the list for this resource. Defaults to "`kind`List".
plural! string | plural is the plural name of the resource to serve.
shortNames []string atomic | shortNames are short names for the resource, exposed in API discovery documents.
singular string | singular is the singular name of the resource. It must be all lowercase. Defaults to lowercased `kind`.
= extensions CustomResourceDefinitionVersion | CustomResourceDefinitionVersion describes a version for CRD.
additionalPrinterColumns []CustomResourceColumnDefinition atomic | additionalPrinterColumns specifies additional columns returned in Table output.
deprecated bool | deprecated indicates this version of the custom resource API is deprecated.
deprecationWarning string | deprecationWarning overrides the default warning returned to API clients.
name! string | name is the version name, e.g. "v1", "v2beta1", etc.
schema CustomResourceValidation | schema describes the schema used for validation, pruning, and defaulting of this version of the custom resource.
selectableFields []SelectableField atomic | selectableFields specifies paths to fields that may be used as field selectors.
served! bool | served is a flag enabling/disabling this version from being served via REST APIs.
storage! bool | storage indicates this version should be used when persisting custom resources to storage. There must be exactly one version with storage=true.
subresources CustomResourceSubresources | subresources specify what subresources this version of the defined custom resource have.
= extensions CustomResourceColumnDefinition | CustomResourceColumnDefinition specifies a column for server side printing.
description string | description is a human readable description of this column.
format string | format is an optional OpenAPI type definition for this column.
jsonPath! string | jsonPath is a simple JSON path (i.e. with array notation) which is evaluated against each custom resource to produce the value for this column.
name! string | name is a human readable name for the column.
priority int32 | priority is an integer defining the relative importance of this column compared to others. Columns that may be omitted in limited space scenarios should be given a priority greater than 0.
type! string | type is an OpenAPI type definition for this column.
= extensions SelectableField | SelectableField specifies the JSON path of a field that may be used with field selectors.
jsonPath! string | jsonPath is a simple JSON path which is evaluated against each custom resource to produce a field selector value.
= extensions CustomResourceSubresources | CustomResourceSubresources defines the status and scale subresources for CustomResources.
scale CustomResourceSubresourceScale | scale indicates the custom resource should serve a `/scale` subresource that returns an `autoscaling/v1` Scale object.
status any | status indicates the custom resource should serve a `/status` subresource.
= extensions CustomResourceSubresourceScale | CustomResourceSubresourceScale defines how to serve the scale subresource for CustomResources.
labelSelectorPath string | labelSelectorPath defines the JSON path inside of a custom resource that corresponds to Scale `status.selector`.
specReplicasPath! string | specReplicasPath defines the JSON path inside of a custom resource that corresponds to Scale `spec.replicas`.
statusReplicasPath! string | statusReplicasPath defines the JSON path inside of a custom resource that corresponds to Scale `status.replicas`.
= extensions CustomResourceValidation | CustomResourceValidation is a list of validation methods for CustomResources.
openAPIV3Schema JSONSchemaProps | openAPIV3Schema is the OpenAPI v3 schema to use for validation and pruning.
= extensions CustomResourceDefinitionStatus | CustomResourceDefinitionStatus indicates the state of the CustomResourceDefinition.
acceptedNames CustomResourceDefinitionNames | acceptedNames are the names that are actually being used to serve discovery.
conditions []CustomResourceDefinitionCondition keys=type | conditions indicate state for particular aspects of a CustomResourceDefinition.
storedVersions []string atomic | storedVersions lists all versions of CustomResources that were ever persisted.
= extensions CustomResourceDefinitionCondition | CustomResourceDefinitionCondition contains details for the current condition of this CustomResourceDefinition.
lastTransitionTime time | lastTransitionTime last time the condition transitioned from one status to another.
message string | message is a human-readable message indicating details about last transition.
reason string | reason is a unique, one-word, CamelCase reason for the condition's last transition.
status! string | status is the status of the condition. Can be True, False, Unknown.
type! string | type is the type of the condition. Types include Established, NamesAccepted and Terminating.
= extensions JSONSchemaProps | JSONSchemaProps is a JSON-Schema following Specification Draft 4 (http://json-schema.org/).
$ref string | A reference; not allowed in structural schemas.
$schema string | The dialect of the schema.
additionalItems any | A schema or a boolean; not allowed in structural schemas.
additionalProperties any | A schema, or a boolean: what unnamed properties look like.
allOf []JSONSchemaProps atomic | All of these schemas must hold.
anyOf []JSONSchemaProps atomic | At least one of these schemas must hold.
default any | default is a default value for undefined object fields.
definitions map[]JSONSchemaProps | Not allowed in structural schemas.
dependencies any | Not allowed in structural schemas.
description string | What the value is for.
enum []any atomic | The values allowed.
example any | An example of a value.
exclusiveMaximum bool | Whether the maximum itself is excluded.
exclusiveMinimum bool | Whether the minimum itself is excluded.
externalDocs any | Further documentation.
format string | format is an OpenAPI v3 format string. Unknown formats are ignored.
id string | Not allowed in structural schemas.
items any | The schema of the items of an array.
maxItems int64 | The most items an array may have.
maxLength int64 | The most characters a string may have.
maxProperties int64 | The most properties an object may have.
maximum number | The greatest number allowed.
minItems int64 | The fewest items an array may have.
minLength int64 | The fewest characters a string may have.
minProperties int64 | The fewest properties an object may have.
minimum number | The least number allowed.
multipleOf number | Numbers must be a multiple of this.
not JSONSchemaProps | This schema must not hold.
nullable bool | Whether null is a value.
oneOf []JSONSchemaProps atomic | Exactly one of these schemas must hold.
pattern string | A regular expression that strings must match.
patternProperties map[]JSONSchemaProps | Not allowed in structural schemas.
properties map[]JSONSchemaProps | The schemas of the properties of an object.
required []string atomic | The properties that must be present.
title string | A short title.
type string | The type of the value: object, array, string, integer, number or boolean.
uniqueItems bool | Not allowed in structural schemas.
x-kubernetes-embedded-resource bool | x-kubernetes-embedded-resource defines that the value is an embedded Kubernetes runtime.Object, with TypeMeta and ObjectMeta.
x-kubernetes-int-or-string bool | x-kubernetes-int-or-string specifies that this value is either an integer or a string.
x-kubernetes-list-map-keys []string atomic | x-kubernetes-list-map-keys annotates an array with the x-kubernetes-list-type `map` by specifying the keys used as the index of the map.
x-kubernetes-list-type string | x-kubernetes-list-type annotates an array to further describe its topology: atomic, set or map.
x-kubernetes-map-type string | x-kubernetes-map-type annotates an object to further describe its topology: granular or atomic.
x-kubernetes-preserve-unknown-fields bool | x-kubernetes-preserve-unknown-fields stops the API server decoding step from pruning fields which are not specified in the validation schema.
x-kubernetes-validations []ValidationRule keys=rule mergekey=rule merge | x-kubernetes-validations describes a list of validation rules written in the CEL expression language.
= extensions ValidationRule | ValidationRule describes a validation rule written in the CEL expression language.
fieldPath string | fieldPath represents the field path returned when the validation fails.
message string | Message represents the message displayed when validation fails.
messageExpression string | MessageExpression declares a CEL expression that evaluates to the validation failure message.
optionalOldSelf bool | optionalOldSelf is used to opt a transition rule into evaluation even when the object is first created.
reason string | reason provides a machine-readable validation failure reason.
rule! string | Rule represents the expression which will be evaluated by CEL.
)text";

}  // namespace datamesh::apiserver
