// SPDX-License-Identifier: BSD-3-Clause
// Many collectives at once: schedules, groups, types and operations at random, started in another order on each rank.
#include <algorithm>
#include <map>
#include <numeric>

#include "engine/numerics/reduce.hpp"
#include "rtl_seq/run.hpp"
#include "schedule/makers.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using device::Dtype;
using device::Redop;
using schedule::Collective;
using schedule::Program;
using schedule::Schedule;

constexpr std::uint32_t kKey = 0x777;
constexpr std::size_t kGuard = 72;  // not a multiple of a beat, between any two buffers

std::uint64_t below(std::mt19937_64& random, std::uint64_t bound) { return bound == 0 ? 0 : random() % bound; }

/// A collective of a group of nodes, each with memory of its own for it.
struct Job {
  std::string name;
  std::vector<std::uint16_t> group;  ///< group rank -> node
  std::vector<device::CollDesc> desc;
  std::vector<RankRun> runs;         ///< by group rank; memory: as it must be in the end
  std::vector<std::uint64_t> base;   ///< where the memory stands in the node
};

class Many {
 public:
  Many(unsigned nodes, const Timing& timing, std::mt19937_64& random)
      : random_(random), payload_(timing.max_payload), cluster_(nodes, timing, random()), entry_(nodes),
        memory_(nodes, Node::kBase), order_(nodes) {
    for (unsigned n = 0; n < nodes; ++n) cluster_.node(n).add_region(kKey, Node::kBase, std::uint64_t{4} << 20);
  }

  void add(std::uint16_t context, std::uint16_t seq) {
    Job job;
    std::vector<std::uint16_t> nodes(cluster_.size());
    std::iota(nodes.begin(), nodes.end(), std::uint16_t{0});
    std::shuffle(nodes.begin(), nodes.end(), random_);
    const auto ranks = 2 + below(random_, nodes.size() - 1);
    job.group.assign(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(ranks));
    const Maker& maker = makers()[below(random_, makers().size())];
    const int root = static_cast<int>(below(random_, ranks));
    Schedule s = maker.make(static_cast<int>(ranks), root, (random_() & 1) != 0);
    const bool in_place = s.in_place && (!s.out_of_place || (random_() & 1) != 0);
    Shared shared;
    choose_type(s, &shared);
    const std::uint32_t element = element_bytes(shared.dtype);
    std::uint64_t most = random_() % 4 == 0 ? 20000 : 1000;
    const std::uint64_t limit = schedule::instruction_limit(s, std::uint64_t{device::kFlowSlots} * payload_);
    const std::uint64_t instruction = s.unasked ? std::min<std::uint64_t>(limit, payload_) : limit;
    if (limit != 0) most = std::min(most, schedule::largest_vector(s, instruction));
    std::uint64_t count = s.collective == Collective::kBarrier ? 0 : below(random_, most / element + 1);
    const bool by_counts = s.by_counts && !in_place && (random_() & 1) != 0;
    std::vector<Program> programs;
    if (by_counts) {
      const std::uint64_t block = std::min<std::uint64_t>(limit == 0 ? 3000 : instruction, 3000) / element;
      programs = with_counts(s, job.group, block, element, &count);
    } else {
      if (schedule::has_blocks(s.collective)) count = count / ranks * ranks;
      for (int r = 0; r < static_cast<int>(ranks); ++r) programs.push_back(schedule::compile(s, r, job.group));
    }
    shared.total = count * element;
    shared.chunk = by_counts ? 0 : schedule::chunk_bytes(count, element, s.chunks);
    const bool inline_input = (random_() & 1) != 0;
    for (unsigned r = 0; r < ranks; ++r) {
      place(job, s, programs[r], r, in_place, shared);
      auto& d = job.desc.back();
      d.context_id = context;
      d.seq = seq;
      d.count = static_cast<std::uint32_t>(count);
      d.cookie = static_cast<std::uint32_t>(jobs_.size());
      d.signature = schedule::signature(s);
      const std::uint64_t bytes = input_bytes(programs[r], shared);
      if (!in_place && inline_input && bytes != 0 && bytes <= device::kCollInlineBytes) {
        d.flags = device::kCollFlagInline;
        std::memcpy(reinterpret_cast<char*>(&d) + offsetof(device::CollDesc, input_key),
                    &job.runs[r].memory[job.runs[r].input], bytes);
      }
      order_[job.group[r]].push_back(jobs_.size());
    }
    job.name = std::string(maker.name) + " of " + std::to_string(ranks) + ", count " + std::to_string(count) +
               ", dtype " + std::to_string(static_cast<int>(shared.dtype)) + ", redop " +
               std::to_string(static_cast<int>(shared.redop)) + (in_place ? ", in place" : "") +
               (by_counts ? ", by counts" : "") + ", context " + std::to_string(context);
    EXPECT_TRUE(run_reference(job.runs, shared)) << job.name;
    jobs_.push_back(std::move(job));
  }

  /// Posts all on every node, in orders of their own: of each `window` collectives in a row any order, but one context's
  /// stay in order. Then waits for the end and looks at all memory.
  void run(std::size_t window) {
    std::vector<std::vector<std::uint64_t>> when(cluster_.size());
    for (unsigned n = 0; n < cluster_.size(); ++n) {
      shuffle(order_[n], window);
      std::uint64_t at = cluster_.node(0).now;
      for (std::size_t k = 0; k < order_[n].size(); ++k) when[n].push_back(at += below(random_, 400));
    }
    std::vector<std::size_t> posted(cluster_.size());
    const auto done = [&] {
      bool all = true;
      for (unsigned n = 0; n < cluster_.size(); ++n) {
        Node& node = cluster_.node(n);
        for (; posted[n] < order_[n].size() && when[n][posted[n]] <= node.now; ++posted[n]) {
          node.post(descriptor(n, order_[n][posted[n]]));
        }
        all = all && node.completions.size() == order_[n].size();
      }
      return all && cluster_.quiet();
    };
    ASSERT_TRUE(cluster_.run_until(done, 300000)) << waiting();
    for (unsigned n = 0; n < cluster_.size(); ++n) {
      std::map<unsigned, std::uint16_t> next;
      for (const auto& cqe : cluster_.node(n).completions) {
        ASSERT_EQ(cqe.status, 0) << "node " << n << ", " << jobs_[cqe.cookie].name << ", detail " << cqe.detail;
        const std::uint16_t seq = descriptor(n, cqe.cookie).seq;
        EXPECT_GE(seq, next[cqe.context_id]) << "order of context " << cqe.context_id;
        next[cqe.context_id] = static_cast<std::uint16_t>(seq + 1);
      }
    }
    for (const Job& job : jobs_) {
      for (std::size_t r = 0; r < job.group.size(); ++r) {
        const Bytes now = bytes_at(cluster_.node(job.group[r]), job.base[r], job.runs[r].memory.size());
        const auto differs = std::mismatch(now.begin(), now.end(), job.runs[r].memory.begin());
        ASSERT_EQ(differs.first - now.begin(), static_cast<std::ptrdiff_t>(now.size()))
            << job.name << ": node " << job.group[r] << ", input at " << job.runs[r].input << ", output at "
            << job.runs[r].output << ", scratch at " << job.runs[r].scratch;
      }
    }
  }

 private:
  void choose_type(const Schedule& s, Shared* shared) {
    const bool reduces = schedule::has_reduction(s.collective);
    if (s.collective == Collective::kBarrier) {
      shared->dtype = Dtype::kNone;
      shared->redop = Redop::kNone;
      return;
    }
    do {
      shared->dtype = static_cast<Dtype>(1 + below(random_, 20));
      shared->redop = reduces ? static_cast<Redop>(1 + below(random_, 12)) : Redop::kNone;
    } while (reduces && !numerics::reduces(static_cast<tally_dtype>(shared->dtype),
                                           static_cast<tally_op>(shared->redop)));
  }

  /// Blocks of any sizes, one after the other; *count: what all ranks know of them.
  std::vector<Program> with_counts(const Schedule& s, const std::vector<std::uint16_t>& group, std::uint64_t block,
                                   std::uint64_t element, std::uint64_t* count) {
    const std::size_t n = group.size();
    std::vector<std::vector<std::uint64_t>> sizes(n, std::vector<std::uint64_t>(n));
    for (auto& row : sizes) {
      for (auto& size : row) size = below(random_, block + 1) * element;
    }
    const auto places = [](const std::vector<std::uint64_t>& of) {
      std::vector<std::uint64_t> at(of.size());
      std::exclusive_scan(of.begin(), of.end(), at.begin(), std::uint64_t{0});
      return at;
    };
    const std::uint64_t sum = std::accumulate(sizes[0].begin(), sizes[0].end(), std::uint64_t{0});
    const bool all_know = s.collective == Collective::kReduceScatter || s.collective == Collective::kAllgather;
    *count = all_know ? sum / element : 0;
    std::vector<Program> programs;
    for (std::size_t r = 0; r < n; ++r) {
      const int rank = static_cast<int>(r);
      std::vector<std::uint64_t> column(n);
      for (std::size_t i = 0; i < n; ++i) column[i] = sizes[i][r];
      const bool root = r == s.root;
      const auto at_root = root ? sizes[0] : std::vector<std::uint64_t>{};
      schedule::Layout layout;
      switch (s.collective) {
        case Collective::kGather:
          layout = schedule::gatherv_layout(rank, s.root, sizes[0][r], at_root, places(at_root));
          break;
        case Collective::kScatter:
          layout = schedule::scatterv_layout(rank, s.root, sizes[0][r], at_root, places(at_root));
          break;
        case Collective::kAllgather:
          layout = schedule::allgatherv_layout(rank, sizes[0], places(sizes[0]));
          break;
        case Collective::kAlltoall:
          layout = schedule::alltoallv_layout(sizes[r], places(sizes[r]), column, places(column));
          break;
        default:
          layout = schedule::reduce_scatter_layout(rank, sizes[0]);
      }
      programs.push_back(schedule::compile(s, rank, group, layout));
    }
    return programs;
  }

  static std::uint64_t buffer_bytes(bool uses, bool by_bytes, std::uint64_t bytes, std::uint16_t chunks,
                                    const Shared& shared) {
    if (!uses) return 0;
    if (by_bytes) return bytes;
    return chunks == 0 ? shared.total : std::min<std::uint64_t>(shared.total, chunks * shared.chunk);
  }
  static std::uint64_t input_bytes(const Program& p, const Shared& shared) {
    return buffer_bytes(p.uses_input, p.by_bytes, p.input_bytes, p.input_chunks, shared);
  }

  /// Memory, schedule and descriptor of group rank r.
  void place(Job& job, const Schedule& s, const Program& p, unsigned r, bool in_place, const Shared& shared) {
    const unsigned n = job.group[r];
    const std::uint64_t in = input_bytes(p, shared);
    const std::uint64_t out = buffer_bytes(p.uses_output, p.by_bytes, p.output_bytes, p.output_chunks, shared);
    const std::uint64_t scratch = p.by_bytes ? p.scratch_bytes : p.scratch_chunks * shared.chunk;
    RankRun run;
    run.rank = n;
    run.lanes = p.lanes;
    // In place one buffer is a block of the other one, or begins where it does.
    const std::uint64_t own = r * shared.chunk;
    const bool one_of_output = s.collective == Collective::kAllgather || s.collective == Collective::kGather;
    const bool one = in_place && in != 0 && out != 0;
    run.input = kGuard + (one && one_of_output ? own : 0);
    run.output = one ? kGuard + (s.collective == Collective::kScatter ? own : 0) : 2 * kGuard + in;
    const std::uint64_t end = std::max(run.input + in, run.output + out);
    run.scratch = end + kGuard;
    const std::size_t size = (run.scratch + scratch + kGuard + 63) / 64 * 64;
    // Elements stand where their buffer has them: the numbers are then such as there are in programs.
    run.memory = random_elements(Dtype::kByte, size, random_);
    const auto fill = [&](std::size_t at, std::uint64_t bytes) {
      const Bytes elements = random_elements(shared.dtype, bytes / element_bytes(shared.dtype), random_);
      std::copy(elements.begin(), elements.end(), run.memory.begin() + static_cast<std::ptrdiff_t>(at));
    };
    fill(run.input, in);
    if (!one) fill(run.output, out);
    Node& node = cluster_.node(n);
    const std::uint64_t base = memory_[n];
    memory_[n] += size;
    ASSERT_LT(memory_[n], Node::kBase + (std::uint64_t{4} << 20));
    std::copy(run.memory.begin(), run.memory.end(), node.at(base));
    device::CollDesc d{};
    d.opcode = static_cast<std::uint8_t>(device::Opcode::kCollective);
    d.dtype = static_cast<std::uint8_t>(shared.dtype);
    d.redop = static_cast<std::uint8_t>(shared.redop);
    d.schedule = static_cast<std::uint16_t>(entry_[n]);
    d.chunk_bytes = static_cast<std::uint32_t>(shared.chunk);
    d.input_addr = in == 0 ? 0 : base + run.input;
    d.output_addr = out == 0 ? 0 : base + run.output;
    d.scratch_addr = scratch == 0 ? 0 : base + run.scratch;
    d.input_key = d.output_key = d.scratch_key = kKey;
    Loaded loaded{.lanes = p.lanes, .scratch_chunks = p.scratch_chunks};
    loaded.input_chunks = p.uses_input ? p.input_chunks : std::uint16_t{0xffff};
    loaded.output_chunks = p.uses_output ? p.output_chunks : std::uint16_t{0xffff};
    loaded.sizes = p.by_bytes;
    loaded.input_bytes = static_cast<std::uint32_t>(in);
    loaded.output_bytes = static_cast<std::uint32_t>(out);
    loaded.scratch_bytes = static_cast<std::uint32_t>(scratch);
    entry_[n] = load_program(node, entry_[n], loaded);
    ASSERT_LE(entry_[n], device::kScheduleEntries);
    job.desc.push_back(d);
    job.base.push_back(base);
    job.runs.push_back(std::move(run));
  }

  [[nodiscard]] const device::CollDesc& descriptor(unsigned node, std::size_t job) const {
    const auto& group = jobs_[job].group;
    return jobs_[job].desc[static_cast<std::size_t>(std::find(group.begin(), group.end(), node) - group.begin())];
  }

  void shuffle(std::vector<std::size_t>& order, std::size_t window) {
    for (auto at = order.begin(); at != order.end();) {
      auto end = at;  // all of one window of jobs
      while (end != order.end() && *end / window == *at / window) ++end;
      std::shuffle(at, end, random_);
      at = end;
    }
    // Of one context: in the order in which they were added.
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t k = i + 1; k < order.size(); ++k) {
        if (jobs_[order[i]].desc[0].context_id == jobs_[order[k]].desc[0].context_id && order[k] < order[i]) {
          std::swap(order[i], order[k]);
        }
      }
    }
  }

  [[nodiscard]] std::string waiting() {
    std::string text = "waiting:";
    for (unsigned n = 0; n < cluster_.size(); ++n) {
      for (const auto& cqe : cluster_.node(n).completions) {
        if (cqe.status == 0) continue;
        text += "\n  node " + std::to_string(n) + ": status " + std::to_string(cqe.status) + ", detail " +
                std::to_string(cqe.detail) + ", source " + std::to_string(cqe.source) + " of " + jobs_[cqe.cookie].name;
      }
      for (const std::size_t j : order_[n]) {
        const auto& done = cluster_.node(n).completions;
        if (std::none_of(done.begin(), done.end(), [&](const auto& cqe) { return cqe.cookie == j; })) {
          text += "\n  node " + std::to_string(n) + ": " + jobs_[j].name;
        }
      }
    }
    return text;
  }

  std::mt19937_64& random_;
  unsigned payload_;
  Cluster cluster_;
  std::vector<unsigned> entry_;
  std::vector<std::uint64_t> memory_;
  std::vector<std::vector<std::size_t>> order_;
  std::vector<Job> jobs_;
};

Timing random_timing(std::mt19937_64& random, unsigned n) {
  Timing timing;
  timing.read_latency = 1 + static_cast<unsigned>(random() % 200);
  timing.write_latency = 1 + static_cast<unsigned>(random() % 200);
  timing.wire_latency = 1 + static_cast<unsigned>(random() % 200);
  timing.jitter = static_cast<unsigned>(random() % 3) * 40;
  timing.stall = static_cast<double>(random() % 3) * 0.2;
  timing.max_payload = kPayloads[n % std::size(kPayloads)];
  return timing;
}

TEST(SeqMany, as_many_as_there_are_slots_in_any_order) {
  std::mt19937_64 random(seed(900));
  for (unsigned n = 0; n < 10 * effort(); ++n) {
    SCOPED_TRACE("cluster " + std::to_string(n));
    Many many(2 + n % 3, random_timing(random, n), random);
    for (std::uint16_t k = 0; k < device::kCollectiveSlots; ++k) {
      many.add(static_cast<std::uint16_t>(k * 7), static_cast<std::uint16_t>(65535 - k));
    }
    many.run(device::kCollectiveSlots);
    if (HasFatalFailure()) return;
  }
}

TEST(SeqMany, more_than_there_are_slots_and_several_of_a_context) {
  // What waits for a slot or for its context comes later, on every rank.
  std::mt19937_64 random(seed(901));
  for (unsigned n = 0; n < 5 * effort(); ++n) {
    SCOPED_TRACE("cluster " + std::to_string(n));
    Many many(2 + n % 2, random_timing(random, n), random);
    std::map<std::uint16_t, std::uint16_t> next;
    for (unsigned k = 0; k < 24; ++k) {
      const auto context = static_cast<std::uint16_t>(k / 8 == 1 ? k % 4 : k % 8 + k / 16 * 8);
      many.add(context, next[context]++);
    }
    many.run(8);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
