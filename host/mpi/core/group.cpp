// SPDX-License-Identifier: BSD-3-Clause
// Groups (MPI 5.0, 7.3). All of it is local.
#include "core/group.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/runtime.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

/// Rank in the group of each of its job ranks.
std::unordered_map<int, int> positions(const Group& group) {
  std::unordered_map<int, int> result;
  result.reserve(group.ranks.size());
  for (int i = 0; i < group.size(); ++i) result.emplace(group.ranks[static_cast<std::size_t>(i)], i);
  return result;
}

/// A group that is made of `from`.
MPI_Group give(std::vector<int> job_ranks, const Group& from) {
  return handle(make_group(std::move(job_ranks), from.session_buffer).give());
}

/// Checks ranks[0..n) of the group: in range and distinct. True where a rank is in the list.
std::vector<bool> listed(const Group& group, int n, const int ranks[]) {
  if (n < 0) fail(MPI_ERR_ARG, "n {} is negative", n);
  if (n > 0) check_out(ranks, "ranks");
  std::vector<bool> seen(group.ranks.size());
  for (int i = 0; i < n; ++i) {
    if (ranks[i] < 0 || ranks[i] >= group.size())
      fail(MPI_ERR_RANK, "ranks[{}] {} is out of range (0 to {})", i, ranks[i], group.size() - 1);
    if (seen[static_cast<std::size_t>(ranks[i])])
      fail(MPI_ERR_RANK, "ranks[{}] {} is in the list before", i, ranks[i]);
    seen[static_cast<std::size_t>(ranks[i])] = true;
  }
  return seen;
}

/// The ranks that n triplets {first, last, stride} name, in their order.
std::vector<int> expand(const Group& group, int n, const int (*ranges)[3]) {
  if (n < 0) fail(MPI_ERR_ARG, "n {} is negative", n);
  if (n > 0) check_out(ranges, "ranges");
  std::vector<int> ranks;
  std::vector<bool> seen(group.ranks.size());
  for (int i = 0; i < n; ++i) {
    const auto [first, last, stride] = std::tuple(ranges[i][0], ranges[i][1], ranges[i][2]);
    if (stride == 0) fail(MPI_ERR_ARG, "ranges[{}]: the stride is 0", i);
    if (first < 0 || first >= group.size())
      fail(MPI_ERR_RANK, "ranges[{}]: first rank {} is out of range (0 to {})", i, first, group.size() - 1);
    // The last one that is named need not be `last` itself, but is between it and `first`.
    if ((stride > 0 && first > last) || (stride < 0 && first < last)) {
      fail(MPI_ERR_ARG, "ranges[{}]: no rank from {} by stride {} to {}", i, first, stride, last);
    }
    const long steps = (static_cast<long>(last) - first) / stride;
    for (long step = 0; step <= steps; ++step) {
      const long rank = first + step * stride;
      if (rank < 0 || rank >= group.size())
        fail(MPI_ERR_RANK, "ranges[{}]: rank {} is out of range (0 to {})", i, rank, group.size() - 1);
      if (seen[static_cast<std::size_t>(rank)])
        fail(MPI_ERR_RANK, "ranges[{}]: rank {} is named twice", i, rank);
      seen[static_cast<std::size_t>(rank)] = true;
      ranks.push_back(static_cast<int>(rank));
    }
  }
  return ranks;
}

}  // namespace

int rank_of(const Group& group, int job_rank) noexcept {
  const auto found = std::find(group.ranks.begin(), group.ranks.end(), job_rank);
  return found == group.ranks.end() ? MPI_UNDEFINED : static_cast<int>(found - group.ranks.begin());
}

Ref<Group> make_group(std::vector<int> job_ranks, std::shared_ptr<SessionBuffer> session_buffer) {
  if (job_ranks.empty()) return Ref<Group>::share(&get_group(MPI_GROUP_EMPTY));
  Ref<Group> made(new Group(std::move(job_ranks)));
  made->rank = rank_of(*made, runtime.job_rank);
  made->session_buffer = std::move(session_buffer);
  return made;
}

int compare(const Group& a, const Group& b) {
  if (a.ranks == b.ranks) return MPI_IDENT;
  std::vector<int> of_a = a.ranks;
  std::vector<int> of_b = b.ranks;
  std::sort(of_a.begin(), of_a.end());
  std::sort(of_b.begin(), of_b.end());
  return of_a == of_b ? MPI_SIMILAR : MPI_UNEQUAL;
}

// --- MPI_Group_*
// --------------------------------------------------------------------------------------------

void Group_size(MPI_Group group, int* size) {
  const Group& object = get_group(group);
  check_out(size, "size");
  *size = object.size();
}

void Group_rank(MPI_Group group, int* rank) {
  const Group& object = get_group(group);
  check_out(rank, "rank");
  *rank = object.rank;
}

void Group_translate_ranks(MPI_Group group1, int n, const int ranks1[], MPI_Group group2, int ranks2[]) {
  const Group& from = get_group(group1);
  const Group& to = get_group(group2);
  if (n < 0) fail(MPI_ERR_ARG, "n {} is negative", n);
  if (n == 0) return;
  check_out(ranks1, "ranks1");
  check_out(ranks2, "ranks2");
  const auto position = positions(to);
  for (int i = 0; i < n; ++i) {
    if (ranks1[i] != MPI_PROC_NULL && (ranks1[i] < 0 || ranks1[i] >= from.size()))
      fail(MPI_ERR_RANK, "ranks1[{}] {} is out of range (0 to {})", i, ranks1[i], from.size() - 1);
  }
  for (int i = 0; i < n; ++i) {
    if (ranks1[i] == MPI_PROC_NULL) {
      ranks2[i] = MPI_PROC_NULL;
      continue;
    }
    const auto found = position.find(from.ranks[static_cast<std::size_t>(ranks1[i])]);
    ranks2[i] = found == position.end() ? MPI_UNDEFINED : found->second;
  }
}

void Group_compare(MPI_Group group1, MPI_Group group2, int* result) {
  const Group& a = get_group(group1);
  const Group& b = get_group(group2);
  check_out(result, "result");
  *result = compare(a, b);
}

void Group_union(MPI_Group group1, MPI_Group group2, MPI_Group* newgroup) {
  const Group& a = get_group(group1);
  const Group& b = get_group(group2);
  check_out(newgroup, "newgroup");
  const auto in_a = positions(a);
  std::vector<int> ranks = a.ranks;
  std::copy_if(b.ranks.begin(), b.ranks.end(), std::back_inserter(ranks),
               [&](int rank) { return in_a.count(rank) == 0; });
  *newgroup = give(std::move(ranks), a);
}

void Group_intersection(MPI_Group group1, MPI_Group group2, MPI_Group* newgroup) {
  const Group& a = get_group(group1);
  const Group& b = get_group(group2);
  check_out(newgroup, "newgroup");
  const auto in_b = positions(b);
  std::vector<int> ranks;
  std::copy_if(a.ranks.begin(), a.ranks.end(), std::back_inserter(ranks),
               [&](int rank) { return in_b.count(rank) != 0; });
  *newgroup = give(std::move(ranks), a);
}

void Group_difference(MPI_Group group1, MPI_Group group2, MPI_Group* newgroup) {
  const Group& a = get_group(group1);
  const Group& b = get_group(group2);
  check_out(newgroup, "newgroup");
  const auto in_b = positions(b);
  std::vector<int> ranks;
  std::copy_if(a.ranks.begin(), a.ranks.end(), std::back_inserter(ranks),
               [&](int rank) { return in_b.count(rank) == 0; });
  *newgroup = give(std::move(ranks), a);
}

void Group_incl(MPI_Group group, int n, const int ranks[], MPI_Group* newgroup) {
  const Group& object = get_group(group);
  check_out(newgroup, "newgroup");
  listed(object, n, ranks);
  std::vector<int> result;
  for (int i = 0; i < n; ++i) result.push_back(object.ranks[static_cast<std::size_t>(ranks[i])]);
  *newgroup = give(std::move(result), object);
}

void Group_excl(MPI_Group group, int n, const int ranks[], MPI_Group* newgroup) {
  const Group& object = get_group(group);
  check_out(newgroup, "newgroup");
  const std::vector<bool> out = listed(object, n, ranks);
  std::vector<int> result;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!out[i]) result.push_back(object.ranks[i]);
  }
  *newgroup = give(std::move(result), object);
}

void Group_range_incl(MPI_Group group, int n, int ranges[][3], MPI_Group* newgroup) {
  const Group& object = get_group(group);
  check_out(newgroup, "newgroup");
  std::vector<int> result;
  for (const int rank : expand(object, n, ranges))
    result.push_back(object.ranks[static_cast<std::size_t>(rank)]);
  *newgroup = give(std::move(result), object);
}

void Group_range_excl(MPI_Group group, int n, int ranges[][3], MPI_Group* newgroup) {
  const Group& object = get_group(group);
  check_out(newgroup, "newgroup");
  std::vector<bool> out(object.ranks.size());
  for (const int rank : expand(object, n, ranges)) out[static_cast<std::size_t>(rank)] = true;
  std::vector<int> result;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!out[i]) result.push_back(object.ranks[i]);
  }
  *newgroup = give(std::move(result), object);
}

void Group_free(MPI_Group* group) {
  check_out(group, "group");
  Group& object = get_group(*group);
  give_back(&object);
  *group = MPI_GROUP_NULL;
}

}  // namespace tally::mpi
