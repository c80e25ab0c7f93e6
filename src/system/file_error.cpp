// bide/system: errors that name operation and path.
#include "system/worker_call.hpp"

namespace bide::detail {

std::string about(const char* operation, const std::string& path) {
    return std::string(operation) + " '" + path + "'";
}

void throw_file_error(int error, const char* operation, const std::string& path) {
    throw std::system_error(error, std::generic_category(), about(operation, path));
}

}  // namespace bide::detail
