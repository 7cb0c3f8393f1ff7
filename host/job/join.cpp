// SPDX-License-Identifier: BSD-3-Clause
// Joining a job, whoever has started it.
//
// `tally run` has made the segment, and its variables name it. Under another launcher the ranks tell each
// other which host they are on; the first rank of each host makes that host's segment and tells its path; the
// others open it. The segment has no name in the file system there either: it goes when the last process that
// maps it does.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>

#include "job/job.hpp"
#include "job/launcher.hpp"
#include "job/patience.hpp"
#include "job/peer_watch.hpp"
#include "job/pmi_socket.hpp"

namespace tally::job {
namespace {

constexpr const char* kGreeting = "tally-job-1";

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

/// The connection to a launcher belongs to the process: there is one, and a job is joined once.
struct Session {
  std::mutex mutex;
  std::unique_ptr<Launcher> launcher;
  bool open = false;
  bool left = false;
};

Session& session() {
  static Session* const one = new Session;  // never destroyed: endpoints may live in objects of any lifetime
  return *one;
}

/// What can reach each other through memory: one kernel, one table of processes, one user.
std::string host_identity() {
  if (std::string chosen = variable("TALLY_HOST"); !chosen.empty()) {
    if (chosen.size() > 128 || chosen.find('\n') != std::string::npos) {
      throw Error("TALLY_HOST: a name of one line and at most 128 letters, please");
    }
    return "named:" + chosen;
  }
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  if (boot.empty()) {
    char name[256] = {};
    (void)::gethostname(name, sizeof name - 1);
    boot = name;
  }
  struct stat processes {};
  (void)::stat("/proc/self/ns/pid", &processes);
  return fmt::format("{}/{}/{}", boot, processes.st_ino, ::getuid());
}

/// What a rank tells first.
struct Greeting {
  std::string host;
  std::string transport;
};

Greeting parse_greeting(const std::string& text, std::size_t rank) {
  const std::size_t first = text.find('\n');
  const std::size_t second = text.find('\n', first == std::string::npos ? first : first + 1);
  if (second == std::string::npos || text.substr(0, first) != kGreeting) {
    throw Error(fmt::format("rank {} runs another version of Tally", rank));
  }
  return {text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

/// A value that says why its rank cannot go on.
std::string complaint(const std::string& why) { return "!" + why.substr(0, 400); }

void throw_first_complaint(const std::vector<std::string>& values) {
  for (std::size_t rank = 0; rank < values.size(); ++rank) {
    if (values[rank].starts_with('!')) throw Error(fmt::format("rank {}: {}", rank, values[rank].substr(1)));
  }
}

Membership alone() {
  Segment segment = Segment::create(1, EngineKind::kSoft, false);
  const std::uint64_t id = segment.header().id;
  return Membership{std::move(segment), 0, 1, false, id, {0}, nullptr};
}

Membership join_tally() {
  const char* path = std::getenv("TALLY_JOB");
  const char* rank_text = std::getenv("TALLY_RANK");
  const char* size_text = std::getenv("TALLY_SIZE");
  for (const auto& [name, text] : {std::pair{"TALLY_JOB", path}, std::pair{"TALLY_RANK", rank_text},
                                   std::pair{"TALLY_SIZE", size_text}}) {
    if (text != nullptr) continue;
    if (path == nullptr && rank_text == nullptr && size_text == nullptr) {
      throw Error(
          fmt::format("TALLY_LAUNCHER: tally, but {} is not set: start the program with tally run", name));
    }
    throw Error(fmt::format("{} is not set, but others of TALLY_JOB, TALLY_RANK and TALLY_SIZE are", name));
  }
  const int size = pmi_number("TALLY_SIZE", 1, static_cast<int>(kMaxRanks));
  const int rank = pmi_number("TALLY_RANK", 0, size - 1);
  Segment segment = Segment::open(path);
  if (segment.header().ranks != static_cast<std::uint32_t>(size)) {
    throw Error(fmt::format("TALLY_SIZE: {}, but the job has {} ranks", size, segment.header().ranks));
  }
  const std::uint64_t id = segment.header().id;
  return Membership{std::move(segment),
                    rank,
                    size,
                    true,
                    id,
                    std::vector<std::uint32_t>(static_cast<std::size_t>(size), 0),
                    nullptr};
}

/// The job's, from those of its ranks' segments. FNV-1a, 64 bits (Fowler, Noll, Vo).
std::uint64_t job_id(const std::vector<std::string>& ids) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const std::string& id : ids) {
    for (const char byte : id) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  }
  return hash;
}

/// Number of each rank's host, in the order of their first ranks.
std::vector<std::uint32_t> number_hosts(const std::vector<Greeting>& greetings) {
  std::vector<std::string> names;
  std::vector<std::uint32_t> hosts;
  for (const Greeting& greeting : greetings) {
    const auto known = std::find(names.begin(), names.end(), greeting.host);
    hosts.push_back(static_cast<std::uint32_t>(known - names.begin()));
    if (known == names.end()) names.push_back(greeting.host);
  }
  return hosts;
}

}  // namespace

/// A process's place in a job of another launcher than `tally run`.
class Place {
 public:
  explicit Place(LauncherKind kind) {
    Session& one = session();
    const std::lock_guard lock(one.mutex);
    const auto rank = [&one] { return one.launcher->rank(); };
    if (one.left) throw Error(fmt::format("rank {} has left this job already", rank()));
    if (one.open) throw Error(fmt::format("rank {} is open already, in process {}", rank(), ::getpid()));
    if (one.launcher == nullptr) {
      one.launcher = kind == LauncherKind::kPmi1   ? connect_pmi1()
                     : kind == LauncherKind::kPmi2 ? connect_pmi2()
                                                   : connect_pmix();
    }
    one.open = true;
    launcher_ = one.launcher.get();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    Session& one = session();
    const std::lock_guard lock(one.mutex);
    one.open = false;
    // A rank that has not closed its endpoint has not left: the launcher is to take its end for a failure.
    if (header_ == nullptr || header_->rank[launcher_->rank()].closed.load() == 0) return;
    watch_.reset();
    launcher_->finish();
    one.left = true;
  }
  [[nodiscard]] Launcher& launcher() const noexcept { return *launcher_; }
  void settle(Header& header) {
    header_ = &header;
    watch_ = std::make_unique<PeerWatch>(header, static_cast<std::uint32_t>(launcher_->rank()));
  }
  void look() noexcept {
    if (watch_ != nullptr) watch_->look();
  }

 private:
  Launcher* launcher_ = nullptr;
  Header* header_ = nullptr;
  std::unique_ptr<PeerWatch> watch_;
};

namespace {

Membership join_launched(LauncherKind kind) {
  auto place = std::make_shared<Place>(kind);
  Launcher& launcher = place->launcher();
  const auto size = static_cast<std::size_t>(launcher.size());
  const auto own = static_cast<std::size_t>(launcher.rank());
  if (size > kMaxRanks) {
    throw Error(fmt::format("{}: the launcher has started {} ranks; Tally takes {}", launcher.name(), size,
                            kMaxRanks));
  }
  const std::string transport = variable("TALLY_TRANSPORT");
  std::vector<Greeting> greetings;
  for (const std::string& text :
       launcher.exchange(fmt::format("{}\n{}\n{}", kGreeting, host_identity(), transport))) {
    greetings.push_back(parse_greeting(text, greetings.size()));
  }
  for (std::size_t rank = 0; rank < size; ++rank) {
    if (greetings[rank].transport == transport) continue;
    throw Error(fmt::format("TALLY_TRANSPORT: '{}' here (rank {}), '{}' at rank {}", transport, own,
                            greetings[rank].transport, rank));
  }
  std::vector<std::uint32_t> hosts = number_hosts(greetings);
  const auto leader =
      static_cast<std::size_t>(std::find(hosts.begin(), hosts.end(), hosts[own]) - hosts.begin());

  // A rank that cannot go on says so in the next exchange: the others would wait for it there.
  std::string word;
  std::unique_ptr<Segment> segment;
  if (leader == own) {
    try {
      segment = std::make_unique<Segment>(
          Segment::create(static_cast<std::uint32_t>(size), EngineKind::kSoft, false));
      segment->header().ranks_here =
          static_cast<std::uint32_t>(std::count(hosts.begin(), hosts.end(), hosts[own]));
      word = segment->path();
    } catch (const Error& error) {
      word = complaint(error.what());
    }
  }
  const std::vector<std::string> paths = launcher.exchange(word);
  throw_first_complaint(paths);
  word.clear();
  if (leader != own) {
    try {
      segment = std::make_unique<Segment>(Segment::open(paths[leader]));
      if (segment->header().ranks != size)
        throw Error(fmt::format("the segment of rank {} is another job's", leader));
    } catch (const Error& error) {
      word = complaint(
          fmt::format("{} (made by rank {} of this host; where processes cannot share memory give them "
                      "different TALLY_HOST)",
                      error.what(), leader));
    }
  }
  if (word.empty()) word = fmt::format("{:016x}", segment->header().id);
  const std::vector<std::string> ids = launcher.exchange(word);
  throw_first_complaint(ids);
  place->settle(segment->header());
  return Membership{std::move(*segment), static_cast<int>(own), static_cast<int>(size), false, job_id(ids),
                    std::move(hosts),    std::move(place)};
}

/// Through the segment that all ranks share.
std::vector<std::string> exchange_here(Header& header, std::uint32_t rank, std::string_view mine) {
  if (mine.size() > Blackboard::kBytes) {
    throw Error(fmt::format("a value of {} bytes is too long: {} at most", mine.size(), Blackboard::kBytes));
  }
  // A rank is one round ahead of another at most: what it writes next takes the place of what all have read.
  const std::uint32_t round = header.blackboard[rank].round.load(std::memory_order_relaxed) + 1;
  Blackboard& own = header.blackboard[rank];
  std::memcpy(own.value[round % 2], mine.data(), mine.size());
  own.bytes[round % 2] = static_cast<std::uint32_t>(mine.size());
  own.round.store(round, std::memory_order_release);
  std::vector<std::string> all;
  for (std::uint32_t peer = 0; peer < header.ranks; ++peer) {
    const Blackboard& theirs = header.blackboard[peer];
    Patience patience(fmt::format("rank {} waits for rank {} to open its endpoint", rank, peer));
    while (theirs.round.load(std::memory_order_acquire) < round) {
      if (header.failed.load() != 0) throw Error("the job is being ended");
      patience.look();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    all.emplace_back(theirs.value[round % 2], theirs.bytes[round % 2]);
  }
  return all;
}

}  // namespace

bool Membership::one_host() const noexcept {
  return std::all_of(host.begin(), host.end(), [](std::uint32_t number) { return number == 0; });
}

std::vector<std::string> Membership::exchange(std::string_view mine) const {
  if (place != nullptr) return place->launcher().exchange(mine);
  return exchange_here(segment.header(), static_cast<std::uint32_t>(rank), mine);
}

void Membership::look_after_peers() const noexcept {
  if (place != nullptr) place->look();
}

const char* Membership::launcher() const noexcept {
  return place != nullptr ? place->launcher().name() : launched ? "tally" : "none";
}

Membership join() {
  const LauncherKind kind = detect_launcher();
  if (kind == LauncherKind::kNone) return alone();
  if (kind == LauncherKind::kTally) return join_tally();
  return join_launched(kind);
}

}  // namespace tally::job
