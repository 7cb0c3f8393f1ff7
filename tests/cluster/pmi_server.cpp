// SPDX-License-Identifier: BSD-3-Clause
#include "cluster/pmi_server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace tally::test {
namespace {

/// The fields of "a=b<separator>c=d".
std::map<std::string, std::string> fields(const std::string& message, char separator) {
  std::map<std::string, std::string> all;
  std::size_t at = 0;
  while (at < message.size()) {
    std::size_t end = message.find(separator, at);
    if (end == std::string::npos) end = message.size();
    const std::string part = message.substr(at, end - at);
    if (const std::size_t equal = part.find('='); equal != std::string::npos) {
      all[part.substr(0, equal)] = part.substr(equal + 1);
    }
    at = end + 1;
  }
  return all;
}

}  // namespace

PmiServer::PmiServer(int ranks, int version) : version_(version), clients_(static_cast<std::size_t>(ranks)) {
  for (Client& client : clients_) {
    int ends[2] = {};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    client.server = ends[0];
    client.client = ends[1];
  }
  thread_ = std::thread([this] { serve(); });
}

PmiServer::~PmiServer() {
  stop_ = true;
  thread_.join();
  for (const Client& client : clients_) {
    if (client.server >= 0) ::close(client.server);
    if (client.client >= 0) ::close(client.client);
  }
}

Process PmiServer::start(int rank, const std::vector<std::string>& program, const Environment& environment) {
  Client& client = clients_[static_cast<std::size_t>(rank)];
  Environment all = environment;
  all.emplace_back("PMI_FD", std::to_string(client.client));
  all.emplace_back("PMI_RANK", std::to_string(rank));
  all.emplace_back("PMI_SIZE", std::to_string(clients_.size()));
  if (version_ == 2) all.emplace_back("PMI_JOBID", "17.0");
  Process process(program, all, client.client);
  ::close(client.client);
  client.client = -1;
  return process;
}

void PmiServer::serve() {
  while (!stop_) {
    std::vector<pollfd> ready;
    for (const Client& client : clients_) ready.push_back({client.server, POLLIN, 0});
    (void)::poll(ready.data(), ready.size(), 20);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (dying_ && clients_[i].server >= 0) {
        ::close(clients_[i].server);
        clients_[i].server = -1;
      } else if (ready[i].revents != 0) {
        take(clients_[i]);
      }
    }
  }
}

void PmiServer::take(Client& client) {
  char buffer[4096];
  const ssize_t got = ::recv(client.server, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got <= 0) {
    ::close(client.server);
    client.server = -1;
    return;
  }
  client.read.append(buffer, static_cast<std::size_t>(got));
  for (;;) {
    if (version_ == 2 && client.greeted) {
      if (client.read.size() < 6) return;
      const std::size_t bytes = std::stoul(client.read.substr(0, 6));
      if (client.read.size() < 6 + bytes) return;
      const std::string message = client.read.substr(6, bytes);
      client.read.erase(0, 6 + bytes);
      handle(client, message);
    } else {
      const std::size_t end = client.read.find('\n');
      if (end == std::string::npos) return;
      const std::string message = client.read.substr(0, end);
      client.read.erase(0, end + 1);
      handle(client, message);
    }
  }
}

void PmiServer::answer(Client& client, const std::string& text) const {
  const std::string out =
      version_ == 2 && client.greeted ? fmt::format("{:6}{}", text.size(), text) : text + "\n";
  // In two pieces: a reader that takes what comes for a whole message is found out.
  const std::size_t first = out.size() / 2;
  (void)!::send(client.server, out.data(), first, MSG_NOSIGNAL);
  (void)!::send(client.server, out.data() + first, out.size() - first, MSG_NOSIGNAL);
}

void PmiServer::barrier() {
  if (!std::all_of(clients_.begin(), clients_.end(), [](const Client& one) { return one.in_barrier; }))
    return;
  for (Client& client : clients_) {
    client.in_barrier = false;
    answer(client, version_ == 2 ? "cmd=kvs-fence-response;rc=0;" : "cmd=barrier_out");
  }
}

void PmiServer::handle(Client& client, const std::string& message) {
  auto words = fields(message, version_ == 2 && client.greeted ? ';' : ' ');
  const std::string& command = words["cmd"];
  if (command == "init") {
    const bool fits = words["pmi_version"] == std::to_string(version_);
    answer(client, fmt::format("cmd=response_to_init pmi_version={} pmi_subversion=1 rc={}", version_,
                               fits ? 0 : -1));
    client.greeted = true;
  } else if (command == "fullinit") {
    answer(client,
           fmt::format("cmd=fullinit-response;rc=0;pmi-version=2;pmi-subversion=0;rank={};size={};appnum=0;",
                       words["pmirank"], clients_.size()));
  } else if (command == "get_maxes") {
    answer(client, "cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024");
  } else if (command == "get_my_kvsname") {
    answer(client, "cmd=my_kvsname kvsname=kvs_17_0");
  } else if (command == "put" || command == "kvs-put") {
    values_[words["key"]] = words["value"];
    if (version_ == 2) {
      answer(client, fmt::format("cmd=kvs-put-response;rc={};", refuse_ ? 1 : 0));
    } else {
      answer(client, refuse_ ? "cmd=put_result rc=-1 msg=no_room" : "cmd=put_result rc=0 msg=success");
    }
  } else if (command == "get" || command == "kvs-get") {
    const auto found = values_.find(words["key"]);
    const bool there = found != values_.end();
    if (version_ == 2) {
      answer(client, fmt::format("cmd=kvs-get-response;rc=0;found={};value={};", there ? "TRUE" : "FALSE",
                                 there ? found->second : ""));
    } else {
      answer(client, there ? "cmd=get_result rc=0 msg=success value=" + found->second
                           : std::string("cmd=get_result rc=-1 msg=key_not_found"));
    }
  } else if (command == "barrier_in" || command == "kvs-fence") {
    client.in_barrier = true;
    barrier();
  } else if (command == "finalize") {
    ++finished_;
    answer(client, version_ == 2 ? "cmd=finalize-response;rc=0;" : "cmd=finalize_ack");
  }
}

}  // namespace tally::test
