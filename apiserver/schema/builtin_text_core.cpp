#include "apiserver/schema/builtin_text.hpp"

namespace datamesh::apiserver {

const std::string_view builtin_text_meta = R"text(
= meta ObjectMeta | ObjectMeta is metadata that all persisted resources must have, which includes all objects users must create.
annotations map[]string | Annotations is an unstructured key value map stored with a resource that may be set by external tools to store and retrieve arbitrary metadata. They are not queryable and should be preserved when modifying objects.
creationTimestamp time | CreationTimestamp is the server time when this object was created. Populated by the system. Read-only.
deletionGracePeriodSeconds int64 | Number of seconds allowed for this object to gracefully terminate before it will be removed from the system. Read-only.
deletionTimestamp time | DeletionTimestamp is the time at which this resource will be deleted. It is set by the server when a graceful deletion is requested by the user. Read-only.
finalizers []string set merge | Must be empty before the object is deleted from the registry. Each entry is an identifier for the responsible component that will remove the entry from the list.
generateName string | GenerateName is an optional prefix, used by the server to generate a unique name only if the Name field has not been provided.
generation int64 | A sequence number representing a specific generation of the desired state. Populated by the system. Read-only.
labels map[]string | Map of string keys and values that can be used to organize and categorize (scope and select) objects.
managedFields []ManagedFieldsEntry atomic | ManagedFields maps a field manager to the set of fields it owns. Mostly for internal housekeeping; users typically should not need to set or understand it.
name string | Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Cannot be updated.
namespace string | Namespace defines the space within which each name must be unique. An empty namespace is equivalent to the "default" namespace. Cannot be updated.
ownerReferences []OwnerReference keys=uid mergekey=uid merge | List of objects depended on by this object. If all objects in the list have been deleted, this object will be garbage collected.
resourceVersion string | An opaque value that represents the internal version of this object, to be used by clients to determine when objects have changed. Populated by the system. Read-only.
selfLink string | Deprecated: selfLink is a legacy read-only field that is no longer populated by the system.
uid string | UID is the unique in time and space value for this object. Populated by the system. Read-only.
= meta OwnerReference atomicmap | OwnerReference contains enough information to let you identify an owning object.
apiVersion! string | API version of the referent.
blockOwnerDeletion bool | If true, and if the owner has the "foregroundDeletion" finalizer, then the owner cannot be deleted from the key-value store until this reference is removed.
controller bool | If true, this reference points to the managing controller.
kind! string | Kind of the referent.
name! string | Name of the referent.
uid! string | UID of the referent.
= meta ManagedFieldsEntry | ManagedFieldsEntry is a workflow-id, a FieldSet and the group version of the resource that the fieldset applies to.
apiVersion string | APIVersion defines the version of this resource that this field set applies to, "group/version".
fieldsType string | FieldsType is the discriminator for the different fields format and version. There is currently only one possible value: "FieldsV1".
fieldsV1 any | FieldsV1 holds the first JSON version format as described in the "FieldsV1" type.
manager string | Manager is an identifier of the workflow managing these fields.
operation string | Operation is the type of operation which led to this ManagedFieldsEntry being created: 'Apply' or 'Update'.
subresource string | Subresource is the name of the subresource used to update that object, or empty string if the object was updated through the main resource.
time time | Time is the timestamp of when the ManagedFields entry was added, or last changed.
= meta ListMeta | ListMeta describes metadata that synthetic resources must have, including lists and various status objects.
continue string | continue may be set if the user set a limit on the number of items returned, and indicates that the server has more data available.
remainingItemCount int64 | remainingItemCount is the number of subsequent items in the list which are not included in this list response.
resourceVersion string | String that identifies the server's internal version of this object. Read-only.
selfLink string | Deprecated: selfLink is a legacy read-only field that is no longer populated by the system.
= meta DeleteOptions | DeleteOptions may be provided when deleting an API object.
apiVersion string | APIVersion defines the versioned schema of this representation of an object.
dryRun []string atomic | When present, indicates that modifications should not be persisted. Valid value: All.
gracePeriodSeconds int64 | The duration in seconds before the object should be deleted.
ignoreStoreReadErrorWithClusterBreakingPotential bool | Delete the object even if it can't be read from the storage. Unsafe.
kind string | Kind is a string value representing the REST resource this object represents.
orphanDependents bool | Deprecated: please use the PropagationPolicy.
preconditions Preconditions | Must be fulfilled before a deletion is carried out. If not possible, a 409 Conflict status will be returned.
propagationPolicy string | Whether and how garbage collection will be performed: 'Orphan', 'Background' or 'Foreground'.
= meta Preconditions | Preconditions must be fulfilled before an operation (update, delete, etc.) is carried out.
resourceVersion string | Specifies the target ResourceVersion.
uid string | Specifies the target UID.
= meta Status | Status is a return value for calls that don't return other objects.
apiVersion string | APIVersion defines the versioned schema of this representation of an object.
code int32 | Suggested HTTP return code for this status, 0 if not set.
details StatusDetails | Extended data associated with the reason.
kind string | Kind is a string value representing the REST resource this object represents.
message string | A human-readable description of the status of this operation.
metadata ListMeta | Standard list metadata.
reason string | A machine-readable description of why this operation is in the "Failure" status.
status string | Status of the operation. One of: "Success" or "Failure".
= meta StatusDetails | StatusDetails is a set of additional properties that MAY be set by the server to provide additional information about a response.
causes []StatusCause atomic | The Causes array includes more details associated with the StatusReason failure.
group string | The group attribute of the resource associated with the status StatusReason.
kind string | The kind attribute of the resource associated with the status StatusReason.
name string | The name attribute of the resource associated with the status StatusReason.
retryAfterSeconds int32 | If specified, the time in seconds before the operation should be retried.
uid string | UID of the resource.
= meta StatusCause | StatusCause provides more information about an api.Status failure, including cases when multiple errors are encountered.
field string | The field of the resource that has caused this error, as named by its JSON serialization.
message string | A human-readable description of the cause of the error.
reason string | A machine-readable description of the cause of the error.
= meta LabelSelector atomicmap | A label selector is a label query over a set of resources. The result of matchLabels and matchExpressions are ANDed.
matchExpressions []LabelSelectorRequirement atomic | matchExpressions is a list of label selector requirements. The requirements are ANDed.
matchLabels map[]string | matchLabels is a map of {key,value} pairs.
= meta LabelSelectorRequirement | A label selector requirement is a selector that contains values, a key, and an operator that relates the key and values.
key! string | key is the label key that the selector applies to.
operator! string | operator represents a key's relationship to a set of values: In, NotIn, Exists or DoesNotExist.
values []string atomic | values is an array of string values.
= meta FieldSelectorRequirement | FieldSelectorRequirement is a selector that contains values, a key, and an operator that relates the key and values.
key! string | key is the field selector key that the requirement applies to.
operator! string | operator represents a key's relationship to a set of values.
values []string atomic | values is an array of string values.
= meta WatchEvent | Event represents a single event to a watched resource.
object! any | Object is the changed object, or a Status for an ERROR.
type! string | ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.
)text";

const std::string_view builtin_text_core = R"text(
= core Namespace kind | Namespace provides a scope for Names. Use of multiple namespaces is optional.
spec NamespaceSpec | Spec defines the behavior of the Namespace.
status NamespaceStatus | Status describes the current status of a Namespace.
= core NamespaceSpec | NamespaceSpec describes the attributes on a Namespace.
finalizers []string atomic | Finalizers is an opaque list of values that must be empty to permanently remove object from storage.
= core NamespaceStatus | NamespaceStatus is information about the current status of a Namespace.
conditions []NamespaceCondition keys=type mergekey=type merge | Represents the latest available observations of a namespace's current state.
phase string | Phase is the current lifecycle phase of the namespace: Active or Terminating.
= core NamespaceCondition | NamespaceCondition contains details about state of namespace.
lastTransitionTime time | Last time the condition transitioned from one status to another.
message string | Human-readable message indicating details about last transition.
reason string | Unique, one-word, CamelCase reason for the condition's last transition.
status! string | Status of the condition, one of True, False, Unknown.
type! string | Type of namespace controller condition.
= core Secret kind | Secret holds secret data of a certain type. The total bytes of the values in the Data field must be less than MaxSecretSize bytes.
data map[]bytes | Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The serialized form of the secret data is a base64 encoded string.
immutable bool | Immutable, if set to true, ensures that data stored in the Secret cannot be updated (only object metadata can be modified).
stringData map[]string | stringData allows specifying non-binary secret data in string form. It is provided as a write-only input field for convenience.
type string | Used to facilitate programmatic handling of secret data.
= core ConfigMap kind | ConfigMap holds configuration data for pods to consume.
binaryData map[]bytes | BinaryData contains the binary data. The keys must not overlap with the ones in the Data field.
data map[]string | Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'.
immutable bool | Immutable, if set to true, ensures that data stored in the ConfigMap cannot be updated (only object metadata can be modified).
= core ServiceAccount kind | ServiceAccount binds together a name, understood by users and perhaps by peripheral systems, for an identity; a principal that can be authenticated and authorized; a set of secrets.
automountServiceAccountToken bool | AutomountServiceAccountToken indicates whether pods running as this service account should have an API token automatically mounted.
imagePullSecrets []LocalObjectReference atomic | ImagePullSecrets is a list of references to secrets in the same namespace to use for pulling any images.
secrets []ObjectReference keys=name mergekey=name merge | Secrets is a list of the secrets in the same namespace that pods running using this ServiceAccount are allowed to use.
= core LocalObjectReference atomicmap | LocalObjectReference contains enough information to let you locate the referenced object inside the same namespace.
name string | Name of the referent.
= core ObjectReference atomicmap | ObjectReference contains enough information to let you inspect or modify the referred object.
apiVersion string | API version of the referent.
fieldPath string | If referring to a piece of an object instead of an entire object, a valid JSON/Go field access statement.
kind string | Kind of the referent.
name string | Name of the referent.
namespace string | Namespace of the referent.
resourceVersion string | Specific resourceVersion to which this reference is made, if any.
uid string | UID of the referent.
= core Event kind | Event is a report of an event somewhere in the cluster. Events have a limited retention time and triggers and messages may evolve with time.
action string | What action was taken/failed regarding to the Regarding object.
count int32 | The number of times this event has occurred.
eventTime microtime | Time when this Event was first observed.
firstTimestamp time | The time at which the event was first recorded.
involvedObject! ObjectReference | The object that this event is about.
lastTimestamp time | The time at which the most recent occurrence of this event was recorded.
message string | A human-readable description of the status of this operation.
reason string | This should be a short, machine understandable string that gives the reason for the transition into the object's current status.
related ObjectReference | Optional secondary object for more complex actions.
reportingComponent string | Name of the controller that emitted this Event, e.g. `kubernetes.io/kubelet`.
reportingInstance string | ID of the controller instance, e.g. `kubelet-xyzf`.
series EventSeries | Data about the Event series this event represents or nil if it's a singleton Event.
source EventSource | The component reporting this event.
type string | Type of this event (Normal, Warning), new types could be added in the future.
= core EventSeries | EventSeries contain information on series of events, i.e. thing that was/is happening continuously for some time.
count int32 | Number of occurrences in this series up to the last heartbeat time.
lastObservedTime microtime | Time of the last occurrence observed.
= core EventSource | EventSource contains information for an event.
component string | Component from which the event is generated.
host string | Node name on which the event is generated.
= core ResourceQuota kind | ResourceQuota sets aggregate quota restrictions enforced per namespace.
spec ResourceQuotaSpec | Spec defines the desired quota.
status ResourceQuotaStatus | Status defines the actual enforced quota and its current usage.
= core ResourceQuotaSpec | ResourceQuotaSpec defines the desired hard limits to enforce for Quota.
hard map[]quantity | hard is the set of desired hard limits for each named resource.
scopeSelector ScopeSelector | scopeSelector is also a collection of filters like scopes that must match each object tracked by a quota.
scopes []string atomic | A collection of filters that must match each object tracked by a quota.
= core ScopeSelector atomicmap | A scope selector represents the AND of the selectors represented by the scoped-resource selector requirements.
matchExpressions []ScopedResourceSelectorRequirement atomic | A list of scope selector requirements by scope of the resources.
= core ScopedResourceSelectorRequirement | A selector that contains values, a scope name, and an operator that relates the scope name and values.
operator! string | Represents a scope's relationship to a set of values.
scopeName! string | The name of the scope that the selector applies to.
values []string atomic | An array of string values.
= core ResourceQuotaStatus | ResourceQuotaStatus defines the enforced hard limits and observed use.
hard map[]quantity | Hard is the set of enforced hard limits for each named resource.
used map[]quantity | Used is the current observed total usage of the resource in the namespace.
= events Event kind | Event is a report of an event somewhere in the cluster. It generally denotes some state change in the system.
action string | action is what action was taken/failed regarding to the regarding object.
deprecatedCount int32 | deprecatedCount is the deprecated field assuring backward compatibility with core.v1 Event type.
deprecatedFirstTimestamp time | deprecatedFirstTimestamp is the deprecated field assuring backward compatibility with core.v1 Event type.
deprecatedLastTimestamp time | deprecatedLastTimestamp is the deprecated field assuring backward compatibility with core.v1 Event type.
deprecatedSource core.EventSource | deprecatedSource is the deprecated field assuring backward compatibility with core.v1 Event type.
eventTime! microtime | eventTime is the time when this Event was first observed. It is required.
note string | note is a human-readable description of the status of this operation. Maximal length of the note is 1kB.
reason string | reason is why the action was taken. It is human-readable.
regarding core.ObjectReference | regarding contains the object this Event is about.
related core.ObjectReference | related is the optional secondary object for more complex actions.
reportingController string | reportingController is the name of the controller that emitted this Event, e.g. `kubernetes.io/kubelet`.
reportingInstance string | reportingInstance is the ID of the controller instance, e.g. `kubelet-xyzf`.
series EventSeries | series is data about the Event series this event represents or nil if it's a singleton Event.
type string | type is the type of this event (Normal, Warning), new types could be added in the future.
= events EventSeries | EventSeries contain information on series of events, i.e. thing that was/is happening continuously for some time.
count! int32 | count is the number of occurrences in this series up to the last heartbeat time.
lastObservedTime! microtime | lastObservedTime is the time when last Event from the series was seen before last heartbeat.
= coordination Lease kind | Lease defines a lease concept.
spec LeaseSpec | spec contains the specification of the Lease.
= coordination LeaseSpec | LeaseSpec is a specification of a Lease.
acquireTime microtime | acquireTime is a time when the current lease was acquired.
holderIdentity string | holderIdentity contains the identity of the holder of a current lease.
leaseDurationSeconds int32 | leaseDurationSeconds is a duration that candidates for a lease need to wait to force acquire it. This is measured against the time of last observed renewTime.
leaseTransitions int32 | leaseTransitions is the number of transitions of a lease between holders.
preferredHolder string | PreferredHolder signals to a lease holder that the lease has a more optimal holder and should be given up.
renewTime microtime | renewTime is a time when the current holder of a lease has last updated the lease.
strategy string | Strategy indicates the strategy for picking the leader for coordinated leader election.
)text";

}  // namespace datamesh::apiserver
