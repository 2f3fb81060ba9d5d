#pragma once
// What a workload means in PostgreSQL. Pure.
//
//   domain        role d_<domain> (NOLOGIN)
//   member        role m_<domain>__<user>; of a producer also a membership in d_<domain>
//   product       role p_<domain>__<product> (NOLOGIN), its membership given to d_<domain>
//   port          schema <domain>__<port>_v<major>, its tables, owned by p_...
//   port's role   role op_<domain>__<port>_v<major>__<role> (NOLOGIN), USAGE on the schema, SELECT on columns
//   access        role s_<namespace>__<name>, its memberships in the op_... of its contract roles

#include "controller/plan/plan.hpp"
#include "drivers/postgres/spec.hpp"
#include "mesh/workload.hpp"

namespace datamesh::postgres {

// A table that cannot be made as declared is in there with the reason (TableBody::refused). Two ports that would have
// the same schema are both held: nothing of theirs is changed.
Desired<Spec> desired(const mesh::Workload& workload);

}  // namespace datamesh::postgres
