// SPDX-License-Identifier: BSD-3-Clause
// A step of a file names places of buffers only. Which chunk of the vector each place holds, and so how many
// bytes a step moves where the last chunks are short, is found by running the program once, in whole steps
// over flows that hold any number of them; a program without races has one result.
#include "schedule/msccl/convert.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <stdexcept>
#include <tuple>

#include "schedule/verify_internal.hpp"

namespace tally::schedule::msccl {

namespace {

class Fault : public std::runtime_error {
 public:
  Fault(int line, const std::string& text)
      : std::runtime_error("line " + std::to_string(line) + ": " + text) {}
};

constexpr std::size_t kNothing = static_cast<std::size_t>(-1);  // in a place that nobody wrote
using Chunks = std::vector<std::size_t>;  // logical chunks, in the order of their places

const char* letter(Buffer buffer) {
  return buffer == Buffer::kInput ? "i" : buffer == Buffer::kOutput ? "o" : "s";
}

class Converter {
 public:
  explicit Converter(const Algorithm& a) : a_(a) {}

  Schedule run() {
    shape();
    find_flows();
    prepare();
    execute();
    emit();
    return std::move(s_);
  }

 private:
  void shape() {
    const std::size_t n = a_.gpus.size();
    s_.algorithm = a_.name;
    s_.collective = a_.collective;
    s_.ranks.resize(n);
    int total = a_.chunks_per_loop;
    int scratch = 0;
    for (const Gpu& gpu : a_.gpus) {
      if (a_.chunks_per_loop == 0) total = std::max({total, gpu.input_chunks, gpu.output_chunks});
      scratch = std::max(scratch, gpu.scratch_chunks);
    }
    if (total == 0) throw Fault(a_.line, "no chunks: nchunksperloop, i_chunks and o_chunks are 0");
    s_.chunks = static_cast<std::uint16_t>(total);
    s_.scratch_chunks = static_cast<std::uint16_t>(scratch);
    if (has_blocks(s_.collective)) {
      if (s_.chunks % n != 0)
        throw Fault(a_.line, std::string(name_of(s_.collective)) + " of " + std::to_string(total) +
                                 " chunks, which is no multiple of the " + std::to_string(n) + " GPUs");
      s_.block_chunks = static_cast<std::uint16_t>(s_.chunks / n);
    }
    claim();
    if (has_root(s_.collective)) s_.root = static_cast<std::uint16_t>(a_.root ? *a_.root : likely_root());
  }

  /// In place or not, or both.
  void claim() {
    s_.in_place = a_.in_place.value_or(false);
    s_.out_of_place = a_.out_of_place.value_or(!s_.in_place);
    if (s_.collective == Collective::kBcast) s_.in_place = s_.out_of_place = true;  // one buffer
    if (s_.collective == Collective::kReduceScatter && s_.in_place) {
      // There Output is block `rank` of Input, with MPI_IN_PLACE it is the start of Input.
      s_.in_place = false;
      if (!s_.out_of_place)
        throw Fault(a_.line,
                    "a reduce_scatter for calls in place alone: MPI has its result at another place");
    }
    if (!s_.in_place && !s_.out_of_place) throw Fault(a_.line, "inplace and outofplace are both 0");
  }

  /// The one GPU that reads what only a root has (or writes it); 0 if that does not tell.
  [[nodiscard]] int likely_root() const {
    const bool sends_out = s_.collective == Collective::kBcast || s_.collective == Collective::kScatter;
    int found = -1;
    for (std::size_t g = 0; g < a_.gpus.size(); ++g) {
      bool touches = false;
      for (const ThreadBlock& block : a_.gpus[g].blocks) {
        for (const Step& step : block.steps) {
          touches = touches || (sends_out ? reads_src(step.op) && step.src.buffer == Buffer::kInput
                                          : writes_dst(step.op) && step.dst.buffer == Buffer::kOutput);
        }
      }
      if (!touches) continue;
      if (found >= 0) return 0;
      found = static_cast<int>(g);
    }
    return std::max(found, 0);
  }

  /// A flow of MSCCL is (sender, receiver, channel).
  void find_flows() {
    for (std::size_t g = 0; g < a_.gpus.size(); ++g) {
      const auto& blocks = a_.gpus[g].blocks;
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        if (blocks[b].recv >= 0)
          takes_[{static_cast<std::size_t>(blocks[b].recv), g, blocks[b].channel}] = static_cast<int>(b);
      }
    }
  }
  [[nodiscard]] int taker(std::size_t g, const ThreadBlock& block, const Step& step) const {
    const auto found = takes_.find({g, static_cast<std::size_t>(block.send), block.channel});
    if (found != takes_.end()) return found->second;
    throw Fault(step.line, "sends to gpu " + std::to_string(block.send) + " on channel " +
                               std::to_string(block.channel) + ", where no thread block receives from gpu " +
                               std::to_string(g));
  }

  // --- one run ----------------------------------------------------------------------------------

  void prepare() {
    for (std::size_t g = 0; g < a_.gpus.size(); ++g) {
      cells_.emplace_back(s_, g, !s_.out_of_place || s_.collective == Collective::kBcast);
      memory_.emplace_back(cells_[g].count(), kNothing);
      done_.emplace_back(a_.gpus[g].blocks.size(), 0);
      payload_.emplace_back(a_.gpus[g].blocks.size());
      renamed_.emplace_back(a_.gpus[g].blocks.size());
      written_.emplace_back(cells_[g].count(), false);
      if (s_.collective == Collective::kBcast && g != s_.root) continue;
      for (std::size_t p = 0; p < places(s_, g, Buffer::kInput); ++p)
        memory_[g][cells_[g].of(Buffer::kInput, p)] = logical_chunk(s_, g, Buffer::kInput, p);
    }
  }

  void execute() {
    bool moved = true;
    while (moved) {
      moved = false;
      for (std::size_t g = 0; g < a_.gpus.size(); ++g) {
        for (std::size_t b = 0; b < a_.gpus[g].blocks.size(); ++b) {
          while (take(g, b)) moved = true;
        }
      }
    }
    for (std::size_t g = 0; g < a_.gpus.size(); ++g) {
      const auto& blocks = a_.gpus[g].blocks;
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        if (done_[g][b] < blocks[b].steps.size()) stuck(g, blocks[b], blocks[b].steps[done_[g][b]]);
      }
    }
  }
  [[noreturn]] void stuck(std::size_t g, const ThreadBlock& block, const Step& step) const {
    const std::string what =
        dependency_met(g, step)
            ? "data of gpu " + std::to_string(block.recv)
            : "step " + std::to_string(step.dep_step) + " of thread block " + std::to_string(step.dep_block);
    throw Fault(step.line, "never runs: it waits for " + what);
  }

  [[nodiscard]] std::size_t index_of(std::size_t g, const Step& step) const {
    const auto& blocks = a_.gpus[g].blocks;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      if (blocks[b].id != step.dep_block) continue;
      if (static_cast<std::size_t>(step.dep_step) < blocks[b].steps.size()) return b;
      throw Fault(step.line, "deps=\"" + std::to_string(step.dep_step) + "\": thread block " +
                                 std::to_string(step.dep_block) + " has " +
                                 std::to_string(blocks[b].steps.size()) + " steps");
    }
    throw Fault(step.line,
                "depid=\"" + std::to_string(step.dep_block) + "\": the gpu has no such thread block");
  }
  [[nodiscard]] bool dependency_met(std::size_t g, const Step& step) const {
    return step.dep_block < 0 || done_[g][index_of(g, step)] > static_cast<std::size_t>(step.dep_step);
  }

  /// The next step of a thread block, where it can run.
  bool take(std::size_t g, std::size_t b) {
    const ThreadBlock& block = a_.gpus[g].blocks[b];
    if (done_[g][b] == block.steps.size()) return false;
    const Step& step = block.steps[done_[g][b]];
    if (!dependency_met(g, step)) return false;
    auto* in =
        receives(step.op) ? &flows_[{static_cast<std::size_t>(block.recv), g, block.channel}] : nullptr;
    if (in != nullptr && in->empty()) return false;
    const auto count = static_cast<std::size_t>(step.count);
    Chunks moved;
    bool renamed = false;
    if (reads_src(step.op)) {
      moved = read(g, step, step.src);
      for (std::size_t c = 0; c < count; ++c)
        renamed = renamed || written_[g][cell(g, step, step.src, c, false)];
    }
    if (in != nullptr) {
      Chunks received = std::move(in->front());
      in->pop_front();
      if (received.size() != count)
        throw Fault(step.line, "receives " + std::to_string(received.size()) + " chunks where cnt is " +
                                   std::to_string(count));
      if (reduces(step.op)) expect_same(step, moved, received);
      moved = std::move(received);
    }
    if (step.op == Op::kReduce) expect_same(step, read(g, step, step.dst), moved);
    if (writes_dst(step.op)) {
      for (std::size_t c = 0; c < count; ++c) {
        const std::size_t to = cell(g, step, step.dst, c, true);
        memory_[g][to] = moved[c];
        // A copy to where it stands is none.
        if (step.op != Op::kCopy || to != cell(g, step, step.src, c, false)) written_[g][to] = true;
      }
    }
    if (sends(step.op)) {
      static_cast<void>(taker(g, block, step));
      flows_[{g, static_cast<std::size_t>(block.send), block.channel}].push_back(moved);
    }
    payload_[g][b].push_back(std::move(moved));
    renamed_[g][b].push_back(renamed);
    ++done_[g][b];
    return true;
  }

  Chunks read(std::size_t g, const Step& step, const Operand& from) {
    Chunks out;
    for (std::size_t c = 0; c < static_cast<std::size_t>(step.count); ++c) {
      out.push_back(memory_[g][cell(g, step, from, c, false)]);
      if (out.back() == kNothing)
        throw Fault(step.line, "reads " + name(from, c) + ", which nothing has been written to");
    }
    return out;
  }
  static std::string name(const Operand& o, std::size_t c) {
    return std::string(letter(o.buffer)) + "[" + std::to_string(static_cast<std::size_t>(o.offset) + c) + "]";
  }
  static void expect_same(const Step& step, const Chunks& a, const Chunks& b) {
    if (a != b) throw Fault(step.line, "reduces different chunks of the vector with each other");
  }

  /// Schedules never write Input, and do not read it where they have written: an engine may hold a copy. In
  /// place, where the file calls the one buffer i, that is Output.
  Operand as_output(std::size_t g, Operand o) const {
    if (o.buffer != Buffer::kInput) return o;
    const bool one_block = s_.collective == Collective::kAllgather || s_.collective == Collective::kGather;
    if (one_block) o.offset += static_cast<int>(g) * s_.block_chunks;
    o.buffer = Buffer::kOutput;
    return o;
  }
  Operand place(std::size_t g, const Step& step, const Operand& o, bool written) const {
    if (!written || o.buffer != Buffer::kInput) return o;
    if (s_.out_of_place && s_.collective != Collective::kBcast)
      throw Fault(step.line, "writes the buffer i, in a file for calls out of place");
    return as_output(g, o);
  }
  std::size_t cell(std::size_t g, const Step& step, const Operand& named, std::size_t c, bool written) const {
    const Operand o = place(g, step, named, written);
    const std::size_t held = places(s_, g, o.buffer);
    const std::size_t at = static_cast<std::size_t>(o.offset) + c;
    if (at >= held)
      throw Fault(step.line,
                  name(named, c) + " is out of range: the buffer has " + std::to_string(held) + " chunks");
    return cells_[g].of(o.buffer, at);
  }

  // --- the schedule -----------------------------------------------------------------------------

  /// First chunks of the parts of a step, each of consecutive logical chunks. All chunks of equal blocks are
  /// of one size, so that any may stand together.
  [[nodiscard]] Chunks parts(const Chunks& moved) const {
    Chunks first;
    for (std::size_t c = 0; c < moved.size(); ++c) {
      if (c == 0 || (!has_blocks(s_.collective) && moved[c] != moved[c - 1] + 1)) first.push_back(c);
    }
    return first;
  }

  void emit() {
    for (std::size_t g = 0; g < a_.gpus.size(); ++g) {
      const auto& blocks = a_.gpus[g].blocks;
      // Instructions that a lane has when each of its steps is over.
      std::vector<std::vector<std::size_t>> ends;
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        ends.emplace_back();
        std::size_t end = 0;
        for (const Chunks& moved : payload_[g][b])
          ends.back().push_back(end += std::max<std::size_t>(1, parts(moved).size()));
      }
      for (std::size_t b = 0; b < blocks.size(); ++b) {
        Lane lane;
        for (std::size_t k = 0; k < blocks[b].steps.size(); ++k) {
          const std::size_t begin = lane.size();
          emit_step(g, blocks[b], blocks[b].steps[k], payload_[g][b][k], renamed_[g][b][k], &lane);
          const Step& step = blocks[b].steps[k];
          if (step.dep_block < 0) continue;
          const std::size_t other = index_of(g, step);
          lane[begin].has_dep = true;
          lane[begin].dep_lane = static_cast<std::uint8_t>(other);
          lane[begin].dep_step =
              static_cast<std::uint16_t>(ends[other][static_cast<std::size_t>(step.dep_step)]);
        }
        s_.ranks[g].lanes.push_back(std::move(lane));
      }
      if (blocks.empty()) s_.ranks[g].lanes.emplace_back();
    }
  }
  void emit_step(std::size_t g, const ThreadBlock& block, const Step& step, const Chunks& moved, bool renamed,
                 Lane* lane) const {
    Instruction i;
    i.op = step.op;
    // Where Input and Output are one, a copy from one to the other does nothing.
    if (step.op == Op::kCopy && cell(g, step, step.src, 0, false) == cell(g, step, step.dst, 0, true))
      i.op = Op::kNop;
    if (i.op == Op::kNop) {
      lane->push_back(i);
      return;
    }
    const Operand src = renamed ? as_output(g, step.src) : step.src;
    const Operand dst = place(g, step, step.dst, writes_dst(step.op));
    i.src_buf = src.buffer;
    i.dst_buf = dst.buffer;
    if (receives(step.op)) i.recv_peer = block.recv;
    if (sends(step.op)) {
      i.send_peer = block.send;
      i.send_lane = taker(g, block, step);
    }
    const Chunks first = parts(moved);
    for (std::size_t p = 0; p < first.size(); ++p) {
      const std::size_t end = p + 1 < first.size() ? first[p + 1] : moved.size();
      i.chunks = static_cast<std::uint16_t>(end - first[p]);
      i.size_chunk = static_cast<std::uint16_t>(std::min<std::size_t>(moved[first[p]], s_.chunks - i.chunks));
      i.src_chunk = static_cast<std::uint16_t>(static_cast<std::size_t>(src.offset) + first[p]);
      i.dst_chunk = static_cast<std::uint16_t>(static_cast<std::size_t>(dst.offset) + first[p]);
      lane->push_back(i);
    }
  }

  const Algorithm& a_;
  Schedule s_;
  std::map<std::tuple<std::size_t, std::size_t, int>, int>
      takes_;  // from, to, channel: index of a thread block
  std::map<std::tuple<std::size_t, std::size_t, int>, std::deque<Chunks>> flows_;
  std::vector<detail::Cells> cells_;
  std::vector<Chunks> memory_;                  // [gpu][cell]
  std::vector<std::vector<std::size_t>> done_;  // [gpu][thread block] steps
  std::vector<std::vector<std::vector<Chunks>>> payload_;
  std::vector<std::vector<bool>> written_;  // [gpu][cell]
  std::vector<std::vector<std::vector<bool>>>
      renamed_;  // [gpu][thread block][step] reads what is Output by now
};

}  // namespace

bool convert(const Algorithm& algorithm, Schedule* out, std::string* error) {
  try {
    *out = Converter(algorithm).run();
    return true;
  } catch (const Fault& fault) {
    *error = fault.what();
    return false;
  }
}

}  // namespace tally::schedule::msccl
