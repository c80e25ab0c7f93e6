// bide/os: memory without a name that processes share.
#include "os/shared_segment.hpp"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace bide::detail::sys {

namespace {

[[noreturn]] void fail(const char* call) {
    throw std::system_error(errno, std::generic_category(), std::string("shared memory: ") + call);
}

}  // namespace

shared_segment::shared_segment(std::size_t size)
    : file_(::memfd_create("bide process pool", MFD_CLOEXEC)), size_(size) {
    if (!file_) fail("memfd_create");
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) fail("ftruncate");
    map();
}

shared_segment::shared_segment(unique_fd file) : file_(std::move(file)) {
    struct ::stat found{};
    if (::fstat(file_.get(), &found) != 0) fail("fstat");
    size_ = static_cast<std::size_t>(found.st_size);
    map();
}

shared_segment::shared_segment(shared_segment&& other) noexcept
    : file_(std::move(other.file_)), at_(std::exchange(other.at_, nullptr)), size_(other.size_) {}

void shared_segment::map() {
    void* const at =
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file_.get(), 0);
    if (at == MAP_FAILED) fail("mmap");
    at_ = static_cast<std::byte*>(at);
    ::madvise(at, size_, MADV_DONTDUMP);
}

shared_segment::~shared_segment() {
    if (at_ != nullptr) ::munmap(at_, size_);
}

void shared_segment::discard(std::size_t offset, std::size_t size) const noexcept {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t begin = (offset + page - 1) / page * page;
    const std::size_t end = (offset + size) / page * page;
    if (end <= begin) return;
    ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
                static_cast<off_t>(end - begin));
}

}  // namespace bide::detail::sys
