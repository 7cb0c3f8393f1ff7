// SPDX-License-Identifier: BSD-3-Clause
#include "rtl_seq/reference.hpp"

#include <cmath>
#include <cstring>
#include <deque>
#include <map>
#include <tuple>

#include "engine/numerics/reduce.hpp"
#include "support/elements.hpp"

namespace tally::test {
namespace {

using device::Dtype;
using schedule::Buffer;
using schedule::Op;

static_assert(static_cast<int>(Dtype::kI16I32) == TALLY_I16_I32 && static_cast<int>(Dtype::kByte) == TALLY_BYTE);
static_assert(static_cast<int>(device::Redop::kMaxloc) == TALLY_MAXLOC);

Bytes combine(const Shared& shared, const Bytes& a, const Bytes& b) {
  Bytes out(a.size());
  numerics::reduce(static_cast<tally_dtype>(shared.dtype), static_cast<tally_op>(shared.redop), out.data(), a.data(),
                   b.data(), a.size() / element_bytes(shared.dtype));
  return out;
}

using Channels = std::map<std::tuple<unsigned, unsigned, std::size_t>, std::deque<Bytes>>;  // source, destination, lane

/// Whatever lanes of a rank can do now; true: something was done.
bool advance(RankRun& run, const Shared& shared, std::uint64_t base, Channels& channels,
             std::vector<std::size_t>& steps) {
  bool moved = false;
  const auto at = [&](Buffer buffer, std::uint32_t offset, std::uint16_t chunk, bool by_bytes) {
    const std::size_t start = buffer == Buffer::kInput    ? run.input
                              : buffer == Buffer::kOutput ? run.output
                                                          : run.scratch;
    // Each pass uses scratch anew.
    const std::uint64_t pass = buffer == Buffer::kScratch ? 0 : base;
    return run.memory.begin() +
           static_cast<std::ptrdiff_t>(start + pass + (by_bytes ? offset : std::uint64_t{chunk} * shared.chunk));
  };
  for (std::size_t l = 0; l < run.lanes.size(); ++l) {
    for (; steps[l] < run.lanes[l].size(); ++steps[l], moved = true) {
      const auto& in = run.lanes[l][steps[l]];
      if (in.has_dep && steps[in.dep_lane] < in.dep_step) break;
      const std::uint64_t n = in.by_bytes ? in.bytes
                                          : schedule::extent_bytes(in.size_chunk, in.chunks, shared.chunk,
                                                                   shared.total - base);
      const auto read = [&](Buffer buffer, std::uint32_t offset, std::uint16_t chunk) {
        if (n == 0) return Bytes{};
        const auto from = at(buffer, offset, chunk, in.by_bytes);
        return Bytes(from, from + static_cast<std::ptrdiff_t>(n));
      };
      Bytes data, got;
      if (schedule::receives(in.op)) {
        auto& from = channels[{static_cast<unsigned>(in.recv_peer), run.rank, l}];
        if (from.empty()) break;
        got = from.front();
        from.pop_front();
      }
      if (schedule::reads_src(in.op)) data = read(in.src_buf, in.src_offset, in.src_chunk);
      if (in.op == Op::kReduce) data = combine(shared, read(in.dst_buf, in.dst_offset, in.dst_chunk), data);
      else if (schedule::reduces(in.op)) data = combine(shared, data, got);
      else if (schedule::receives(in.op)) data = got;
      if (schedule::writes_dst(in.op) && n != 0) {
        std::copy(data.begin(), data.end(), at(in.dst_buf, in.dst_offset, in.dst_chunk, in.by_bytes));
      }
      if (schedule::sends(in.op)) {
        channels[{run.rank, static_cast<unsigned>(in.send_peer), schedule::target_lane(in, shared.send_lane[l])}].push_back(data);
      }
    }
  }
  return moved;
}

}  // namespace

std::uint32_t element_bytes(Dtype dtype) {
  if (dtype == Dtype::kNone) return 1;
  return static_cast<std::uint32_t>(numerics::element_bytes(static_cast<tally_dtype>(dtype)));
}

Bytes random_elements(Dtype dtype, std::size_t count, std::mt19937_64& random) {
  Bytes bytes(count * element_bytes(dtype));
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  if (dtype == Dtype::kNone) return bytes;
  const auto type = static_cast<tally_dtype>(dtype);
  const test::Shape shape = shape_of(type);
  if (!shape.is_float) return bytes;
  std::uniform_real_distribution<> mantissa(0.5, 1);
  for (std::size_t at = 0; at < bytes.size(); at += shape.bytes) {
    for (std::size_t part = 0; part <= (shape.is_complex ? 1u : 0u); ++part) {
      if (random() % 8 == 0) continue;
      const double magnitude = std::ldexp(mantissa(random), static_cast<int>(random() % 10));
      const std::uint64_t bits = float_bits(type, shape.value, random() & 1 ? magnitude : -magnitude);
      std::memcpy(&bytes[at + part * shape.value], &bits, shape.value);
    }
  }
  return bytes;
}

bool run_reference(std::vector<RankRun>& ranks, const Shared& shared) {
  const std::uint64_t pass = shared.pass_chunks * shared.chunk;
  Channels channels;
  // A schedule that is right with one pass after the other everywhere is right however they overlap.
  for (std::uint64_t base = 0;; base += pass) {
    std::vector<std::vector<std::size_t>> steps(ranks.size());
    for (std::size_t r = 0; r < ranks.size(); ++r) steps[r].resize(ranks[r].lanes.size());
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t r = 0; r < ranks.size(); ++r) {
        if (advance(ranks[r], shared, base, channels, steps[r])) moved = true;
      }
    }
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      for (std::size_t l = 0; l < ranks[r].lanes.size(); ++l) {
        if (steps[r][l] != ranks[r].lanes[l].size()) return false;
      }
    }
    if (pass == 0 || shared.total - base <= pass) return true;
  }
}

}  // namespace tally::test
