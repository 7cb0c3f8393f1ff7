// SPDX-License-Identifier: BSD-3-Clause
// A process manager's end of PMI-1 and PMI-2, written from the protocols' descriptions and independent of the
// library's clients: srun cannot be run in a test, and a server of the test's own can also misbehave.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "cluster/processes.hpp"

namespace tally::test {

/// Serves a job of so many ranks until the object goes.
class PmiServer {
 public:
  /// version: 1 or 2.
  PmiServer(int ranks, int version);
  ~PmiServer();
  PmiServer(const PmiServer&) = delete;
  PmiServer& operator=(const PmiServer&) = delete;

  /// Starts a rank; each once.
  [[nodiscard]] Process start(int rank, const std::vector<std::string>& program,
                              const Environment& environment = {});
  /// Ranks that have said farewell.
  [[nodiscard]] int finished() const noexcept { return finished_; }
  /// From now on puts are refused.
  void refuse_puts() noexcept { refuse_ = true; }
  /// Closes all connections, as if the process manager had died.
  void die() noexcept { dying_ = true; }

 private:
  struct Client {
    int server = -1;
    int client = -1;
    std::string read;
    bool greeted = false;
    bool in_barrier = false;
  };
  void serve();
  void take(Client& client);
  void handle(Client& client, const std::string& message);
  void answer(Client& client, const std::string& text) const;
  void barrier();

  int version_;
  std::vector<Client> clients_;
  std::map<std::string, std::string> values_;
  std::atomic<int> finished_ = 0;
  std::atomic<bool> refuse_ = false;
  std::atomic<bool> dying_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace tally::test
