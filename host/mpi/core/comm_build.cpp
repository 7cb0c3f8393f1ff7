// SPDX-License-Identifier: BSD-3-Clause
#include "core/comm.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.hpp"
#include "core/group.hpp"
#include "core/handles.hpp"
#include "core/runtime.hpp"
#include "core/topology.hpp"

namespace tally::mpi {
namespace {

// Tags on the library's channel, below 2^30:
//   [0, 2^28)     messages of something that is made, by its number
//   [2^29, 2^30)  on MPI_COMM_WORLD: the first process's word that it has taken a context, by a hash of the
//   key
constexpr std::uint32_t kCreationMask = (1u << 28) - 1;
constexpr int kWordTag = 1 << 29;
constexpr std::uint32_t kGroupKeys = 1u << 31;  // numbers above: MPI_Comm_create_group's tags
constexpr std::uint32_t kPending = 256;         // that are made of one communicator at once, in any order

// FNV-1a, 64 bits (Fowler, Noll, Vo).
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) noexcept {
  for (int byte = 0; byte < 8; ++byte, value >>= 8) hash = (hash ^ (value & 0xff)) * 0x100000001b3u;
  return hash;
}

int word_tag(std::uint64_t key) noexcept {
  return kWordTag | static_cast<int>((key ^ key >> 32) & (static_cast<std::uint64_t>(kWordTag) - 1));
}

/// Groups of destroyed communicators that something still uses.
std::vector<tally_group*>& lingering() {
  static auto* const groups =
      new std::vector<tally_group*>();  // for what runs at the end of the process, too
  return *groups;
}
/// Groups of communicators that exist.
std::vector<tally_group*>& living() {
  static auto* const groups =
      new std::vector<tally_group*>();  // for what runs at the end of the process, too
  return *groups;
}

/// The group of these job ranks.
Task make_tally_group(std::vector<int> job_ranks, std::uint64_t key, tally_group** out) {
  const int leader = job_ranks.front();
  const int tag = word_tag(key);
  tally_group* const world = runtime.world->internal;
  if (leader != runtime.job_rank) {
    Operations word;
    word.receive(world, nullptr, 0, leader, tag);
    co_await word.all();
  }
  tally_group* group = nullptr;
  // The others hear of it even if there is no context: they fail as this process does.
  const tally_status status = tally_group_create_keyed(runtime.endpoint, job_ranks.data(),
                                                       static_cast<int>(job_ranks.size()), key, &group);
  const std::string text = status == TALLY_OK ? std::string() : tally_last_error();
  if (leader == runtime.job_rank) {
    Operations words;
    for (std::size_t member = 1; member < job_ranks.size(); ++member)
      words.send(world, nullptr, 0, job_ranks[member], tag);
    co_await words.all();
  }
  if (status == TALLY_ERR_NO_MEMORY) throw Error{MPI_ERR_OTHER, "too many communicators: " + text, {}};
  if (status != TALLY_OK) throw Error{MPI_ERR_INTERN, text, {}};
  living().push_back(group);
  *out = group;
}

void finish(Comm& made, tally_group* group) {
  made.group = group;
  check(tally_group_channel(runtime.endpoint, group, 1, &made.internal));
}

bool free_group(tally_group* group) noexcept { return tally_group_free(group) != TALLY_ERR_BUSY; }

}  // namespace

Comm::Comm(bool is_predefined) noexcept : Object(Kind::kComm, is_predefined) {}

Comm::~Comm() {
  if (group == nullptr) return;
  std::erase(living(), group);
  lingering().push_back(group);
  free_groups(false);
}

void free_groups(bool all) noexcept {
  std::erase_if(lingering(), free_group);
  if (!all) return;
  std::erase_if(living(), free_group);
}

std::uint32_t next_creation(Comm& comm) noexcept { return comm.next_creation++ & kCreationMask; }
int creation_tag(std::uint32_t creation) noexcept { return static_cast<int>(creation); }
std::uint64_t creation_key(const Comm& comm, std::uint32_t creation) noexcept {
  std::uint32_t id = 0;  // of all ranks
  if (comm.group != nullptr) (void)tally_group_id(comm.group, &id);
  // Few numbers: the Tally API counts what is made of each list and key.
  return mix(mix(0xcbf29ce484222325u, id), creation < kGroupKeys ? creation % kPending : creation);
}

std::uint64_t creation_key(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

int own_rank_in_group(const Comm& comm) noexcept {
  if (!comm.inter()) return comm.rank;
  int rank = 0;
  (void)tally_group_rank(comm.group, &rank);
  return rank;
}
int ranks_in_group(const Comm& comm) noexcept {
  return comm.inter() ? comm.size + comm.remote->size() : comm.size;
}

// Bruck, Ho, Kipnis, Upfal, Weathersby, "Efficient Algorithms for All-to-All Communications in Multiport
// Message-Passing Systems", 1997: after step k each process has the blocks of 2^(k+1) processes from itself
// on.
Task gather_all(Comm& comm, int tag, void* all, std::size_t bytes) {
  const int size = ranks_in_group(comm);
  const int rank = own_rank_in_group(comm);
  auto* const blocks = static_cast<std::byte*>(all);
  const auto block = [&](std::vector<std::byte>& from, int i) {
    return from.data() + static_cast<std::size_t>(i) * bytes;
  };
  std::vector<std::byte> rotated(static_cast<std::size_t>(size) * bytes);
  std::memcpy(rotated.data(), blocks + static_cast<std::size_t>(rank) * bytes, bytes);
  for (int have = 1; have < size; have *= 2) {
    const int count = std::min(have, size - have);
    const std::size_t length = static_cast<std::size_t>(count) * bytes;
    Operations step;
    step.receive(comm.internal, block(rotated, have), length, (rank + have) % size, tag);
    step.send(comm.internal, rotated.data(), length, (rank - have + size) % size, tag);
    co_await step.all();
  }
  for (int i = 0; i < size; ++i)
    std::memcpy(blocks + static_cast<std::size_t>((rank + i) % size) * bytes, block(rotated, i), bytes);
}

Task spread(Comm& comm, int tag, int root, std::vector<std::byte>* bytes) {
  Operations messages;
  if (comm.rank == root) {
    for (int r = 0; r < comm.size; ++r) {
      if (r != root) messages.send(comm.internal, bytes->data(), bytes->size(), r, tag);
    }
  } else {
    messages.receive(comm.internal, bytes->data(), bytes->size(), root, tag);
  }
  co_await messages.all();
}

Task build(Comm& made, std::vector<int> job_ranks, std::uint64_t key) {
  Ref<Group> members = make_group(job_ranks, made.session_buffer);
  tally_group* group = nullptr;
  co_await make_tally_group(std::move(job_ranks), key, &group);
  made.rank = members->rank;
  made.size = members->size();
  made.members = std::move(members);
  finish(made, group);
}

Task build_inter(Comm& made, std::vector<int> local, std::vector<int> remote, bool local_is_low,
                 std::uint64_t key) {
  // The library's own communicator of the local group; its side tells the keys apart.
  Ref<Comm> own = new_comm(nullptr);
  co_await build(*own, local, mix(key, local_is_low ? 1 : 2));
  std::vector<int> both = local_is_low ? local : remote;
  const std::vector<int>& high = local_is_low ? remote : local;
  both.insert(both.end(), high.begin(), high.end());
  tally_group* group = nullptr;
  co_await make_tally_group(both, mix(key, 3), &group);
  Ref<Group> members = make_group(local, made.session_buffer);
  made.rank = members->rank;
  made.size = members->size();
  made.members = std::move(members);
  const int first_remote = local_is_low ? made.size : 0;
  made.from_group.assign(both.size(), MPI_UNDEFINED);
  made.remote_ranks.resize(remote.size());
  for (int i = 0; i < static_cast<int>(remote.size()); ++i) {
    made.remote_ranks[static_cast<std::size_t>(i)] = first_remote + i;
    made.from_group[static_cast<std::size_t>(first_remote + i)] = i;
  }
  made.remote = make_group(std::move(remote), made.session_buffer);
  made.local = std::move(own);
  finish(made, group);
}

bool local_is_low(const Comm& comm) noexcept {
  return comm.remote_ranks.empty() || comm.remote_ranks.front() != 0;
}

Ref<Comm> new_comm(const Comm* parent) {
  Ref<Comm> made(new Comm());
  made->errhandler =
      parent != nullptr ? parent->errhandler : Ref<Errhandler>::share(&get_errhandler(MPI_ERRORS_ARE_FATAL));
  if (parent != nullptr) made->session_buffer = parent->session_buffer;
  return made;
}

std::string describe(const Comm& comm) {
  if (!comm.name.empty()) return comm.name;
  if (comm.inter())
    return fmt::format("(intercommunicator of {} and {} processes)", comm.size, comm.remote->size());
  return fmt::format("({} processes)", comm.size);
}

Comm& check_intra(Comm& comm, const char* argument) {
  if (comm.inter()) fail(MPI_ERR_COMM, "{} is an intercommunicator", argument);
  return comm;
}
Comm& check_inter(Comm& comm, const char* argument) {
  if (!comm.inter()) fail(MPI_ERR_COMM, "{} is not an intercommunicator", argument);
  return comm;
}

}  // namespace tally::mpi
