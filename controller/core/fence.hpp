#pragma once
// The right to write to what others could write to as well, and until when. A leader's election gives it; whatever
// writes asks for it before each batch, and hands the term on to servers that can compare it.

#include <cstdint>
#include <string>

#include "controller/core/result.hpp"

namespace datamesh {

// One leadership of one control plane. Of one plane's terms the later has the greater epoch, also when the Lease was
// deleted in between. Epoch 0: nobody else can be at work, nothing is compared.
struct Term {
  std::string plane;  // names the control plane among all that may use a server: cluster and Lease
  std::int64_t epoch = 0;
  bool operator==(const Term&) const = default;
};

// Thread-safe.
class Fence {
 public:
  virtual ~Fence() = default;
  virtual Term term() const = 0;
  // Cancelled: the term is over, or may be by now; nothing may be written any more.
  virtual Result<void> may_write() const = 0;
};

// For a process that is alone by construction.
const Fence& unfenced();

}  // namespace datamesh
