-- Health of the mesh's objects for Argo CD, by the conditions that kstatus goes by, too. One script for all kinds.
local hs = {status = "Progressing", message = "waiting to be looked at"}
local metadata, status = obj.metadata, obj.status or {}

if metadata.deletionTimestamp ~= nil then
  hs.message = "what it gave is being taken back"
  return hs
end
if metadata.annotations ~= nil and metadata.annotations["datamesh.dev/reconcile"] == "paused" then
  hs.status, hs.message = "Suspended", "paused by the annotation datamesh.dev/reconcile"
  return hs
end
if status.observedGeneration == nil or status.observedGeneration ~= metadata.generation then
  return hs
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function is_true(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end
local function words(name)
  local condition = conditions[name] or {}
  local message = condition.message or ""
  if message == "" then
    return condition.reason or ""
  end
  return (condition.reason or "") .. ": " .. message
end

if is_true("Stalled") then
  hs.status, hs.message = "Degraded", words("Stalled")
elseif is_true("Ready") then
  hs.status, hs.message = "Healthy", ""
elseif (conditions.Approved or {}).reason == "AwaitingApproval" then
  hs.status, hs.message = "Suspended", words("Approved")
elseif conditions.Ready ~= nil then
  hs.message = words("Ready")
end
return hs
