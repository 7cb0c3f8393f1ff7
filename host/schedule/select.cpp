// SPDX-License-Identifier: BSD-3-Clause
// Which schedule a call takes. The thresholds follow from the device's constants (schedule.hpp); where the
// best change lies between small and large vectors on a given fabric is for the benchmarks to say.
#include <algorithm>

#include "schedule/schedule.hpp"

namespace tally::schedule {

namespace {

const char* name_of(Collective collective) {
  switch (collective) {
    case Collective::kBarrier:
      return "barrier";
    case Collective::kBcast:
      return "bcast";
    case Collective::kAllreduce:
      return "allreduce";
  }
  return "unknown collective";
}

bool fail(std::string* error, std::string text) {
  *error = std::move(text);
  return false;
}

}  // namespace

std::vector<std::string> algorithms(Collective collective) {
  switch (collective) {
    case Collective::kBarrier:
      return {"dissemination"};
    case Collective::kBcast:
      return {"binomial"};
    case Collective::kAllreduce:
      return {"recursive_doubling", "ring"};
  }
  return {};
}

bool select(Collective collective, int ranks, int root, std::uint64_t bytes, const std::string& algorithm,
            Schedule* out, std::string* error, std::uint64_t flow_bytes) {
  if (ranks < 1 || ranks > 0xffff)
    return fail(error, "ranks is " + std::to_string(ranks) + ", not 1 to 65535");
  const bool automatic = algorithm.empty() || algorithm == "auto";
  const SizeClass size = size_class(bytes, flow_bytes);
  switch (collective) {
    case Collective::kBarrier:
      if (!automatic && algorithm != "dissemination") break;
      *out = barrier_dissemination(ranks);
      return true;
    case Collective::kBcast:
      if (!automatic && algorithm != "binomial") break;
      if (root < 0 || root >= ranks) {
        return fail(
            error, "root is " + std::to_string(root) + ", not a rank of a group of " + std::to_string(ranks));
      }
      *out = bcast_binomial(ranks, root);
      return true;
    case Collective::kAllreduce:
      if (algorithm == "recursive_doubling_fused" && size != SizeClass::kFused) {
        return fail(error, "allreduce algorithm recursive_doubling_fused takes at most " +
                               std::to_string(std::min(kSmallBytes, flow_bytes)) + " bytes, not " +
                               std::to_string(bytes) + "; use recursive_doubling or ring");
      }
      // Two ranks and a large vector: the ring moves as many bytes as recursive doubling and reduces half of
      // them.
      if (automatic ? size != SizeClass::kLarge
                    : algorithm == "recursive_doubling" || algorithm == "recursive_doubling_fused") {
        *out = size == SizeClass::kFused ? allreduce_recursive_doubling_fused(ranks)
                                         : allreduce_recursive_doubling(ranks);
        if (out->max_bytes != 0) out->max_bytes = std::min(out->max_bytes, flow_bytes);
        return true;
      }
      if (!automatic && algorithm != "ring") break;
      *out = allreduce_ring(ranks);
      return true;
  }
  std::string names;
  for (const std::string& name : algorithms(collective)) names += (names.empty() ? "" : ", ") + name;
  return fail(error, std::string("algorithm \"") + algorithm + "\" is not one of " + name_of(collective) +
                         ": auto, " + names);
}

}  // namespace tally::schedule
