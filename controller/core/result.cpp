#include "controller/core/result.hpp"

namespace datamesh {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::Invalid:
      return "Invalid";
    case Code::NotFound:
      return "NotFound";
    case Code::Conflict:
      return "Conflict";
    case Code::Denied:
      return "Denied";
    case Code::Unavailable:
      return "Unavailable";
    case Code::Cancelled:
      return "Cancelled";
    case Code::Internal:
      return "Internal";
  }
  return "Internal";
}

Error with_context(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return error;
}

}  // namespace datamesh
