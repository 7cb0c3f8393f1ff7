// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/interpreter.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>

namespace tally::test {

using schedule::Buffer;
using schedule::Instruction;
using schedule::Op;

namespace {

template <typename T>
class Machine {
 public:
  Machine(const schedule::Schedule& s, const std::vector<std::vector<T>>& inputs,
          const std::function<T(T, T)>& combine, const InterpreterOptions& options)
      : s_(s),
        combine_(combine),
        options_(options),
        total_(inputs.empty() ? 0 : inputs[0].size()),
        chunk_(schedule::chunk_bytes(total_, 1, s.chunks)) {
    for (std::size_t r = 0; r < s.ranks.size(); ++r) {
      Rank rank;
      rank.memory[0] = inputs[r];
      rank.memory[1].assign(total_, T{});
      rank.memory[2].assign(chunk_ * s.scratch_chunks, T{});
      rank.lane.resize(s.ranks[r].lanes.size());
      ranks_.push_back(std::move(rank));
    }
  }

  /// One packet of one lane; false: it cannot move.
  bool move(std::size_t r, std::size_t l) {
    Lane& lane = ranks_[r].lane[l];
    const auto& program = s_.ranks[r].lanes[l];
    if (lane.step == program.size()) return false;
    const Instruction& i = program[lane.step];
    if (i.has_dep && ranks_[r].lane[i.dep_lane].step < i.dep_step) return false;
    const std::size_t size =
        i.op == Op::kNop ? 0 : schedule::extent_bytes(i.size_chunk, i.chunks, chunk_, total_);
    const std::size_t at = lane.packet * options_.packet;
    const std::size_t n = std::min(options_.packet, size - std::min(at, size));
    auto* in = schedule::receives(i.op) ? &flows_[{i.recv_peer, r, l}] : nullptr;
    auto* out = schedule::sends(i.op) ? &flows_[{r, i.send_peer, l}] : nullptr;
    if (in != nullptr && in->empty()) return false;
    if (out != nullptr && out->size() >= options_.capacity) return false;
    std::vector<T> data(n);
    if (in != nullptr) {
      data = std::move(in->front());
      in->pop_front();
      if (data.size() != n) broken_ = true;
      data.resize(n);
    }
    if (schedule::reads_src(i.op)) {
      const T* src = memory(r, i.src_buf).data() + i.src_chunk * chunk_ + at;
      for (std::size_t k = 0; k < n; ++k) data[k] = in != nullptr ? combine_(src[k], data[k]) : src[k];
    }
    if (schedule::writes_dst(i.op)) {
      T* dst = memory(r, i.dst_buf).data() + i.dst_chunk * chunk_ + at;
      for (std::size_t k = 0; k < n; ++k) dst[k] = i.op == Op::kReduce ? combine_(dst[k], data[k]) : data[k];
    }
    if (out != nullptr) out->push_back(std::move(data));
    ++lane.packet;
    if (lane.packet * options_.packet >= size) {
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
      if (ranks_[r].lane[l].step != s_.ranks[r].lanes[l].size()) {
        *error = "deadlock at rank " + std::to_string(r) + ", lane " + std::to_string(l) + ", step " +
                 std::to_string(ranks_[r].lane[l].step);
        return false;
      }
    }
    for (const auto& [key, flow] : flows_) {
      if (!flow.empty()) broken_ = true;
    }
    if (broken_) *error = "a packet of the wrong size, or one that nobody took";
    return !broken_;
  }

  std::vector<std::vector<T>> outputs() {
    std::vector<std::vector<T>> out;
    for (std::size_t r = 0; r < ranks_.size(); ++r) out.push_back(memory(r, Buffer::kOutput));
    return out;
  }

 private:
  struct Lane {
    std::size_t step = 0, packet = 0;
  };
  struct Rank {
    std::vector<T> memory[3];
    std::vector<Lane> lane;
  };
  std::vector<T>& memory(std::size_t r, Buffer buffer) {
    const bool alias = options_.in_place && buffer == Buffer::kOutput;
    return ranks_[r].memory[alias ? 0 : static_cast<std::size_t>(buffer)];
  }

  const schedule::Schedule& s_;
  const std::function<T(T, T)>& combine_;
  InterpreterOptions options_;
  std::size_t total_, chunk_;
  std::vector<Rank> ranks_;
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, std::deque<std::vector<T>>>
      flows_;  // from, to, lane
  bool broken_ = false;
};

}  // namespace

template <typename T>
std::vector<std::vector<T>> interpret(const schedule::Schedule& s, const std::vector<std::vector<T>>& inputs,
                                      const std::function<T(T, T)>& combine,
                                      const InterpreterOptions& options, std::mt19937_64& random,
                                      std::string* error) {
  Machine<T> machine(s, inputs, combine, options);
  if (!machine.run(random, error)) return {};
  return machine.outputs();
}

template std::vector<std::vector<std::uint64_t>> interpret(
    const schedule::Schedule&, const std::vector<std::vector<std::uint64_t>>&,
    const std::function<std::uint64_t(std::uint64_t, std::uint64_t)>&, const InterpreterOptions&,
    std::mt19937_64&, std::string*);
template std::vector<std::vector<double>> interpret(const schedule::Schedule&,
                                                    const std::vector<std::vector<double>>&,
                                                    const std::function<double(double, double)>&,
                                                    const InterpreterOptions&, std::mt19937_64&,
                                                    std::string*);

}  // namespace tally::test
