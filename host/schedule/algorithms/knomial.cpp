// SPDX-License-Identifier: BSD-3-Clause
// K-nomial trees: the binomial tree with base k in place of 2. Fewer rounds, of k - 1 messages each, which
// leave at once in several lanes. (Chan, Heimlich, Purkayastha, van de Geijn, "Collective communication:
// theory, practice, and experience", CCPE 19(13), 2007.)
#include <stdexcept>

#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

constexpr int kMostRadix = 64;

/// visit(child, parent) as distances from the root: a rank's parent lacks its lowest digit that is not 0.
/// Level by level, from the root's own children down to the leaves, or back.
template <typename Visit>
void each_edge(int ranks, int radix, bool from_root, Visit&& visit) {
  if (radix < 2 || radix > kMostRadix) throw std::invalid_argument("radix must be 2 to 64");
  std::vector<int> levels;
  for (int step = 1; step < ranks; step *= radix) levels.push_back(step);
  for (std::size_t n = 0; n < levels.size(); ++n) {
    const int step = levels[from_root ? levels.size() - 1 - n : n];
    for (int v = step; v < ranks; v += step) {
      if (v / step % radix != 0) visit(v, v - v / step % radix * step);
    }
  }
}

Schedule begin(Collective collective, int ranks, int root, int radix) {
  Schedule s = start("knomial", collective, ranks, root);
  if (radix != kDefaultRadix) s.algorithm.append(1, ':').append(std::to_string(radix));
  return s;
}

}  // namespace

Schedule bcast_knomial(int ranks, int root, int radix) {
  Steps steps(begin(Collective::kBcast, ranks, root, radix));
  each_edge(ranks, radix, true, [&](int child, int parent) {
    steps.move(shifted(parent, root, ranks), parent == 0 ? input() : output(), shifted(child, root, ranks),
               output());
  });
  return steps.schedule();
}

Schedule reduce_knomial(int ranks, int root, int radix) {
  Schedule s = begin(Collective::kReduce, ranks, root, radix);
  each_edge(1, radix, true, [](int, int) {});  // checks the radix
  if (ranks == 1) return copy_only(std::move(s));
  s.scratch_chunks = 1;
  Steps steps(std::move(s));
  std::vector<Place> sum(static_cast<std::size_t>(ranks), input());
  each_edge(ranks, radix, false, [&](int child, int parent) {
    Place& own = sum[static_cast<std::size_t>(parent)];
    const Place next = parent == 0 ? output() : scratch();
    steps.reduce(shifted(child, root, ranks), sum[static_cast<std::size_t>(child)],
                 shifted(parent, root, ranks), own, next);
    own = next;
  });
  return steps.schedule();
}

}  // namespace tally::schedule
