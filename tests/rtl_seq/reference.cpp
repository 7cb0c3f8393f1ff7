// SPDX-License-Identifier: BSD-3-Clause
#include "rtl_seq/reference.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <tuple>
#include <type_traits>

namespace tally::test {
namespace {

using device::Dtype;
using device::Redop;
using schedule::Buffer;
using schedule::Op;

template <typename T>
void combine_as(Redop redop, Bytes& a, const Bytes& b) {
  for (std::size_t i = 0; i + sizeof(T) <= a.size(); i += sizeof(T)) {
    T x, y, z;
    std::memcpy(&x, &a[i], sizeof x);
    std::memcpy(&y, &b[i], sizeof y);
    if (redop == Redop::kMin) {
      z = std::min(x, y);
    } else if (redop == Redop::kMax) {
      z = std::max(x, y);
    } else if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      z = static_cast<T>(static_cast<U>(static_cast<U>(x) + static_cast<U>(y)));
    } else {
      z = x + y;
    }
    std::memcpy(&a[i], &z, sizeof z);
  }
}

Bytes combine(Dtype dtype, Redop redop, Bytes a, const Bytes& b) {
  switch (dtype) {
    case Dtype::kI32: combine_as<std::int32_t>(redop, a, b); break;
    case Dtype::kI64: combine_as<std::int64_t>(redop, a, b); break;
    case Dtype::kF32: combine_as<float>(redop, a, b); break;
    case Dtype::kF64: combine_as<double>(redop, a, b); break;
    default: break;
  }
  return a;
}

}  // namespace

std::uint32_t element_bytes(Dtype dtype) {
  switch (dtype) {
    case Dtype::kI32: case Dtype::kF32: return 4;
    case Dtype::kI64: case Dtype::kF64: return 8;
    case Dtype::kByte: return 1;
    default: return 0;
  }
}

Bytes random_elements(Dtype dtype, std::size_t count, std::mt19937_64& random) {
  Bytes bytes(count * element_bytes(dtype));
  std::uniform_real_distribution<> mantissa(-1, 1);
  for (std::size_t i = 0; i < count; ++i) {
    const double real = mantissa(random) * static_cast<double>(1 << (random() % 20));
    if (dtype == Dtype::kF32) {
      const auto value = static_cast<float>(real);
      std::memcpy(&bytes[i * 4], &value, 4);
    } else if (dtype == Dtype::kF64) {
      std::memcpy(&bytes[i * 8], &real, 8);
    } else {
      const std::uint64_t value = random();
      std::memcpy(&bytes[i * element_bytes(dtype)], &value, element_bytes(dtype));
    }
  }
  return bytes;
}

bool run_reference(const std::vector<std::vector<schedule::Lane>>& ranks, std::vector<RankMemory>& memory, Dtype dtype,
                   Redop redop, std::uint64_t chunk, std::uint64_t total) {
  std::map<std::tuple<int, int, std::size_t>, std::deque<Bytes>> channel;  // source, destination, its lane
  std::vector<std::vector<std::size_t>> step(ranks.size());
  for (std::size_t r = 0; r < ranks.size(); ++r) step[r].resize(ranks[r].size());
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      RankMemory& mem = memory[r];
      const auto buffer = [&](Buffer b) -> Bytes& {
        if (b == Buffer::kScratch) return mem.scratch;
        return b == Buffer::kOutput || mem.in_place ? mem.output : mem.input;
      };
      for (std::size_t l = 0; l < ranks[r].size(); ++l) {
        while (step[r][l] < ranks[r][l].size()) {
          const auto& in = ranks[r][l][step[r][l]];
          if (in.has_dep && step[r][in.dep_lane] < in.dep_step) break;
          const std::uint64_t n = schedule::extent_bytes(in.size_chunk, in.chunks, chunk, total);
          Bytes data(n), got;
          if (schedule::receives(in.op)) {
            auto& from = channel[{in.recv_peer, static_cast<int>(r), l}];
            if (from.empty()) break;
            got = from.front();
            from.pop_front();
          }
          const auto read = [&](Buffer b, std::uint64_t c) {
            if (n == 0) return Bytes{};
            const auto& from = buffer(b);
            return Bytes(from.begin() + static_cast<std::ptrdiff_t>(c * chunk),
                         from.begin() + static_cast<std::ptrdiff_t>(c * chunk + n));
          };
          if (schedule::reads_src(in.op)) data = read(in.src_buf, in.src_chunk);
          if (in.op == Op::kReduce) data = combine(dtype, redop, read(in.dst_buf, in.dst_chunk), data);
          else if (schedule::reduces(in.op)) data = combine(dtype, redop, data, got);
          else if (schedule::receives(in.op)) data = got;
          if (schedule::writes_dst(in.op) && n != 0) {
            std::copy(data.begin(), data.end(),
                      buffer(in.dst_buf).begin() + static_cast<std::ptrdiff_t>(in.dst_chunk * chunk));
          }
          if (schedule::sends(in.op)) channel[{static_cast<int>(r), in.send_peer, schedule::target_lane(in, l)}].push_back(data);
          ++step[r][l];
          moved = true;
        }
      }
    }
  }
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    for (std::size_t l = 0; l < ranks[r].size(); ++l) {
      if (step[r][l] != ranks[r][l].size()) return false;
    }
  }
  return true;
}

}  // namespace tally::test
