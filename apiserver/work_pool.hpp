#pragma once
// A few threads for what may block or take long, so that neither I/O threads nor the store's writer do it.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace datamesh::apiserver {

class WorkPool {
 public:
  explicit WorkPool(int threads);
  ~WorkPool();  // stop()
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Runs `task` soon on one of the threads. Dropped after stop().
  void post(std::function<void()> task);
  // Finishes what runs, drops what waits, joins. Not from a task.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace datamesh::apiserver
