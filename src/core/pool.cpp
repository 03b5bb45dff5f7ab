#include "pool.hpp"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace nonneg {
namespace {

inline void breathe() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Pool {
public:
  // One job at a time; false if another thread's job has the pool.
  bool run(int helpers, int64_t count, Task task, void *context) {
    std::unique_lock<std::mutex> mine(running, std::try_to_lock);
    if (!mine)
      return false;
    while (int(workers.size()) < helpers) {
      workers.emplace_back(&Pool::work, this, int(workers.size()));
      workers.back().detach(); // the pool lives as long as the process
    }
    this->task = task;
    this->context = context;
    this->count = count;
    this->helpers = helpers;
    next.store(0);
    inside.fetch_add(closed); // open
    generation.fetch_add(1);
    if (sleepers.load() > 0) {
      std::lock_guard<std::mutex> lock(bed);
      wake.notify_all();
    }
    drain();
    inside.fetch_sub(closed); // helpers that come from now on turn back
    for (int spin = 0; inside.load() != -closed; ++spin)
      spin < 4096 ? breathe() : std::this_thread::yield();
    if (failed.exchange(false))
      std::rethrow_exception(std::exchange(failure, nullptr));
    return true;
  }

private:
  static constexpr int64_t closed = int64_t(1) << 32;
  // Between two kernels of one iteration pass some microseconds: a helper waits that long awake.
  static constexpr int patience = 3000;

  // The first exception (memory that ran out) ends the job and is thrown again where the caller can catch it.
  void drain() {
    try {
      for (int64_t index = next.fetch_add(1); index < count; index = next.fetch_add(1))
        task(context, index);
    } catch (...) {
      if (!failed.exchange(true))
        failure = std::current_exception();
      next.store(count);
    }
  }

  void work(int id) {
    uint64_t seen = 0;
    for (;;) {
      for (int spin = 0; spin < patience && generation.load() == seen; ++spin)
        breathe();
      if (generation.load() == seen) {
        std::unique_lock<std::mutex> lock(bed);
        sleepers.fetch_add(1);
        wake.wait(lock, [&] { return generation.load() != seen; });
        sleepers.fetch_sub(1);
      }
      seen = generation.load();
      // Entering counts first and looks second, so that the caller cannot leave under our feet.
      if (inside.fetch_add(1) >= 0 && id < helpers)
        drain();
      inside.fetch_sub(1);
    }
  }

  std::mutex running, bed;
  std::condition_variable wake;
  std::vector<std::thread> workers;
  std::atomic<uint64_t> generation{0};
  std::atomic<int> sleepers{0};
  std::atomic<int64_t> inside{-closed}, next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  Task task = nullptr;
  void *context = nullptr;
  int64_t count = 0;
  int helpers = 0;
};

std::atomic<Pool *> pool{nullptr};

// Never destroyed: its threads may outlive static objects.
Pool &the_pool() {
  Pool *present = pool.load();
  if (!present) {
    Pool *fresh = new Pool;
    if (pool.compare_exchange_strong(present, fresh))
      return *fresh;
    delete fresh;
  }
  return *present;
}

#if defined(__unix__) || defined(__APPLE__)
// A forked child has the parent's memory but none of its threads.
const int registered = pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); });
#endif

} // namespace

void run_tasks(int threads, int64_t count, Task task, void *context) {
  const int helpers = int(count < threads ? count : threads) - 1;
  if (helpers > 0 && the_pool().run(helpers, count, task, context))
    return;
  for (int64_t index = 0; index < count; ++index)
    task(context, index);
}

} // namespace nonneg
