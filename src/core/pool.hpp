// A small pool of threads that share numbered tasks. The caller works, too, and does not wait for helpers that have
// not begun. A job too small, or one that finds the pool in use by another thread, runs serially.
#pragma once
#include <cstdint>

namespace nonneg {

using Task = void (*)(void *context, int64_t index);

// Call task(context, 0 .. count - 1), on up to `threads` threads.
void run_tasks(int threads, int64_t count, Task task, void *context);

// The same for a callable of one index. `work` in flop decides whether a second thread is worth waking.
template <class Function> void share(int threads, double work, int64_t count, Function &&function) {
  constexpr double worth = 1e6;
  const auto call = [](void *context, int64_t index) { (*static_cast<Function *>(context))(index); };
  run_tasks(work < worth ? 1 : threads, count, call, &function);
}

} // namespace nonneg
