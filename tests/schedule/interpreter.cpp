// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/interpreter.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <tuple>

namespace tally::test {

using schedule::Buffer;
using schedule::Instruction;
using schedule::Op;
using schedule::Program;

namespace {

template <typename T>
class Machine {
 public:
  Machine(const std::vector<Program>& programs, std::uint64_t count, std::vector<RankMemory<T>>& memory,
          const std::function<T(T, T)>& combine, const InterpreterOptions& options)
      : programs_(programs), memory_(memory), combine_(combine), options_(options), total_(count) {
    for (const Program& p : programs) {
      const std::size_t chunk = chunk_of(p);
      Rank rank;
      rank.passes = schedule::passes(total_, p.chunks, chunk);
      rank.scratch.resize(p.by_bytes ? p.scratch_bytes / sizeof(T) : chunk * p.scratch_chunks);
      rank.lane.resize(p.lanes.size());
      ranks_.push_back(std::move(rank));
    }
  }

  /// One packet of one lane; false: it cannot move.
  bool move(std::size_t r, std::size_t l) {
    Lane& lane = ranks_[r].lane[l];
    const Program& program = programs_[r];
    if (lane.step == steps(r, l)) return false;
    const std::size_t length = program.lanes[l].size();
    const Instruction& i = program.lanes[l][lane.step % length];
    const std::size_t pass = lane.step / length;
    if (i.has_dep && i.dep_step != 0 &&
        ranks_[r].lane[i.dep_lane].step < pass * program.lanes[i.dep_lane].size() + i.dep_step)
      return false;
    const std::size_t chunk = chunk_of(program);
    const std::size_t done = pass * program.chunks * chunk;  // elements of earlier passes
    const std::size_t size = i.op == Op::kNop ? 0
                             : program.by_bytes
                                 ? i.bytes / sizeof(T)
                                 : schedule::extent_bytes(i.size_chunk, i.chunks, chunk, total_ - done);
    const std::size_t at = lane.packet * options_.packet;
    const std::size_t n = std::min(options_.packet, size - std::min(at, size));
    auto* in = schedule::receives(i.op) ? &flows_[{i.recv_peer, r, l}] : nullptr;
    const std::size_t to_lane = schedule::target_lane(i, l);
    auto* out = schedule::sends(i.op) ? &flows_[{r, i.send_peer, to_lane}] : nullptr;
    if (in != nullptr && in->packets.empty()) return false;
    if (out != nullptr && !has_room(*out, r, i.send_peer, to_lane)) return false;
    std::vector<T> data(n);
    if (in != nullptr) {
      data = std::move(in->packets.front());
      in->packets.pop_front();
      if (data.size() != n) broken_ = true;
      data.resize(n);
    }
    const auto memory = [&](Buffer buffer, std::size_t place, std::size_t offset) -> T* {
      const std::size_t first = (program.by_bytes ? offset / sizeof(T) : place * chunk) + at +
                                (buffer == Buffer::kScratch ? 0 : done);
      std::vector<T>& words = buffer == Buffer::kScratch ? ranks_[r].scratch : memory_[r].words;
      const std::size_t base = buffer == Buffer::kInput    ? memory_[r].input
                               : buffer == Buffer::kOutput ? memory_[r].output
                                                           : 0;
      if (n == 0) return nullptr;
      if (base + first + n > words.size()) {
        broken_ = true;
        spare_.resize(n);
        return spare_.data();
      }
      return words.data() + base + first;
    };
    if (schedule::reads_src(i.op)) {
      const T* src = memory(i.src_buf, i.src_chunk, i.src_offset);
      for (std::size_t k = 0; k < n; ++k) data[k] = in != nullptr ? combine_(src[k], data[k]) : src[k];
    }
    if (schedule::writes_dst(i.op)) {
      T* dst = memory(i.dst_buf, i.dst_chunk, i.dst_offset);
      for (std::size_t k = 0; k < n; ++k) dst[k] = i.op == Op::kReduce ? combine_(dst[k], data[k]) : data[k];
    }
    if (in != nullptr) ++in->taken;
    if (out != nullptr) {
      out->packets.push_back(std::move(data));
      ++out->put;
    }
    ++lane.packet;
    if (lane.packet * options_.packet >= size) {
      if (in != nullptr) {
        ++in->received;
        in->taken = 0;
      }
      if (out != nullptr) {
        ++out->sent;
        out->put = 0;
      }
      ++lane.step;
      lane.packet = 0;
    }
    return true;
  }

  bool run(std::mt19937_64& random, std::string* error) {
    std::vector<std::pair<std::size_t, std::size_t>> lanes;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      for (std::size_t l = 0; l < ranks_[r].lane.size(); ++l) lanes.emplace_back(r, l);
    }
    // A random order each round; a lane may run on alone for a while, so that ranks drift far apart.
    bool moved = true;
    while (moved) {
      moved = false;
      std::shuffle(lanes.begin(), lanes.end(), random);
      for (const auto& [r, l] : lanes) {
        for (std::uint64_t budget = random() % 20; move(r, l); --budget) {
          moved = true;
          if (budget == 0) break;
        }
      }
    }
    for (const auto& [r, l] : lanes) {
      if (ranks_[r].lane[l].step != steps(r, l)) {
        *error = "deadlock at rank " + std::to_string(r) + ", lane " + std::to_string(l) + ", step " +
                 std::to_string(ranks_[r].lane[l].step);
        return false;
      }
    }
    for (const auto& [key, flow] : flows_) {
      if (!flow.packets.empty()) broken_ = true;
    }
    if (broken_) *error = "a packet of the wrong size, one that nobody took, or data outside a buffer";
    return !broken_;
  }

 private:
  struct Lane {
    std::size_t step = 0, packet = 0;
  };
  struct Rank {
    std::vector<T> scratch;
    std::vector<Lane> lane;
    std::size_t passes = 1;
  };
  struct Flow {
    std::deque<std::vector<T>> packets;
    std::size_t sent = 0, received = 0;  // instructions that have ended
    std::size_t put = 0, taken = 0;      // packets of those at work
  };

  [[nodiscard]] std::size_t chunk_of(const Program& p) const {
    return schedule::chunk_bytes(total_, sizeof(T), p.chunks, p.max_chunk_bytes) / sizeof(T);
  }
  /// Of all passes.
  [[nodiscard]] std::size_t steps(std::size_t r, std::size_t l) const {
    return programs_[r].lanes[l].size() * ranks_[r].passes;
  }
  [[nodiscard]] bool has_room(const Flow& flow, std::size_t from, int to, std::size_t l) const {
    if (options_.flows == Flows::kCapacity) return flow.packets.size() < options_.capacity;
    // Each receive has places of its own.
    const std::size_t held = flow.put - (flow.sent == flow.received ? flow.taken : 0);
    return held < options_.capacity && asked(flow, from, to, l);
  }

  /// The receiver's lane takes the flow's next packets with the instruction at work or with the next receive
  /// behind it.
  bool asked(const Flow& flow, std::size_t from, int to, std::size_t l) const {
    const auto& lane = programs_[static_cast<std::size_t>(to)].lanes[l];
    std::size_t ahead =
        flow.sent - flow.received;  // receives of this flow before the one that takes the packet
    const std::size_t now = ranks_[static_cast<std::size_t>(to)].lane[l].step;
    for (std::size_t k = now; k < steps(static_cast<std::size_t>(to), l); ++k) {
      const Instruction& i = lane[k % lane.size()];
      if (!schedule::receives(i.op)) continue;
      if (i.recv_peer == static_cast<int>(from) && ahead-- == 0) return true;
      if (k != now) return false;
    }
    return false;
  }

  const std::vector<Program>& programs_;
  std::vector<RankMemory<T>>& memory_;
  const std::function<T(T, T)>& combine_;
  InterpreterOptions options_;
  std::size_t total_;
  std::vector<Rank> ranks_;
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, Flow> flows_;  // from, to, its lane
  std::vector<T> spare_;
  bool broken_ = false;
};

}  // namespace

std::vector<Program> compile_all(const schedule::Schedule& s) {
  std::vector<std::uint16_t> group(s.ranks.size());
  std::iota(group.begin(), group.end(), std::uint16_t{0});
  std::vector<Program> programs;
  for (std::size_t r = 0; r < s.ranks.size(); ++r) programs.push_back(compile(s, static_cast<int>(r), group));
  return programs;
}

InterpreterOptions random_options(const schedule::Schedule& s, std::uint64_t count, std::mt19937_64& random) {
  InterpreterOptions o;
  o.packet = 1 + random() % 5;
  if (s.max_bytes == 0) {
    o.capacity = 1 + random() % 3;
    return o;
  }
  const std::uint64_t most =
      span(s) * schedule::chunk_bytes(count, sizeof(std::uint64_t), s.chunks, s.max_chunk_bytes) /
      sizeof(std::uint64_t);
  o.capacity = std::max<std::size_t>(1, (most + o.packet - 1) / o.packet);
  if (!s.unasked) o.flows = Flows::kAsked;
  return o;
}

template <typename T>
bool execute(const std::vector<Program>& programs, std::uint64_t count, std::vector<RankMemory<T>>& memory,
             const std::function<T(T, T)>& combine, const InterpreterOptions& options,
             std::mt19937_64& random, std::string* error) {
  return Machine<T>(programs, count, memory, combine, options).run(random, error);
}

template <typename T>
std::vector<std::vector<T>> interpret(const schedule::Schedule& s, const std::vector<std::vector<T>>& inputs,
                                      const std::function<T(T, T)>& combine,
                                      const InterpreterOptions& options, std::mt19937_64& random,
                                      std::string* error) {
  const std::size_t count = inputs.empty() ? 0 : inputs[0].size();
  std::vector<RankMemory<T>> memory;
  for (const auto& input : inputs) {
    RankMemory<T> m{input, 0, options.in_place ? 0 : count};
    if (!options.in_place) m.words.resize(2 * count);
    memory.push_back(std::move(m));
  }
  if (!execute(compile_all(s), count, memory, combine, options, random, error)) return {};
  std::vector<std::vector<T>> outputs;
  for (const auto& m : memory) {
    const auto begin = m.words.begin() + static_cast<std::ptrdiff_t>(m.output);
    outputs.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  return outputs;
}

#define TALLY_INSTANTIATE(T)                                                                        \
  template bool execute(const std::vector<Program>&, std::uint64_t, std::vector<RankMemory<T>>&,    \
                        const std::function<T(T, T)>&, const InterpreterOptions&, std::mt19937_64&, \
                        std::string*);                                                              \
  template std::vector<std::vector<T>> interpret(                                                   \
      const schedule::Schedule&, const std::vector<std::vector<T>>&, const std::function<T(T, T)>&, \
      const InterpreterOptions&, std::mt19937_64&, std::string*)
TALLY_INSTANTIATE(std::uint64_t);
TALLY_INSTANTIATE(double);
#undef TALLY_INSTANTIATE

}  // namespace tally::test
