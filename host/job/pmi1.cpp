// SPDX-License-Identifier: BSD-3-Clause
// A client of the PMI-1 wire protocol: lines of "key=value" words, one answer a request.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "job/launcher.hpp"
#include "job/pmi_socket.hpp"

namespace tally::job {
namespace {

class Pmi1 final : public Launcher {
 public:
  Pmi1() : socket_("pmi1") {
    if (socket_.by_port()) {
      introduce();
    } else {
      size_ = pmi_number("PMI_SIZE", 1, 1 << 20);
      rank_ = pmi_number("PMI_RANK", 0, size_ - 1);
    }
    (void)ask("cmd=init pmi_version=1 pmi_subversion=1\n", "response_to_init", "the launcher's greeting");
    const std::string limits = ask("cmd=get_maxes\n", "maxes", "the launcher's limits");
    longest_value_ = number(limits, "vallen_max");
    kvs_ = word(ask("cmd=get_my_kvsname\n", "my_kvsname", "the name of the key space"), "kvsname");
  }
  const char* name() const noexcept override { return "pmi1"; }
  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  std::vector<std::string> exchange(std::string_view mine) override {
    const unsigned round = round_++;
    const std::string value = to_hex(mine);
    if (value.size() >= longest_value_) {
      throw socket_.error(fmt::format("a value of {} letters is too long for this launcher, which takes {}",
                                      value.size(), longest_value_ - 1));
    }
    // An empty value is not one in this syntax: all begin with a letter of their own.
    (void)ask(fmt::format("cmd=put kvsname={} key={} value=x{}\n", kvs_, exchange_key(round, rank_), value),
              "put_result", "the launcher's answer to put");
    (void)ask("cmd=barrier_in\n", "barrier_out",
              "waits in the launcher's barrier for ranks that have not opened their endpoint");
    std::vector<std::string> all(static_cast<std::size_t>(size_));
    for (int rank = 0; rank < size_; ++rank) {
      std::string& one = all[static_cast<std::size_t>(rank)];
      if (rank == rank_) {
        one = mine;
        continue;
      }
      const std::string text =
          word(ask(fmt::format("cmd=get kvsname={} key={}\n", kvs_, exchange_key(round, rank)), "get_result",
                   "the launcher's answer to get"),
               "value");
      if (text.empty() || text[0] != 'x' || !from_hex(std::string_view(text).substr(1), &one)) {
        throw socket_.error(fmt::format("the value of rank {} is damaged: '{}'", rank, text));
      }
    }
    return all;
  }

  void finish() noexcept override {
    try {
      (void)ask("cmd=finalize\n", "finalize_ack", "the launcher's leave to end");
    } catch (const Error&) {
      // It has gone: nothing is left to be said to it.
    }
  }

 private:
  /// By PMI_PORT the server learns from PMI_ID who calls, and tells rank and size.
  void introduce() {
    const int id = pmi_number("PMI_ID", 0, 1 << 20);
    (void)ask(fmt::format("cmd=initack pmiid={}\n", id), "initack", "the launcher's greeting");
    size_ = static_cast<int>(number(answer("set", "the number of ranks"), "size"));
    rank_ = static_cast<int>(number(answer("set", "the own rank"), "rank"));
    (void)answer("set", "the launcher's settings");  // debug
    if (size_ < 1 || rank_ < 0 || rank_ >= size_) {
      throw socket_.error(fmt::format("the launcher says rank {} of {}", rank_, size_));
    }
  }

  std::string ask(const std::string& request, const char* command, const char* what) {
    socket_.write_all(request);
    return answer(command, what);
  }

  std::string answer(const char* command, const char* what) {
    std::string line = socket_.read_line(what);
    std::string text;
    if (!pmi_field(line, ' ', "cmd", &text) || text != command) {
      throw socket_.error(fmt::format("the launcher answered '{}' where {} was due", line, command));
    }
    if (pmi_field(line, ' ', "rc", &text) && text != "0") {
      std::string reason;
      (void)pmi_field(line, ' ', "msg", &reason);
      throw socket_.error(fmt::format("the launcher refused ({}): rc={} {}", command, text, reason));
    }
    return line;
  }

  std::string word(const std::string& line, const char* key) const {
    std::string text;
    if (!pmi_field(line, ' ', key, &text)) throw socket_.error(fmt::format("no {} in '{}'", key, line));
    return text;
  }

  std::size_t number(const std::string& line, const char* key) const {
    const std::string text = word(line, key);
    std::size_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size()) {
      throw socket_.error(fmt::format("{} is no number in '{}'", key, line));
    }
    return value;
  }

  PmiSocket socket_;
  int rank_ = 0;
  int size_ = 1;
  unsigned round_ = 0;
  std::size_t longest_value_ = 0;
  std::string kvs_;
};

}  // namespace

std::unique_ptr<Launcher> connect_pmi1() { return std::make_unique<Pmi1>(); }

}  // namespace tally::job
