// SPDX-License-Identifier: BSD-3-Clause
// A client of the PMI-2 wire protocol. After a first line as in PMI-1 each message is six letters that hold
// its length in decimal, then "key=value;" parts.
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "job/launcher.hpp"
#include "job/pmi_socket.hpp"

namespace tally::job {
namespace {

class Pmi2 final : public Launcher {
 public:
  Pmi2() : socket_("pmi2") {
    // Rank and size come with the answer; the variables tell the server whom it talks to.
    const char* id = std::getenv("PMI_JOBID");
    const int rank = pmi_number(socket_.by_port() ? "PMI_ID" : "PMI_RANK", 0, 1 << 20);
    socket_.write_all("cmd=init pmi_version=2 pmi_subversion=0\n");
    const std::string greeting = socket_.read_line("the launcher's greeting");
    std::string text;
    if (!pmi_field(greeting, ' ', "cmd", &text) || text != "response_to_init" ||
        !pmi_field(greeting, ' ', "pmi_version", &text) || text != "2" ||
        (pmi_field(greeting, ' ', "rc", &text) && text != "0")) {
      throw socket_.error(fmt::format("the launcher does not speak PMI-2: it answered '{}'", greeting));
    }
    const std::string about =
        ask(fmt::format("cmd=fullinit;pmijobid={};pmirank={};threaded=FALSE;", id == nullptr ? "" : id, rank),
            "fullinit-response", "the launcher's greeting");
    rank_ = number(about, "rank");
    size_ = number(about, "size");
    if (size_ < 1 || rank_ < 0 || rank_ >= size_) {
      throw socket_.error(fmt::format("the launcher says rank {} of {}", rank_, size_));
    }
    if (id != nullptr) {
      job_ = id;
    } else {
      job_ = word(ask("cmd=job-getid;", "job-getid-response", "the name of the job"), "jobid");
    }
  }
  const char* name() const noexcept override { return "pmi2"; }
  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  std::vector<std::string> exchange(std::string_view mine) override {
    constexpr std::size_t kLongest = 1024;  // PMI2_MAX_VALLEN
    const unsigned round = round_++;
    const std::string value = "x" + to_hex(mine);
    if (value.size() >= kLongest) {
      throw socket_.error(
          fmt::format("a value of {} letters is too long: PMI-2 takes {}", value.size(), kLongest - 1));
    }
    (void)ask(fmt::format("cmd=kvs-put;key={};value={};", exchange_key(round, rank_), value),
              "kvs-put-response", "the launcher's answer to put");
    (void)ask("cmd=kvs-fence;", "kvs-fence-response",
              "waits in the launcher's fence for ranks that have not opened their endpoint");
    std::vector<std::string> all(static_cast<std::size_t>(size_));
    for (int rank = 0; rank < size_; ++rank) {
      std::string& one = all[static_cast<std::size_t>(rank)];
      if (rank == rank_) {
        one = mine;
        continue;
      }
      const std::string answer =
          ask(fmt::format("cmd=kvs-get;jobid={};srcid={};key={};", job_, rank, exchange_key(round, rank)),
              "kvs-get-response", "the launcher's answer to get");
      const std::string text = word(answer, "value");
      if (text.empty() || text[0] != 'x' || !from_hex(std::string_view(text).substr(1), &one)) {
        throw socket_.error(fmt::format("the value of rank {} is damaged: '{}'", rank, answer));
      }
    }
    return all;
  }

  void finish() noexcept override {
    try {
      (void)ask("cmd=finalize;", "finalize-response", "the launcher's leave to end");
    } catch (const Error&) {
      // It has gone: nothing is left to be said to it.
    }
  }

 private:
  std::string ask(const std::string& request, const char* command, const char* what) {
    socket_.write_all(fmt::format("{:6}{}", request.size(), request));
    const std::string head = socket_.read_exactly(6, what);
    std::size_t begin = head.find_first_not_of(' ');
    std::size_t bytes = 0;
    if (begin == std::string::npos) begin = head.size();
    const auto [stop, error] = std::from_chars(head.data() + begin, head.data() + head.size(), bytes);
    if (error != std::errc{} || bytes == 0) {
      throw socket_.error(fmt::format("the launcher's message has the length '{}'", head));
    }
    std::string message = socket_.read_exactly(bytes, what);
    std::string text;
    if (!pmi_field(message, ';', "cmd", &text) || text != command) {
      throw socket_.error(fmt::format("the launcher answered '{}' where {} was due", message, command));
    }
    if (pmi_field(message, ';', "rc", &text) && text != "0") {
      std::string reason;
      (void)pmi_field(message, ';', "errmsg", &reason);
      throw socket_.error(fmt::format("the launcher refused ({}): rc={} {}", command, text, reason));
    }
    return message;
  }

  std::string word(const std::string& message, const char* key) const {
    std::string text;
    if (!pmi_field(message, ';', key, &text)) throw socket_.error(fmt::format("no {} in '{}'", key, message));
    return text;
  }

  int number(const std::string& message, const char* key) const {
    const std::string text = word(message, key);
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size()) {
      throw socket_.error(fmt::format("{} is no number in '{}'", key, message));
    }
    return value;
  }

  PmiSocket socket_;
  int rank_ = 0;
  int size_ = 1;
  unsigned round_ = 0;
  std::string job_;
};

}  // namespace

std::unique_ptr<Launcher> connect_pmi2() { return std::make_unique<Pmi2>(); }

}  // namespace tally::job
