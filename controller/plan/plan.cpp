#include "controller/plan/plan.hpp"

namespace datamesh {

std::string_view to_string(Verb verb) {
  switch (verb) {
    case Verb::Create:
      return "create";
    case Verb::Update:
      return "update";
    case Verb::Delete:
      return "delete";
    case Verb::Release:
      return "release";
    case Verb::Hold:
      return "hold";
  }
  return "hold";
}

std::string_view to_string(HoldReason reason) {
  switch (reason) {
    case HoldReason::None:
      return "";
    case HoldReason::WritesOff:
      return "WritesOff";
    case HoldReason::Paused:
      return "Paused";
    case HoldReason::TooManyDeletes:
      return "TooManyDeletes";
    case HoldReason::BackingOff:
      return "BackingOff";
    case HoldReason::OwnedByOther:
      return "OwnedByOther";
    case HoldReason::NotOurs:
      return "NotOurs";
    case HoldReason::Unseen:
      return "Unseen";
    case HoldReason::OwnerInvalid:
      return "OwnerInvalid";
    case HoldReason::Waiting:
      return "Waiting";
  }
  return "";
}

}  // namespace datamesh
