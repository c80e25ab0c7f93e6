// bide/system: say what kept a program from being started.
#include "system/spawn_error.hpp"

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace bide::detail {

namespace {

const std::string& program_of(const spawn_order& order) {
    return order.settings.executable.empty() ? order.arguments.front() : order.settings.executable;
}

// The kernel says "no such file" also when it finds the program, but not what the program needs to run.
bool lacks_interpreter(const spawn_order& order, const child_environment& environment) {
    std::error_code ignored;
    for (const std::string& each : environment.candidates(program_of(order))) {
        if (std::filesystem::exists(std::filesystem::path(order.settings.folder) / each, ignored))
            return true;
    }
    return false;
}

std::string about_program(const spawn_order& order, const child_environment& environment, int error) {
    switch (error) {
        case ENOENT:
            if (lacks_interpreter(order, environment)) {
                return "what it needs to run, the interpreter in its first line or its loader, does not "
                       "exist";
            }
            if (program_of(order).find('/') != std::string::npos) return "there is no such program";
            if (program_of(order).find(' ') != std::string::npos) {
                return "there is no such program; each argument is one of its own, and a command line is for "
                       "create_subprocess_shell()";
            }
            return "there is no such program in PATH (" + std::string(environment.path()) + ")";
        case EACCES: return "it may not be executed";
        case ENOEXEC: return "it is no program; the first line of a script must begin with #!";
        case E2BIG: return "its arguments and environment are too large";
        default: return "it cannot be run";
    }
}

std::string about(const spawn_order& order, const child_environment& environment, spawn_report report) {
    switch (report.failed) {
        case spawn_step::process: return "the system cannot make a process";
        case spawn_step::session: return "setsid";
        case spawn_step::process_group:
            return "join process group " + std::to_string(order.settings.process_group.value_or(0));
        case spawn_step::terminal: return "take over its terminal";
        case spawn_step::descriptors: return "give it its descriptors";
        case spawn_step::folder: return "change to folder \"" + order.settings.folder + "\"";
        case spawn_step::limits: return "set its resource limits";
        case spawn_step::groups: return "set its groups";
        case spawn_step::group_id:
            return "change to group " + std::to_string(order.settings.group.value_or(0));
        case spawn_step::user_id: return "change to user " + std::to_string(order.settings.user.value_or(0));
        default: return about_program(order, environment, report.error);
    }
}

void check_text(const spawn_order& order, const char* what, const std::string& text) {
    if (text.find('\0') == std::string::npos) return;
    throw std::invalid_argument(std::string(order.call) + ": " + what + " \"" + text.c_str() +
                                "...\" has a zero byte in it");
}

}  // namespace

void check_order(const spawn_order& order) {
    if (order.arguments.empty() || order.arguments.front().empty()) {
        throw std::invalid_argument(std::string(order.call) + ": there is no program to run");
    }
    for (const std::string& each : order.arguments) check_text(order, "argument", each);
    check_text(order, "executable", order.settings.executable);
    check_text(order, "folder", order.settings.folder);
    for (const descriptor_place& each : order.settings.descriptors) {
        if (each.from >= 0 && each.to > 2) continue;
        throw std::invalid_argument(
            std::string(order.call) + ": pass_fd(" + std::to_string(each.from) + ", " +
            std::to_string(each.to) +
            ") is no descriptor beside the standard streams; they have options of their own");
    }
}

void throw_spawn_error(const spawn_order& order, const child_environment& environment, spawn_report report) {
    throw std::system_error(report.error, std::generic_category(),
                            std::string(order.call) + ": \"" + program_of(order) +
                                "\": " + about(order, environment, report));
}

}  // namespace bide::detail
