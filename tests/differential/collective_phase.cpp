// SPDX-License-Identifier: BSD-3-Clause
#include "differential/collective_phase.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "support/exercise.hpp"

namespace tally::test {
namespace {

constexpr const char* kAlgorithms[] = {"auto",   "auto",     "ring",     "recursive_doubling",
                                       "linear", "pairwise", "binomial", "chain",
                                       "direct", "bruck"};

struct Call {
  std::size_t number;
  const CollectiveGroup* where;
  Exercise exercise;
  const char* algorithm;
  tally_request* request = nullptr;
};

CollectiveCase random_case(std::mt19937_64& plan, int ranks) {
  CollectiveCase c;
  c.api = kAllApis[plan() % std::size(kAllApis)];
  c.ranks = ranks;
  c.root = static_cast<int>(plan() % static_cast<unsigned>(ranks));
  c.dtype = kAllDtypes[plan() % std::size(kAllDtypes)];
  const std::uint64_t pick = plan();
  if (is_reduction(c.api)) {
    std::vector<tally_op> ops;
    for (const tally_op op : kAllOps) {
      if (has_reduction(c.dtype, op)) ops.push_back(op);
    }
    c.op = ops[pick % ops.size()];
  }
  c.count = plan() % 3 == 0 ? plan() % 17 : plan() % 3000;
  c.seed = plan();
  c.exact = plan() % 4 != 0;
  if (has_counts(c.api)) c.draw_counts(c.count);
  return c;
}

std::string failed(const Call& call, tally_status status) {
  return "collective " + std::to_string(call.number) + ": " + tally_status_name(status) + ": " +
         tally_last_error();
}

}  // namespace

std::string run_collectives(tally_endpoint* endpoint, const CollectivePhase& phase, std::mt19937_64& plan,
                            std::mt19937_64& local, std::byte* memory, std::size_t room, std::ostream& out) {
  const std::size_t count = plan() % 2 == 0 ? 1 : 2 + plan() % 14;
  std::vector<std::vector<Call>> queues(phase.groups.size());
  std::vector<std::size_t> order;  // of groups
  std::size_t used = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t g = plan() % phase.groups.size();
    const CollectiveGroup& group = phase.groups[g];
    const CollectiveCase c = random_case(plan, group.size);
    const char* algorithm = kAlgorithms[plan() % std::size(kAlgorithms)];
    if (group.rank < 0) continue;
    const bool in_place =
        (c.seed >> (8 + group.rank) & 1) != 0;  // the same in each run: it decides what is an output
    queues[g].push_back({k, &group, Exercise(c, group.rank, in_place), algorithm, nullptr});
    order.push_back(g);
    used += local() % 80;  // odd alignments
    if (used + queues[g].back().exercise.bytes() > room) return "no room for the buffers";
    queues[g].back().exercise.prepare(memory + used);
    used += queues[g].back().exercise.bytes();
  }
  // Each group's in their order; the groups in an order of this rank's own where nothing blocks.
  std::shuffle(order.begin(), order.end(), local);
  std::vector<std::size_t> next(queues.size(), 0);
  std::vector<Call*> waiting;
  for (const std::size_t g : order) {
    Call& call = queues[g][next[g]++];
    tally_status status = call.where->group == nullptr
                              ? TALLY_OK
                              : tally_group_set_algorithm(call.where->group, call.algorithm);
    if (status != TALLY_OK) return failed(call, status);
    const bool blocking = count == 1 && local() % 2 == 0;
    do {
      status = call.exercise.call(endpoint, call.where->group, blocking ? nullptr : &call.request);
      if (status == TALLY_AGAIN) {
        if (tally_endpoint_progress(endpoint) != TALLY_OK) return failed(call, status);
        ::usleep(20);
      }
    } while (status == TALLY_AGAIN);
    if (status != TALLY_OK) return failed(call, status);
    if (!blocking) waiting.push_back(&call);
    if (local() % 8 == 0) ::usleep(static_cast<useconds_t>(local() % 500));
  }
  while (!waiting.empty()) {
    const std::size_t k = local() % waiting.size();
    const tally_status status = tally_wait(&waiting[k]->request, nullptr);
    if (status != TALLY_OK) return failed(*waiting[k], status);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(k));
  }
  for (std::size_t g = 0; g < queues.size(); ++g) {
    for (const Call& call : queues[g]) {
      if (const std::string difference = call.exercise.check(); !difference.empty()) return difference;
      out << "c" << phase.number << '.' << call.number << " group " << g << " hash " << std::hex
          << call.exercise.hash() << std::dec << '\n';
    }
  }
  return {};
}

}  // namespace tally::test
