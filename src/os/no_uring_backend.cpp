// bide/os: what stands in for the ring backend where bide was built without liburing.
#include "os/backend.hpp"

namespace bide::detail {

#if !defined(BIDE_HAVE_LIBURING)
std::unique_ptr<backend> make_uring_backend(std::string& why, bool) {
    why = "bide was built without liburing";
    return nullptr;
}
#endif

}  // namespace bide::detail
