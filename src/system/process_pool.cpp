// bide/system: process_pool, the public face of pool_core.
#include <bide/process_pool.hpp>

#include <csignal>

#include "system/pool_core.hpp"
#include "system/pool_serve.hpp"

namespace bide {

broken_process_pool::broken_process_pool(const std::string& what) : broken_executor(what) {}
broken_process_pool::~broken_process_pool() = default;

remote_error::remote_error(std::string type_name, const std::string& what)
    : std::runtime_error(what), type_name_(std::move(type_name)) {}
remote_error::~remote_error() = default;

process_pool_full::process_pool_full(std::size_t limit)
    : text_("process_pool: " + std::to_string(limit) +
            " calls are pending; await some of them, or raise process_pool_options::max_pending()") {}
process_pool_full::~process_pool_full() = default;

process_pool::process_pool(const process_pool_options& options) {
    auto& loop = static_cast<detail::loop_core&>(detail::current_loop_state("process_pool"));
    detail::check_not_unhooked_worker();
    core_ = new detail::pool_core(loop, options.settings());
}

detail::pool_core& process_pool::core(const char* call) const {
    if (core_ == nullptr)
        throw invalid_state_error(std::string("process_pool.") + call + ": this pool was moved from");
    return *core_;
}

shared_bytes process_pool::allocate(std::size_t size) { return core("allocate").allocate(size); }

void process_pool::close() { core("close").close(); }
void process_pool::terminate() { core("terminate").end(SIGTERM, "the pool was terminated"); }
void process_pool::kill() { core("kill").end(SIGKILL, "the pool was killed"); }

namespace {

coro<void> wait_for_the_end(detail::pool_ref pool) {
    detail::pool_core& core = *pool;
    if (core.has_loop()) co_await core.ended.wait();
}

}  // namespace

coro<void> process_pool::join() const {
    detail::pool_core& pool = core("join");
    if (pool.takes_calls())
        throw invalid_state_error(
            "process_pool.join: the pool takes calls; call close(), terminate() or kill() first");
    return wait_for_the_end(detail::pool_ref(pool));
}

std::size_t process_pool::workers() const { return core("workers").most_workers_here(); }
std::size_t process_pool::running_workers() const { return core("running_workers").running(); }
std::vector<int> process_pool::pids() const { return core("pids").pids(); }
std::size_t process_pool::pending() const { return core("pending").pending(); }

}  // namespace bide
