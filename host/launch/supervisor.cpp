// SPDX-License-Identifier: BSD-3-Clause
#include "launch/supervisor.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>

#include "job/job.hpp"
#include "launch/counters_table.hpp"
#include "launch/deadlock.hpp"
#include "launch/mpi_library.hpp"
#include "launch/output.hpp"
#include "launch/process.hpp"

namespace tally::launch {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kGrace = 2s;              // between SIGTERM and SIGKILL
constexpr auto kSettle = 200ms;          // ranks that fail at the same time all get to report their own code
constexpr auto kRepeatedSignal = 250ms;  // one key press or timeout(1) may deliver its signal twice; not "a second time"
constexpr auto kFabricStart = 60s;
constexpr auto kDrain = 5s;              // for what dead processes left in their pipes, and for the reaping itself

const int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (const int number : kForwarded) sigaddset(&set, number);
  return set;
}

/// Kills every descendant and reaps until none is left. False when some outlive the time.
bool end_descendants() {
  const auto deadline = Clock::now() + kDrain;
  while (true) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) return true;
    for (const pid_t pid : descendants()) kill(pid, SIGKILL);
    if (Clock::now() > deadline) return false;
    usleep(2000);
  }
}

struct Child {
  pid_t pid = -1;
  bool running = false;
  int status = 0;
};

class Supervisor {
 public:
  Supervisor(const JobSpec& spec, FileDescriptor launcher)
      : spec_(spec),
        launcher_(std::move(launcher)),
        segment_(job::Segment::create(spec.ranks, spec.engine, spec.counters != JobSpec::Counters::kNone || !spec.counters_json.empty())),
        ranks_(spec.ranks),
        deadlock_(segment_, std::chrono::duration<double>(spec.deadlock_seconds)) {
    const auto set = handled_signals();
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = FileDescriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_.open()) throw std::system_error(errno, std::generic_category(), "cannot make a signalfd");
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTTIN, SIG_IGN);
    std::signal(SIGTTOU, SIG_IGN);
  }

  int run() {
    if (spec_.engine == job::EngineKind::kRtl) {
      start_fabric();
    } else {
      start_ranks();
    }
    while (!finished()) {
      handle_events(time_left());
      if (waiting_for_fabric_) check_fabric_start();
      handle_deadlines();
      look_for_deadlock();
    }
    finish();
    return exit_code_;
  }

 private:
  // --- start ------------------------------------------------------------------------------------

  LineSource& add_source(OutputQueue& out, FileDescriptor read, std::string prefix) {
    sources_.push_back(std::make_unique<LineSource>(std::move(read), out, std::move(prefix)));
    return *sources_.back();
  }

  void start_fabric() {
    Pipe text = make_pipe();
    ProcessSpec fabric;
    fabric.path = "/proc/self/exe";
    fabric.arguments = {"tally-fabric", "fabric", "--job", segment_.path()};
    if (!spec_.config.empty()) {
      fabric.arguments.push_back("--config");
      fabric.arguments.push_back(spec_.config);
    }
    if (!spec_.pcap.empty()) {
      fabric.arguments.push_back("--pcap");
      fabric.arguments.push_back(spec_.pcap);
    }
    fabric.stdout_fd = text.write.get();
    fabric.stderr_fd = text.write.get();
    int reason = 0;
    fabric_.pid = spawn(fabric, &reason);
    if (fabric_.pid < 0) {
      fail(1, fmt::format("cannot start the fabric process: {}", std::strerror(reason)));
      return;
    }
    add_source(err_, std::move(text.read), "tally fabric: ");
    fabric_.running = true;
    segment_.header().fabric_pid = fabric_.pid;
    waiting_for_fabric_ = true;
    fabric_deadline_ = Clock::now() + kFabricStart;
  }

  void check_fabric_start() {
    if (segment_.header().fabric_up.load(std::memory_order_acquire) == 1) {
      waiting_for_fabric_ = false;
      if (phase_ == Phase::kRunning) start_ranks();
    } else if (phase_ != Phase::kRunning) {
      waiting_for_fabric_ = false;
    } else if (Clock::now() > fabric_deadline_) {
      waiting_for_fabric_ = false;
      fail(1, fmt::format("the fabric process did not come up within {} s",
                          std::chrono::duration_cast<std::chrono::seconds>(kFabricStart).count()));
    }
  }

  void start_ranks() {
    ranks_started_ = true;
    const bool terminal = isatty(STDIN_FILENO) != 0;
    for (unsigned rank = 0; rank < spec_.ranks; ++rank) {
      Pipe out = make_pipe();
      Pipe err = make_pipe();
      ProcessSpec process;
      process.path = spec_.program;
      process.arguments = spec_.arguments;
      process.environment = {{"TALLY_JOB", segment_.path()},
                             {"TALLY_RANK", std::to_string(rank)},
                             {"TALLY_SIZE", std::to_string(spec_.ranks)},
                             {"TALLY_ENGINE", job::engine_name(spec_.engine)}};
      if (const std::string path = spec_.mpi ? library_path_of_job() : std::string(); !path.empty())
        process.environment.emplace_back("LD_LIBRARY_PATH", path);
      // A device's simulation needs processors, too.
      if (spec_.bind && spec_.engine != job::EngineKind::kRtl) process.cpus = share_of_cpus(rank, spec_.ranks);
      process.stdout_fd = out.write.get();
      process.stderr_fd = err.write.get();
      FileDescriptor input;
      if (rank == 0) {
        // A terminal is read here: rank 0 is not in the terminal's foreground group. Anything else goes to rank 0
        // as it is, so that nothing is read that the program does not want.
        if (terminal) {
          Pipe in = make_pipe();
          input = std::move(in.read);
          stdin_pipe_ = std::move(in.write);
          fcntl(stdin_pipe_.get(), F_SETFL, O_NONBLOCK);
          process.stdin_fd = input.get();
        } else {
          process.stdin_fd = STDIN_FILENO;
        }
      }
      int reason = 0;
      const pid_t pid = spawn(process, &reason);
      if (pid < 0) {
        fail(reason == ENOENT ? 127 : 126, fmt::format("cannot start rank {}, program '{}': {}", rank, spec_.program,
                                                       std::strerror(reason)));
        return;
      }
      ranks_[rank].pid = pid;
      ranks_[rank].running = true;
      const auto prefix = spec_.tag_output ? fmt::format("[{}] ", rank) : std::string();
      add_source(out_, std::move(out.read), prefix);
      add_source(err_, std::move(err.read), prefix);
    }
  }

  // --- events -----------------------------------------------------------------------------------

  [[nodiscard]] bool ranks_running() const {
    return std::any_of(ranks_.begin(), ranks_.end(), [](const Child& rank) { return rank.running; });
  }
  [[nodiscard]] bool finished() const {
    return !ranks_running() && (ranks_started_ || (!waiting_for_fabric_ && phase_ != Phase::kRunning));
  }

  [[nodiscard]] int time_left() const {
    if (waiting_for_fabric_) return 5;
    if (!deadline_) return watches() ? static_cast<int>(deadlock_.interval().count()) : -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 60000));
  }

  [[nodiscard]] bool watches() const noexcept {
    return deadlock_.interval().count() != 0 && ranks_started_ && phase_ == Phase::kRunning;
  }

  void look_for_deadlock() {
    const auto now = Clock::now();
    if (!watches() || now - looked_ < deadlock_.interval() / 2) return;
    looked_ = now;
    std::vector<bool> running(ranks_.size());
    std::transform(ranks_.begin(), ranks_.end(), running.begin(), [](const Child& rank) { return rank.running; });
    if (const auto report = deadlock_.look(running, now)) fail(1, *report);
  }

  void handle_events(int timeout_ms) {
    enum : std::size_t { kSignals, kLauncher, kOut, kErr, kStdin, kStdinPipe, kFirstSource };
    std::vector<pollfd> fds(kFirstSource + sources_.size(), pollfd{-1, 0, 0});
    fds[kSignals] = {signals_.get(), POLLIN, 0};
    fds[kLauncher] = {launcher_.get(), POLLIN, 0};
    if (!out_.empty()) fds[kOut] = {out_.fd(), POLLOUT, 0};
    if (!err_.empty()) fds[kErr] = {err_.fd(), POLLOUT, 0};
    if (stdin_pipe_.open()) {
      const bool foreground = tcgetpgrp(STDIN_FILENO) == getpgrp();
      if (stdin_text_.empty() && !stdin_ended_ && foreground) fds[kStdin] = {STDIN_FILENO, POLLIN, 0};
      fds[kStdinPipe] = {stdin_pipe_.get(), static_cast<short>(stdin_text_.empty() ? 0 : POLLOUT), 0};
      if (!foreground && (timeout_ms < 0 || timeout_ms > 500)) timeout_ms = 500;  // ask again
    }
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i]->open() && !sources_[i]->out().full()) {
        fds[kFirstSource + i] = {sources_[i]->fd(), POLLIN, 0};
      }
    }
    if (poll(fds.data(), fds.size(), timeout_ms) < 0) return;  // EINTR

    // Output first: what a process wrote before it died stands before the report of its death.
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (fds[kFirstSource + i].revents != 0) sources_[i]->read_some();
      if (sources_[i]->open() && sources_[i]->out().broken()) sources_[i]->close();
    }
    if (fds[kOut].revents != 0) out_.write_some();
    if (fds[kErr].revents != 0) err_.write_some();
    if (fds[kStdin].revents != 0) read_terminal();
    if (fds[kStdinPipe].revents != 0) feed_stdin(fds[kStdinPipe].revents);
    if (stdin_ended_ && stdin_text_.empty()) stdin_pipe_.reset();
    if (fds[kLauncher].revents != 0) {
      launcher_.reset();
      kill_now();
    }
    if (fds[kSignals].revents != 0) take_signals();
  }

  void read_terminal() {
    char buffer[4096];
    const auto got = read(STDIN_FILENO, buffer, sizeof buffer);
    if (got > 0) stdin_text_.assign(buffer, static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) stdin_ended_ = true;
  }

  void feed_stdin(short events) {
    if ((events & (POLLERR | POLLHUP)) != 0) {
      stdin_pipe_.reset();  // rank 0 closed its standard input
      return;
    }
    const auto written = write(stdin_pipe_.get(), stdin_text_.data(), stdin_text_.size());
    if (written > 0) stdin_text_.erase(0, static_cast<std::size_t>(written));
  }

  void take_signals() {
    signalfd_siginfo info{};
    bool child = false;
    while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      const int number = static_cast<int>(info.ssi_signo);
      if (number == SIGCHLD) {
        child = true;
      } else {
        user_signal(number);
      }
    }
    if (child) reap();
  }

  void user_signal(int number) {
    const auto now = Clock::now();
    if (!user_signal_) {
      user_signal_ = number;
      user_signal_time_ = now;
      segment_.header().failed.store(1, std::memory_order_release);
      job::wake_all(segment_.header());
      signal_ranks(number);
      phase_ = Phase::kEnding;
      deadline_ = now + kGrace;
      note(fmt::format("{}: ending the job", strsignal(number)));
    } else if (now - user_signal_time_ >= kRepeatedSignal) {
      kill_now();
    }
  }

  void reap() {
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
      if (pid == fabric_.pid) {
        fabric_.running = false;
        fabric_.status = status;
        if (!fabric_ending_ && (!ranks_started_ || ranks_running())) {
          fail(1, fmt::format("the fabric process {}; the job cannot go on", describe_wait_status(status)));
        }
        continue;
      }
      const auto rank = std::find_if(ranks_.begin(), ranks_.end(), [pid](const Child& c) { return c.pid == pid; });
      if (rank == ranks_.end()) continue;  // an adopted grandchild
      rank->running = false;
      rank->status = status;
      rank_ended(static_cast<unsigned>(rank - ranks_.begin()), status);
    }
  }

  void rank_ended(unsigned rank, int status) {
    if (status == 0) return;
    // What this launcher did to a rank is no result of the rank.
    const bool by_us = WIFSIGNALED(status) && ((phase_ == Phase::kEnding && WTERMSIG(status) == ending_signal()) ||
                                               (phase_ == Phase::kKilled && WTERMSIG(status) == SIGKILL) ||
                                               (phase_ == Phase::kKilled && WTERMSIG(status) == ending_signal()));
    if (by_us) {
      ended_by_us_.push_back(rank);
      return;
    }
    if (user_signal_) return;
    note(fmt::format("rank {} {}", rank, describe_wait_status(status)));
    exit_code_ = std::max(exit_code_, exit_code_of(status));
    if (phase_ == Phase::kRunning) {
      segment_.header().failed.store(1, std::memory_order_release);
      job::wake_all(segment_.header());
      phase_ = Phase::kSettling;
      deadline_ = Clock::now() + kSettle;
    }
  }

  // --- ending -----------------------------------------------------------------------------------

  enum class Phase {
    kRunning,
    kSettling,  // a rank failed; others may be about to
    kEnding,    // SIGTERM (or the user's signal) is out
    kKilled,    // SIGKILL is out
  };

  [[nodiscard]] int ending_signal() const { return user_signal_ ? *user_signal_ : SIGTERM; }

  void note(const std::string& text) { err_.append(fmt::format("tally run: {}\n", text)); }

  void signal_ranks(int number) {
    for (const auto& rank : ranks_) {
      if (rank.running) kill(-rank.pid, number);
    }
  }

  /// The job cannot go on for a reason outside the ranks.
  void fail(int code, const std::string& text) {
    note(text);
    exit_code_ = std::max(exit_code_, code);
    segment_.header().failed.store(1, std::memory_order_release);
    job::wake_all(segment_.header());
    if (phase_ == Phase::kRunning) {
      // The ranks hear of it from the segment: they get the time to say so themselves.
      phase_ = Phase::kSettling;
      deadline_ = Clock::now() + (ranks_running() ? kSettle : Clock::duration::zero());
    }
  }

  void kill_now() {
    phase_ = Phase::kKilled;
    segment_.header().failed.store(1, std::memory_order_release);
    signal_ranks(SIGKILL);
    deadline_ = Clock::now() + kDrain;
  }

  void handle_deadlines() {
    if (!deadline_ || Clock::now() < *deadline_) return;
    switch (phase_) {
      case Phase::kRunning:
        deadline_.reset();
        break;
      case Phase::kSettling:
        phase_ = Phase::kEnding;
        signal_ranks(SIGTERM);
        signal_ranks(SIGCONT);  // a stopped rank takes its SIGTERM only then
        deadline_ = Clock::now() + kGrace;
        break;
      case Phase::kEnding:
        kill_now();
        break;
      case Phase::kKilled:
        for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
          if (!ranks_[rank].running) continue;
          note(fmt::format("rank {} (process {}) does not end after SIGKILL", rank, ranks_[rank].pid));
          ranks_[rank].running = false;
          exit_code_ = std::max(exit_code_, 1);
        }
        break;
    }
  }

  void end_fabric() {
    fabric_ending_ = true;
    if (!fabric_.running) return;
    kill(fabric_.pid, SIGTERM);
    const auto deadline = Clock::now() + kGrace;
    while (fabric_.running && Clock::now() < deadline && phase_ != Phase::kKilled) handle_events(20);
  }

  void finish() {
    if (!ended_by_us_.empty()) {
      std::sort(ended_by_us_.begin(), ended_by_us_.end());
      std::string list;
      for (const auto rank : ended_by_us_) list += fmt::format("{}{}", list.empty() ? "" : ", ", rank);
      note(fmt::format("ended rank{} {}", ended_by_us_.size() == 1 ? "" : "s", list));
    }
    if (user_signal_) exit_code_ = 128 + *user_signal_;
    end_fabric();
    if (!end_descendants()) {
      note("some processes of the job do not end");
      exit_code_ = std::max(exit_code_, 1);
    }
    stdin_pipe_.reset();
    // Every writer is gone: what is in the pipes is all there will be.
    const auto deadline = Clock::now() + kDrain;
    while (std::any_of(sources_.begin(), sources_.end(), [](const auto& s) { return s->open(); }) &&
           (Clock::now() < deadline || out_.full() || err_.full()) && launcher_.open()) {
      handle_events(100);
    }
    for (auto& source : sources_) source->close();
    if (spec_.counters == JobSpec::Counters::kTable) out_.append(counters_table(segment_));
    if (spec_.counters == JobSpec::Counters::kJson) out_.append(counters_json(segment_));
    if (!spec_.counters_json.empty() && !(std::ofstream(spec_.counters_json) << counters_json(segment_)).flush()) {
      note(fmt::format("the counters cannot be written to '{}'", spec_.counters_json));
      exit_code_ = std::max(exit_code_, 1);
    }
    // As with any program, the reader of the output sets the pace; a signal or the launcher's death ends it.
    const bool interrupted = user_signal_.has_value();
    while ((!out_.empty() || !err_.empty()) && launcher_.open() &&
           (interrupted ? Clock::now() < deadline : !user_signal_.has_value())) {
      handle_events(100);
    }
  }

  const JobSpec& spec_;
  FileDescriptor launcher_;  // end of file: the launcher is gone
  job::Segment segment_;
  FileDescriptor signals_;
  OutputQueue out_{STDOUT_FILENO};
  OutputQueue err_{STDERR_FILENO};
  std::vector<std::unique_ptr<LineSource>> sources_;
  std::vector<Child> ranks_;
  DeadlockWatch deadlock_;
  Clock::time_point looked_{};
  std::vector<unsigned> ended_by_us_;
  Child fabric_;
  bool waiting_for_fabric_ = false;
  bool fabric_ending_ = false;
  bool ranks_started_ = false;
  Clock::time_point fabric_deadline_;
  FileDescriptor stdin_pipe_;
  std::string stdin_text_;
  bool stdin_ended_ = false;
  Phase phase_ = Phase::kRunning;
  std::optional<Clock::time_point> deadline_;
  std::optional<int> user_signal_;
  Clock::time_point user_signal_time_;
  int exit_code_ = 0;
};

/// The supervisor process.
int supervise(const JobSpec& spec, FileDescriptor launcher) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int code = 1;
  try {
    code = Supervisor(spec, std::move(launcher)).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "tally run: {}\n", error.what());
    end_descendants();
  }
  return code;
}

}  // namespace

int run_job(const JobSpec& spec) {
  std::fflush(nullptr);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto set = handled_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  Pipe alive = make_pipe();
  const pid_t supervisor = fork();
  if (supervisor < 0) {
    fmt::print(stderr, "tally run: cannot fork: {}\n", std::strerror(errno));
    return 1;
  }
  if (supervisor == 0) {
    alive.write.reset();
    const int code = supervise(spec, std::move(alive.read));
    std::fflush(nullptr);
    _exit(code);
  }
  alive.read.reset();
  int status = 0;
  while (true) {
    siginfo_t info{};
    const int number = sigwaitinfo(&set, &info);
    if (number == SIGCHLD) {
      if (waitpid(supervisor, &status, WNOHANG) == supervisor) break;
    } else if (number > 0) {
      kill(supervisor, number);
    }
  }
  if (WIFSIGNALED(status)) {
    fmt::print(stderr, "tally run: the supervising process {}\n", describe_wait_status(status));
    end_descendants();
  }
  return exit_code_of(status);
}

}  // namespace tally::launch
