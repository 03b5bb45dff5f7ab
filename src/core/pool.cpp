#include "pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
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

thread_local bool at_work = false; // a task that calls for tasks runs them itself

class Pool {
public:
  // One job at a time; false if another thread's job has the pool.
  bool run(int wanted, int64_t count, Task task, void *context) {
    std::unique_lock<std::mutex> mine(running, std::try_to_lock);
    if (!mine)
      return false;
    const int helpers = hire(wanted);
    this->task = task;
    this->context = context;
    this->count = count;
    next.store(0);
    inside.fetch_add(closed); // open
    // Number of the job and of its helpers in one word: nobody else looks up.
    ticket.store(((ticket.load() >> 16) + 1) << 16 | uint64_t(helpers));
    for (int id = 0; id < helpers; ++id)
      workers[size_t(id)]->wake();
    drain();
    inside.fetch_sub(closed); // helpers that come from now on turn back
    for (int spin = 0; inside.load() != -closed;)
      spin < 4096 ? ++spin, breathe() : std::this_thread::yield();
    if (failed.exchange(false))
      std::rethrow_exception(std::exchange(failure, nullptr));
    return true;
  }

private:
  static constexpr int64_t closed = int64_t(1) << 32;
  // Between two kernels of one iteration pass some microseconds: a helper stays awake that long.
  static constexpr auto patience = std::chrono::microseconds(60);

  struct Worker {
    std::mutex bedroom;
    std::condition_variable bell;
    std::atomic<bool> asleep{false};

    void wake() {
      if (asleep.load()) {
        std::lock_guard<std::mutex> lock(bedroom);
        bell.notify_one();
      }
    }
  };

  // As many helpers as wanted, or as many as the system grants.
  int hire(int wanted) {
    try {
      while (int(workers.size()) < wanted) {
        auto fresh = std::make_unique<Worker>();
        Worker *worker = fresh.get();
        const int id = int(workers.size());
        workers.push_back(std::move(fresh));
        try {
          std::thread(&Pool::work, this, worker, id).detach(); // the pool lives as long as the process
        } catch (...) {
          workers.pop_back();
          throw;
        }
      }
    } catch (const std::system_error &) {
    }
    return std::min(wanted, int(workers.size()));
  }

  // The first exception (memory that ran out) ends the job and is thrown again where the caller can catch it.
  void drain() {
    at_work = true;
    try {
      for (int64_t index = next.fetch_add(1); index < count; index = next.fetch_add(1))
        task(context, index);
    } catch (...) {
      if (!failed.exchange(true))
        failure = std::current_exception();
      next.store(count);
    }
    at_work = false;
  }

  void work(Worker *self, int id) {
    uint64_t seen = 0;
    const auto called = [&] {
      const uint64_t now = ticket.load();
      return now != seen && id < int(now & 0xffff);
    };
    for (;;) {
      const auto tired = std::chrono::steady_clock::now() + patience;
      for (int spin = 1; !called(); ++spin) {
        breathe();
        if (spin % 64 == 0 && std::chrono::steady_clock::now() > tired)
          break;
      }
      if (!called()) {
        std::unique_lock<std::mutex> lock(self->bedroom);
        self->asleep.store(true);
        self->bell.wait(lock, called);
        self->asleep.store(false);
      }
      seen = ticket.load();
      // Entering counts first and looks second, so that the caller cannot leave under our feet.
      if (inside.fetch_add(1) >= 0)
        drain();
      inside.fetch_sub(1);
    }
  }

  std::mutex running;
  std::vector<std::unique_ptr<Worker>> workers;
  std::atomic<uint64_t> ticket{0};
  std::atomic<int64_t> inside{-closed}, next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
  Task task = nullptr;
  void *context = nullptr;
  int64_t count = 0;
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
  if (helpers > 0 && !at_work && the_pool().run(helpers, count, task, context))
    return;
  for (int64_t index = 0; index < count; ++index)
    task(context, index);
}

} // namespace nonneg
