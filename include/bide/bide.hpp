// bide/all: everything but http and mysql.
#pragma once

#include <bide/as_result.hpp>
#include <bide/coro.hpp>
#include <bide/error.hpp>
#include <bide/future.hpp>
#include <bide/introspect.hpp>
#include <bide/loop.hpp>
#include <bide/readiness.hpp>
#include <bide/run.hpp>
#include <bide/sleep.hpp>
#include <bide/task.hpp>
