// SPDX-License-Identifier: BSD-3-Clause
// Intercommunicators (MPI 5.0, 7.6).
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/comm.hpp"
#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/group.hpp"
#include "core/handles.hpp"
#include "core/request.hpp"
#include "core/runtime.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

// Tags of the leaders' messages on the peer communicator: [2^28, 2^29), by the program's tag.
int leaders_tag(int tag) noexcept { return 1 << 28 | (tag & ((1 << 28) - 1)); }

/// What one leader tells the other one of its group.
struct Introduction {
  std::uint64_t key;      ///< of this side's local communicator
  std::int32_t count;     ///< processes; 0: something is wrong at this side
  std::int32_t ranks[1];  ///< of the job; as many as it has
};
constexpr std::size_t kHead = offsetof(Introduction, ranks);

std::vector<std::byte> introduction(std::uint64_t key, const std::vector<int>& ranks) {
  std::vector<std::byte> bytes(kHead + static_cast<std::size_t>(runtime.job_size) * sizeof(std::int32_t));
  const auto count = static_cast<std::int32_t>(ranks.size());
  std::memcpy(bytes.data() + offsetof(Introduction, key), &key, sizeof key);
  std::memcpy(bytes.data() + offsetof(Introduction, count), &count, sizeof count);
  std::memcpy(bytes.data() + kHead, ranks.data(), ranks.size() * sizeof(int));
  return bytes;
}

struct Introduced {
  std::uint64_t key = 0;
  std::vector<int> ranks;
};
Introduced read(const std::vector<std::byte>& bytes) {
  Introduced result;
  std::int32_t count = 0;
  std::memcpy(&result.key, bytes.data() + offsetof(Introduction, key), sizeof result.key);
  std::memcpy(&count, bytes.data() + offsetof(Introduction, count), sizeof count);
  result.ranks.resize(static_cast<std::size_t>(std::clamp(count, 0, runtime.job_size)));
  std::memcpy(result.ranks.data(), bytes.data() + kHead, result.ranks.size() * sizeof(int));
  return result;
}

/// peer: of the leaders only. remote: rank of the other leader in peer->group.
Task create(Comm& local, int leader, Comm* peer, int remote, int tag, Ref<Comm>* made) {
  const std::uint32_t creation = next_creation(local);
  const std::uint64_t own_key = creation_key(local, creation);
  std::vector<std::byte> other = introduction(0, {});
  if (local.rank == leader) {
    const std::vector<std::byte> own = introduction(own_key, local.members->ranks);
    Operations leaders;
    leaders.receive(peer->internal, other.data(), other.size(), remote, leaders_tag(tag));
    leaders.send(peer->internal, own.data(), own.size(), remote, leaders_tag(tag));
    co_await leaders.all();
  }
  co_await spread(local, creation_tag(creation), leader, &other);
  Introduced others = read(other);
  for (const int rank : others.ranks) {
    if (rank_of(*local.members, rank) != MPI_UNDEFINED)
      fail(MPI_ERR_COMM, "local_comm: rank {} of the job is in both groups", rank);
  }
  // Both sides know both groups: the one of the lower first rank comes first, and its key counts.
  const bool low = local.members->ranks.front() < others.ranks.front();
  std::vector<int> own_ranks = local.members->ranks;
  *made = new_comm(&local);
  co_await build_inter(**made, std::move(own_ranks), std::move(others.ranks), low,
                       low ? own_key : others.key);
}

Task merge(Comm& inter, int high, Ref<Comm>* made) {
  const std::uint32_t creation = next_creation(inter);
  std::vector<int> wishes(static_cast<std::size_t>(ranks_in_group(inter)));
  wishes[static_cast<std::size_t>(own_rank_in_group(inter))] = high != 0;
  co_await gather_all(inter, creation_tag(creation), wishes.data(), sizeof(int));
  const bool low = local_is_low(inter);
  const auto first_local = static_cast<std::ptrdiff_t>(low ? 0 : inter.remote->size());
  const auto first_remote = static_cast<std::ptrdiff_t>(low ? inter.size : 0);
  const auto differs = [&](std::ptrdiff_t first, int count) {
    return std::adjacent_find(wishes.begin() + first, wishes.begin() + first + count,
                              std::not_equal_to<>()) != wishes.begin() + first + count;
  };
  if (differs(first_local, inter.size) || differs(first_remote, inter.remote->size()))
    fail(MPI_ERR_ARG, "high differs between processes of one group");
  const int local_high = wishes[static_cast<std::size_t>(first_local)];
  const int remote_high = wishes[static_cast<std::size_t>(first_remote)];
  const bool local_first = local_high == remote_high ? low : local_high == 0;
  std::vector<int> ranks = local_first ? inter.members->ranks : inter.remote->ranks;
  const std::vector<int>& behind = local_first ? inter.remote->ranks : inter.members->ranks;
  ranks.insert(ranks.end(), behind.begin(), behind.end());
  *made = new_comm(&inter);
  co_await build(**made, std::move(ranks), creation_key(inter, creation));
}

/// As create(), but the leaders know the other group already.
Task create_from_groups(std::vector<int> own_ranks, int leader, std::vector<int> remote_ranks,
                        std::uint64_t key, std::shared_ptr<SessionBuffer> session_buffer, Ref<Comm>* made) {
  // Carries the other group's processes from the leader to all.
  Ref<Comm> local = new_comm(nullptr);
  co_await build(*local, own_ranks, key);
  std::vector<std::byte> other = introduction(key, remote_ranks);
  co_await spread(*local, creation_tag(next_creation(*local)), leader, &other);
  std::vector<int> others = read(other).ranks;
  for (const int rank : others) {
    if (rank_of(*local->members, rank) != MPI_UNDEFINED)
      fail(MPI_ERR_GROUP, "remote_group: rank {} of the job is in both groups", rank);
  }
  const bool low = own_ranks.front() < others.front();
  *made = new_comm(nullptr);
  (*made)->session_buffer = std::move(session_buffer);
  co_await build_inter(**made, std::move(own_ranks), std::move(others), low, key);
}

}  // namespace

void Intercomm_create_from_groups(MPI_Group local_group, int local_leader, MPI_Group remote_group,
                                  int remote_leader, const char* stringtag, MPI_Info info,
                                  MPI_Errhandler errhandler, MPI_Comm* newintercomm) {
  const Group& local = get_group(local_group, "local_group");
  check_out(stringtag, "stringtag");
  check_out(newintercomm, "newintercomm");
  if (info != MPI_INFO_NULL) get_info(info);
  Errhandler& errors = get_errhandler(errhandler);
  if (local.rank == MPI_UNDEFINED) fail(MPI_ERR_GROUP, "local_group does not hold the calling process");
  if (local_leader < 0 || local_leader >= local.size())
    fail(MPI_ERR_RANK, "local_leader {} is out of range (0 to {})", local_leader, local.size() - 1);
  std::vector<int> remote_ranks;
  if (local.rank == local_leader) {
    const Group& remote = get_group(remote_group, "remote_group");
    if (remote_leader < 0 || remote_leader >= remote.size())
      fail(MPI_ERR_RANK, "remote_leader {} is out of range (0 to {})", remote_leader, remote.size() - 1);
    remote_ranks = remote.ranks;
  }
  Ref<Comm> made;
  run(create_from_groups(local.ranks, local_leader, std::move(remote_ranks), creation_key(stringtag),
                         local.session_buffer, &made));
  made->errhandler = Ref<Errhandler>::share(&errors);
  if (info != MPI_INFO_NULL) made->info = get_info(info).entries;
  *newintercomm = handle(made.give());
}

void Intercomm_create(MPI_Comm local_comm, int local_leader, MPI_Comm peer_comm, int remote_leader, int tag,
                      MPI_Comm* newintercomm) {
  Comm& local = check_intra(get_comm(local_comm, "local_comm"), "local_comm");
  check_out(newintercomm, "newintercomm");
  if (local_leader < 0 || local_leader >= local.size)
    fail(MPI_ERR_RANK, "local_leader {} is out of range (0 to {})", local_leader, local.size - 1);
  Comm* peer = nullptr;
  int remote = 0;
  if (local.rank == local_leader) {
    peer = &get_comm(peer_comm, "peer_comm");
    if (remote_leader < 0 || remote_leader >= peer->peers())
      fail(MPI_ERR_RANK, "remote_leader {} is out of range (0 to {})", remote_leader, peer->peers() - 1);
    if (tag < 0) fail(MPI_ERR_TAG, "tag {} is out of range (0 to {})", tag, TALLY_MAX_TAG);
    remote = peer->peer(remote_leader);
    if (!peer->inter() && remote == peer->rank)
      fail(MPI_ERR_RANK, "remote_leader {} is the caller", remote_leader);
  }
  Ref<Comm> made;
  run(create(local, local_leader, peer, remote, tag, &made));
  *newintercomm = handle(made.give());
}

void Intercomm_merge(MPI_Comm intercomm, int high, MPI_Comm* newintracomm) {
  Comm& inter = check_inter(get_comm(intercomm, "intercomm"), "intercomm");
  check_out(newintracomm, "newintracomm");
  Ref<Comm> made;
  run(merge(inter, high, &made));
  *newintracomm = handle(made.give());
}

}  // namespace tally::mpi
