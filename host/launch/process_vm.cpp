// SPDX-License-Identifier: BSD-3-Clause
#include "launch/process_vm.hpp"

#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdint>

#include "launch/process.hpp"

namespace tally::launch {

bool process_vm_works() {
  std::uint64_t word = 0x74616c6c79;  // the same address in both children
  Pipe ready = make_pipe();
  const pid_t target = fork();
  if (target < 0) return false;
  if (target == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    const char byte = 1;
    [[maybe_unused]] const auto written = write(ready.write.get(), &byte, 1);
    while (true) pause();
  }
  char byte = 0;
  const bool up = read(ready.read.get(), &byte, 1) == 1;
  int status = 1;
  const pid_t peer = up ? fork() : -1;
  if (peer == 0) {
    std::uint64_t copy = 0;
    iovec local{&copy, sizeof copy};
    iovec remote{&word, sizeof word};
    const bool reads = process_vm_readv(target, &local, 1, &remote, 1, 0) == sizeof copy && copy == word;
    const bool writes = process_vm_writev(target, &local, 1, &remote, 1, 0) == sizeof copy;
    _exit(reads && writes ? 0 : 1);
  }
  if (peer > 0) waitpid(peer, &status, 0);
  kill(target, SIGKILL);
  waitpid(target, nullptr, 0);
  return peer > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace tally::launch
