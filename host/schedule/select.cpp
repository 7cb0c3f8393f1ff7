// SPDX-License-Identifier: BSD-3-Clause
// Which schedule a call takes.
#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <stdexcept>
#include <string_view>

#include "schedule/msccl/import.hpp"
#include "schedule/schedule.hpp"

namespace tally::schedule {

namespace {

/// Where one algorithm gives way to the next, in bytes of the vector, or of a block where blocks are named;
/// most grow with the number of ranks. docs/schedules.md gives the reasons.
namespace limit {

constexpr std::uint64_t kKiB = 1024;
/// Most ranks for rounds of all with all: a rank has as many packets to send and to add up one by one; and
/// for rings of vectors that halving and doubling would serve too.
constexpr int kDirectRanks = 16;
/// Where recursive doubling takes two rounds: the most bytes for which it is still faster than short blocks. It comes
/// into play where less travels unasked, so that one round of all with all serves less.
constexpr std::uint64_t kBlocksFewRounds = 512;
/// Allreduce by recursive doubling, a rank and at most kSmallBytes; a third of it where ranks have to fold;
/// then
constexpr std::uint64_t kAllreduceDoubling = 3 * kKiB;
/// by halving and doubling, a rank, where none folds and a ring has too many steps; then by ring.
constexpr std::uint64_t kAllreduceHalving = 3 * kKiB;
/// Binomial trees, a rank; then chains.
constexpr std::uint64_t kBcastTree = 4 * kKiB;
constexpr std::uint64_t kReduceTree = 3 * kKiB;
/// Recursive doubling, a rank and at most kSmallBytes; then the pipeline.
constexpr std::uint64_t kScanDoubling = 4 * kKiB;
/// Pairwise exchanges, bytes of a block, a rank; then rings.
constexpr std::uint64_t kReduceScatterPairwise = 1 * kKiB;
constexpr std::uint64_t kAllgatherPairwise = 2 * kKiB;

}  // namespace limit

enum class Algorithm : std::uint8_t {
  kNone,
  kDissemination,
  kBinomial,
  kChain,
  kRecursiveDoubling,
  kRecursiveDoublingFused,
  kRing,
  kRingFused,
  kRabenseifner,
  kDirect,
  kDirectBlocks,
  kDirectBlocksShort,
  kPairwise,
  kLinear,
  kBruck,
  kKnomial,
  kDoubleTree,
  kHierarchical,
  kInOrder,
};

struct Name {
  Collective collective;
  const char* name;
  Algorithm algorithm;
  bool variant = false;    ///< of another one, which select() takes by itself
  bool parameter = false;  ///< "name:8" is a name too
};
constexpr Name kNames[] = {
    {Collective::kBarrier, "dissemination", Algorithm::kDissemination},
    {Collective::kBcast, "binomial", Algorithm::kBinomial},
    {Collective::kBcast, "knomial", Algorithm::kKnomial, false, true},
    {Collective::kBcast, "double_tree", Algorithm::kDoubleTree},
    {Collective::kBcast, "chain", Algorithm::kChain},
    {Collective::kAllreduce, "direct", Algorithm::kDirect},
    {Collective::kAllreduce, "recursive_doubling", Algorithm::kRecursiveDoubling},
    {Collective::kAllreduce, "recursive_doubling_fused", Algorithm::kRecursiveDoublingFused, true},
    {Collective::kAllreduce, "direct_blocks", Algorithm::kDirectBlocks},
    {Collective::kAllreduce, "direct_blocks_short", Algorithm::kDirectBlocksShort, true},
    {Collective::kAllreduce, "rabenseifner", Algorithm::kRabenseifner},
    {Collective::kAllreduce, "double_tree", Algorithm::kDoubleTree},
    {Collective::kAllreduce, "hierarchical", Algorithm::kHierarchical, false, true},
    {Collective::kAllreduce, "ring", Algorithm::kRing},
    {Collective::kAllreduce, "ring_fused", Algorithm::kRingFused, true},
    {Collective::kReduce, "binomial", Algorithm::kBinomial},
    {Collective::kReduce, "knomial", Algorithm::kKnomial, false, true},
    {Collective::kReduce, "double_tree", Algorithm::kDoubleTree},
    {Collective::kReduce, "chain", Algorithm::kChain},
    {Collective::kReduce, "in_order", Algorithm::kInOrder},
    {Collective::kReduceScatter, "direct", Algorithm::kDirect},
    {Collective::kReduceScatter, "pairwise", Algorithm::kPairwise},
    {Collective::kReduceScatter, "ring", Algorithm::kRing},
    {Collective::kReduceScatter, "in_order", Algorithm::kInOrder},
    {Collective::kScan, "recursive_doubling", Algorithm::kRecursiveDoubling},
    {Collective::kScan, "recursive_doubling_fused", Algorithm::kRecursiveDoublingFused, true},
    {Collective::kScan, "linear", Algorithm::kLinear},
    {Collective::kExscan, "recursive_doubling", Algorithm::kRecursiveDoubling},
    {Collective::kExscan, "recursive_doubling_fused", Algorithm::kRecursiveDoublingFused, true},
    {Collective::kExscan, "linear", Algorithm::kLinear},
    {Collective::kGather, "linear", Algorithm::kLinear},
    {Collective::kGather, "binomial", Algorithm::kBinomial},
    {Collective::kScatter, "linear", Algorithm::kLinear},
    {Collective::kScatter, "binomial", Algorithm::kBinomial},
    {Collective::kAllgather, "direct", Algorithm::kDirect},
    {Collective::kAllgather, "bruck", Algorithm::kBruck},
    {Collective::kAllgather, "pairwise", Algorithm::kPairwise},
    {Collective::kAllgather, "ring", Algorithm::kRing},
    {Collective::kAlltoall, "direct", Algorithm::kDirect},
    {Collective::kAlltoall, "bruck", Algorithm::kBruck},
    {Collective::kAlltoall, "pairwise", Algorithm::kPairwise},
};

/// The number behind a name's colon; 0: none.
int parameter_of(const std::string& name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos) return 0;
  int value = 0;
  std::from_chars(name.data() + colon + 1, name.data() + name.size(), value);
  return value;
}

/// A name as a user writes it.
bool is_name(const Name& n, const std::string& text) {
  const std::string_view name = n.name;
  if (!n.parameter || text.size() <= name.size() + 1 || text[name.size()] != ':') return text == name;
  const std::string_view digits = std::string_view(text).substr(name.size() + 1);
  return text.compare(0, name.size(), name) == 0 && digits.size() <= 5 && digits[0] != '0' &&
         digits.find_first_not_of("0123456789") == std::string_view::npos;
}

/// A part a lane.
constexpr int kRingParts = static_cast<int>(kMaxLanes);

/// The most bytes that the fused ring serves with flows that hold flow_bytes. How the vector is cut does not
/// depend on them, as it decides the association.
std::uint64_t ring_bytes(int ranks, std::uint64_t flow_bytes) {
  const std::uint64_t chunk = flow_bytes / kMaxElementBytes * kMaxElementBytes;
  return flow_bytes >= kFlowBytes ? kAnyBytes : chunk * static_cast<std::uint64_t>(ranks * kRingParts);
}

/// Bytes that travel unasked, in one packet.
std::uint64_t unasked_bytes(const Call& c) { return std::min(kUnaskedBytes, c.flow_bytes / kFlowPackets); }

/// Rounds of recursive doubling with folding.
int doubling_rounds(int ranks) {
  const auto n = static_cast<unsigned>(ranks);
  return std::bit_width(n) - 1 + (std::has_single_bit(n) ? 0 : 2);
}

/// What a name or "auto" stands for in this call; kNone: the collective has no such algorithm.
Algorithm choose(const Call& c, const std::string& name) {
  const bool automatic = name.empty() || name == "auto";
  Algorithm asked = Algorithm::kNone;
  if (!automatic) {
    for (const Name& n : kNames) {
      if (n.collective == c.collective && is_name(n, name)) asked = n.algorithm;
    }
    if (asked == Algorithm::kNone) return Algorithm::kNone;
  }
  const auto ranks = static_cast<std::uint64_t>(c.ranks);
  const std::uint64_t block = c.bytes / ranks;
  const bool tiny_blocks = !c.by_counts && c.bytes <= ranks * unasked_bytes(c);
  const auto pick = [&](Algorithm by_size) { return automatic ? by_size : asked; };
  /// A fused schedule where the engine's flows hold its instructions.
  const auto fused = [&](Algorithm a) {
    const bool held = c.bytes <= std::min(kSmallBytes, c.flow_bytes);
    return a == Algorithm::kRecursiveDoubling && held ? Algorithm::kRecursiveDoublingFused : a;
  };
  switch (c.collective) {
    case Collective::kBarrier:
      return Algorithm::kDissemination;
    case Collective::kBcast:
      return pick(c.bytes <= limit::kBcastTree * ranks ? Algorithm::kBinomial : Algorithm::kChain);
    case Collective::kReduce:
      return pick(c.bytes <= limit::kReduceTree * ranks ? Algorithm::kBinomial : Algorithm::kChain);
    case Collective::kAllreduce: {
      const bool few = c.ranks <= limit::kDirectRanks;
      const bool folds = !std::has_single_bit(ranks);
      const std::uint64_t doubling =
          std::min(limit::kAllreduceDoubling * ranks / (folds ? 3 : 1), kSmallBytes);
      const std::uint64_t halving = folds || few ? 0 : limit::kAllreduceHalving * ranks;
      const int doublings = doubling_rounds(c.ranks);
      const bool direct = few && doublings >= 2 && c.bytes <= unasked_bytes(c);
      const bool short_blocks = c.bytes <= unasked_bytes(c) / kMaxElementBytes * kMaxElementBytes * ranks;
      const bool blocks =
          few && short_blocks && (doublings > 2 || (doublings == 2 && c.bytes > limit::kBlocksFewRounds));
      const Algorithm a = pick(direct                ? Algorithm::kDirect
                               : blocks              ? Algorithm::kDirectBlocks
                               : c.bytes <= doubling ? Algorithm::kRecursiveDoubling
                               : c.bytes <= halving  ? Algorithm::kRabenseifner
                                                     : Algorithm::kRing);
      if (a == Algorithm::kDirectBlocks && short_blocks) return Algorithm::kDirectBlocksShort;
      if (a == Algorithm::kRing && c.bytes <= ring_bytes(c.ranks, c.flow_bytes)) return Algorithm::kRingFused;
      return fused(a);
    }
    case Collective::kReduceScatter:
      return pick(tiny_blocks                                      ? Algorithm::kDirect
                  : block <= limit::kReduceScatterPairwise * ranks ? Algorithm::kPairwise
                                                                   : Algorithm::kRing);
    case Collective::kScan:
    case Collective::kExscan:
      return fused(pick(c.bytes <= std::min(limit::kScanDoubling * ranks, kSmallBytes)
                            ? Algorithm::kRecursiveDoubling
                            : Algorithm::kLinear));
    case Collective::kGather:
    case Collective::kScatter:
      return pick(Algorithm::kLinear);
    case Collective::kAllgather:
      return pick(tiny_blocks                                  ? Algorithm::kDirect
                  : block <= limit::kAllgatherPairwise * ranks ? Algorithm::kPairwise
                                                               : Algorithm::kRing);
    case Collective::kAlltoall:
      return pick(tiny_blocks ? Algorithm::kDirect : Algorithm::kPairwise);
  }
  return Algorithm::kNone;
}

/// The largest vector that a choice serves in this call.
std::uint64_t most_bytes(const Call& c, Algorithm choice) {
  constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
  if (c.ranks == 1) return kAny;
  const auto ranks = static_cast<std::uint64_t>(c.ranks);
  switch (choice) {
    case Algorithm::kDirect:
      return unasked_bytes(c) * (has_blocks(c.collective) ? ranks : 1);
    case Algorithm::kDirectBlocksShort:
      return unasked_bytes(c) / kMaxElementBytes * kMaxElementBytes * ranks;
    case Algorithm::kRecursiveDoublingFused:
      return std::min(kSmallBytes, c.flow_bytes);
    case Algorithm::kRingFused:
      return ring_bytes(c.ranks, c.flow_bytes);
    case Algorithm::kBruck:
      if (c.collective == Collective::kAlltoall) return kAny;
      return std::min(kFlowBytes, c.flow_bytes) / allgather_bruck_span(c.ranks) * ranks;
    default:
      return kAny;
  }
}

/// Throws std::invalid_argument where the parameter does not fit.
Schedule make(const Call& c, Algorithm a, int parameter) {
  const int n = c.ranks;
  const bool in_place = c.in_place;
  switch (c.collective) {
    case Collective::kBarrier:
      return barrier_dissemination(n);
    case Collective::kBcast:
      return a == Algorithm::kBinomial  ? bcast_binomial(n, c.root)
             : a == Algorithm::kKnomial ? bcast_knomial(n, c.root, parameter == 0 ? kDefaultRadix : parameter)
             : a == Algorithm::kDoubleTree ? bcast_double_tree(n, c.root)
                                           : bcast_chain(n, c.root);
    case Collective::kReduce:
      return a == Algorithm::kBinomial ? reduce_binomial(n, c.root)
             : a == Algorithm::kKnomial
                 ? reduce_knomial(n, c.root, parameter == 0 ? kDefaultRadix : parameter)
             : a == Algorithm::kDoubleTree ? reduce_double_tree(n, c.root)
             : a == Algorithm::kInOrder    ? reduce_in_order(n, c.root)
                                           : reduce_chain(n, c.root);
    case Collective::kAllreduce:
      switch (a) {
        case Algorithm::kDirect:
          return allreduce_direct(n, in_place);
        case Algorithm::kDirectBlocks:
          return allreduce_direct_blocks(n);
        case Algorithm::kDirectBlocksShort:
          return allreduce_direct_blocks_short(n);
        case Algorithm::kRabenseifner:
          return allreduce_rabenseifner(n);
        case Algorithm::kDoubleTree:
          return allreduce_double_tree(n);
        case Algorithm::kHierarchical:
          return allreduce_hierarchical(n, parameter);
        case Algorithm::kRecursiveDoubling:
          return allreduce_recursive_doubling(n);
        case Algorithm::kRecursiveDoublingFused:
          return allreduce_recursive_doubling_fused(n);
        case Algorithm::kRingFused:
          return allreduce_ring_fused(n, kRingParts);
        default:
          return allreduce_ring(n, kRingParts);
      }
    case Collective::kReduceScatter:
      return a == Algorithm::kDirect     ? reduce_scatter_direct(n)
             : a == Algorithm::kPairwise ? reduce_scatter_pairwise(n, in_place)
             : a == Algorithm::kInOrder  ? reduce_scatter_in_order(n)
                                         : reduce_scatter_ring(n, in_place);
    case Collective::kScan:
      return a == Algorithm::kLinear              ? scan_linear(n, in_place)
             : a == Algorithm::kRecursiveDoubling ? scan_recursive_doubling(n, in_place)
                                                  : scan_recursive_doubling_fused(n, in_place);
    case Collective::kExscan:
      return a == Algorithm::kLinear              ? exscan_linear(n)
             : a == Algorithm::kRecursiveDoubling ? exscan_recursive_doubling(n)
                                                  : exscan_recursive_doubling_fused(n);
    case Collective::kGather:
      return a == Algorithm::kLinear ? gather_linear(n, c.root, in_place)
                                     : gather_binomial(n, c.root, in_place);
    case Collective::kScatter:
      return a == Algorithm::kLinear ? scatter_linear(n, c.root, in_place)
                                     : scatter_binomial(n, c.root, in_place);
    case Collective::kAllgather:
      return a == Algorithm::kDirect     ? allgather_direct(n, in_place)
             : a == Algorithm::kPairwise ? allgather_pairwise(n, in_place)
             : a == Algorithm::kBruck    ? allgather_bruck(n, in_place)
                                         : allgather_ring(n, in_place);
    case Collective::kAlltoall:
      return a == Algorithm::kDirect  ? alltoall_direct(n, in_place)
             : a == Algorithm::kBruck ? alltoall_bruck(n)
                                      : alltoall_pairwise(n, in_place);
  }
  return {};
}

bool fail(std::string* error, std::string text) {
  *error = std::move(text);
  return false;
}

bool make(const Call& call, Algorithm a, const std::string& name, Schedule* out, std::string* error) {
  try {
    *out = make(call, a, parameter_of(name));
    return true;
  } catch (const std::invalid_argument& wrong) {
    return fail(error, "algorithm \"" + name + "\": " + wrong.what());
  }
}

bool check(const Call& call, std::string* error) {
  if (call.ranks < 1 || call.ranks > 0xffff)
    return fail(error, "ranks is " + std::to_string(call.ranks) + ", not 1 to 65535");
  if (has_root(call.collective) && (call.root < 0 || call.root >= call.ranks)) {
    return fail(error, "root is " + std::to_string(call.root) + ", not a rank of a group of " +
                           std::to_string(call.ranks));
  }
  return true;
}

bool unknown(const Call& call, const std::string& name, std::vector<std::string> known, std::string* error) {
  std::string names;
  for (const std::string& each : known) names += (names.empty() ? "" : ", ") + each;
  return fail(error, "algorithm \"" + name + "\" is not one of " + name_of(call.collective) + ": " + names);
}

/// Whether a file's schedule is one for this call.
bool serves(const Schedule& s, const Call& call, std::string* error) {
  const std::string what = "algorithm " + s.algorithm;
  if (s.collective != call.collective)
    return fail(error, what + " is one of " + name_of(s.collective) + ", not of " + name_of(call.collective));
  if (s.ranks.size() != static_cast<std::size_t>(call.ranks)) {
    return fail(error, what + " is for " + std::to_string(s.ranks.size()) + " ranks, not " +
                           std::to_string(call.ranks));
  }
  if (has_root(s.collective) && s.root != call.root)
    return fail(error, what + " has root " + std::to_string(s.root) + ", not " + std::to_string(call.root));
  if (!(call.in_place ? s.in_place : s.out_of_place))
    return fail(error, what + " is for calls " + (call.in_place ? "out of place" : "in place") + " only");
  if (call.by_counts) return fail(error, what + " takes only blocks of one size");
  const std::uint64_t share = static_cast<std::uint64_t>(call.ranks) * s.block_chunks * kMaxElementBytes;
  if (s.block_chunks != 1 && call.bytes % share != 0) {
    return fail(error, what + " takes blocks of multiples of " +
                           std::to_string(s.block_chunks * kMaxElementBytes) + " bytes, not " +
                           std::to_string(call.bytes / static_cast<std::uint64_t>(call.ranks)));
  }
  return true;
}

bool select_file(const Call& call, const std::string& path, Schedule* out, std::string* error) {
  const auto file = load_msccl(path, error);
  if (file == nullptr || !serves(file->schedule, call, error)) return false;
  *out = file->schedule;
  return true;
}

/// Beyond the values of Algorithm.
constexpr std::uint32_t kFileKey = 0xff;

}  // namespace

std::vector<std::string> algorithms_and_variants(Collective collective) {
  std::vector<std::string> names;
  for (const Name& n : kNames) {
    if (n.collective == collective) names.emplace_back(n.name);
  }
  return names;
}

bool knows(Collective collective, const std::string& name) {
  return std::any_of(std::begin(kNames), std::end(kNames), [&](const Name& n) {
    return n.collective == collective && !n.variant && is_name(n, name);
  });
}

bool make_named(const Call& call, const std::string& name, Schedule* out, std::string* error) {
  if (!check(call, error)) return false;
  if (is_file(name)) return select_file(call, name, out, error);
  for (const Name& n : kNames) {
    if (n.collective != call.collective || !is_name(n, name)) continue;
    return make(call, n.algorithm, name, out, error);
  }
  return unknown(call, name, algorithms_and_variants(call.collective), error);
}

std::vector<Choice> automatic_choices(Collective collective, int ranks, std::uint64_t flow_bytes) {
  Call call;
  call.collective = collective;
  call.ranks = ranks;
  call.flow_bytes = flow_bytes;
  const auto taken = [&](std::uint64_t bytes) {
    call.bytes = bytes;
    return choose(call, "auto");
  };
  const auto name = [&](Algorithm a) {
    const auto named = std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& n) {
      return n.collective == collective && n.algorithm == a;
    });
    return std::string(named->name);
  };
  // Limits are sizes at which the choice changes once between two sizes of a geometric row. Beyond the row
  // nothing changes: no limit is of more than some KiB a rank.
  std::vector<Choice> out{{name(taken(0)), 0, kAnyBytes}};
  const std::uint64_t end = std::uint64_t{1} << 44;
  for (std::uint64_t low = 0; low < end;) {
    std::uint64_t high = low + low / 16 + 1;
    const std::uint64_t next = high;
    if (taken(low) != taken(high)) {
      while (high - low > 1) {
        const std::uint64_t middle = low + (high - low) / 2;
        (taken(middle) == taken(low) ? low : high) = middle;
      }
      out.back().last = low;
      out.push_back({name(taken(high)), high, kAnyBytes});
    }
    low = next;
  }
  return out;
}

std::vector<std::string> algorithms(Collective collective) {
  std::vector<std::string> names;
  for (const Name& n : kNames) {
    if (n.collective == collective && !n.variant) names.emplace_back(n.name);
  }
  return names;
}

std::uint32_t select_key(const Call& call, const std::string& algorithm) {
  if (is_file(algorithm)) {
    const std::uint64_t share = static_cast<std::uint64_t>(call.ranks) * kMaxElementBytes;
    // What it serves depends on these besides what is equal for all calls with one key, and on a file's
    // block_chunks: it decides how far the blocks must divide.
    std::string error;
    const auto file = load_msccl(algorithm, &error);
    const bool whole = file == nullptr || file->schedule.block_chunks == 1 ||
                       call.bytes % (share * file->schedule.block_chunks) == 0;
    return kFileKey | (call.in_place ? 1u << 24 : 0u) | (call.by_counts ? 1u << 25 : 0u) |
           (whole ? 0u : 1u << 26);
  }
  const Algorithm choice = choose(call, algorithm);
  return static_cast<std::uint32_t>(choice) | (call.in_place ? 1u << 24 : 0u) |
         (call.by_counts ? 1u << 25 : 0u) | (call.bytes > most_bytes(call, choice) ? 1u << 26 : 0u);
}

bool select(const Call& call, const std::string& algorithm, Schedule* out, std::string* error) {
  if (!check(call, error)) return false;
  if (is_file(algorithm)) return select_file(call, algorithm, out, error);
  const Algorithm choice = choose(call, algorithm);
  if (choice == Algorithm::kNone) {
    std::vector<std::string> names = algorithms(call.collective);
    names.insert(names.begin(), "auto");
    return unknown(call, algorithm, std::move(names), error);
  }
  Schedule s;
  if (!make(call, choice, algorithm, &s, error)) return false;
  const std::string what = std::string(name_of(call.collective)) + " algorithm " + s.algorithm;
  if (call.by_counts && !s.by_counts) return fail(error, what + " takes only blocks of one size");
  const std::uint64_t most = most_bytes(call, choice);
  if (call.bytes > most) {
    return fail(
        error, what + " takes at most " + std::to_string(most) + " bytes, not " + std::to_string(call.bytes));
  }
  // What this engine's flows hold may be less than what the schedule could use.
  s.max_bytes = std::min(s.max_bytes, most);
  *out = std::move(s);
  return true;
}

bool select(Collective collective, int ranks, int root, std::uint64_t bytes, const std::string& algorithm,
            Schedule* out, std::string* error, std::uint64_t flow_bytes) {
  Call call;
  call.collective = collective;
  call.ranks = ranks;
  call.root = root;
  call.bytes = bytes;
  call.flow_bytes = flow_bytes;
  return select(call, algorithm, out, error);
}

}  // namespace tally::schedule
