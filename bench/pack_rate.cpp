// SPDX-License-Identifier: BSD-3-Clause
// Wall time of packing and unpacking MPI datatypes in one thread: bytes of the packed stream a second, beside
// the loop that a program would write for the same layout, and beside memcpy of as many contiguous bytes.
//
//   tally_bench_pack [BYTES [REPEATS]]       BYTES: of the packed stream, about
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "mpi/datatype/pack.hpp"

namespace {

using namespace tally::datatype;
using Clock = std::chrono::steady_clock;

/// Elements of 8 bytes; the places of a packed stream in the buffer.
struct Shape {
  const char* name;
  Ref type;
  Count count;
  std::function<void(const double* from, double* to)> loop;  // packs
  std::function<void(const double* from, double* to)> inverse;
};

template <class F>
double seconds(F&& f) {
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const Ref& kDouble = named(Named::kDouble);

Shape column(Count n, Count block, Count stride) {
  static char name[3][32];
  char* text = name[block == 1 ? 0 : block == 4 ? 1 : 2];
  std::snprintf(text, sizeof name[0], "vector %lld of %lld", static_cast<long long>(block),
                static_cast<long long>(stride));
  const Count blocks = n / block;
  return {text, vector(blocks, block, stride, kDouble), 1,
          [=](const double* from, double* to) {
            for (Count i = 0; i < blocks; ++i) {
              for (Count j = 0; j < block; ++j) *to++ = from[i * stride + j];
            }
          },
          [=](const double* from, double* to) {
            for (Count i = 0; i < blocks; ++i) {
              for (Count j = 0; j < block; ++j) to[i * stride + j] = *from++;
            }
          }};
}

/// The inner part of a cube with a border of one: what a halo exchange leaves out.
Shape inside(Count n) {
  int side = 3;
  while (Count{side - 2} * (side - 2) * (side - 2) < n) ++side;
  const int sizes[] = {side, side, side};
  const int subsizes[] = {side - 2, side - 2, side - 2};
  const int starts[] = {1, 1, 1};
  const ArrayConstants constants{0, 1, 0, 1, 2, -1};
  const auto each = [side](auto&& f) {
    for (Count x = 1; x < side - 1; ++x) {
      for (Count y = 1; y < side - 1; ++y) {
        for (Count z = 1; z < side - 1; ++z) f((x * side + y) * side + z);
      }
    }
  };
  return {"subarray, inside of a cube",
          subarray(3, Integers(sizes), Integers(subsizes), Integers(starts), 0, kDouble, constants), 1,
          [each](const double* from, double* to) { each([&](Count at) { *to++ = from[at]; }); },
          [each](const double* from, double* to) { each([&](Count at) { to[at] = *from++; }); }};
}

/// Every other element or so, in ascending order: a list as a sparse exchange has it.
Shape scattered(Count n) {
  std::vector<Count> places;
  Count at = 0;
  for (Count i = 0; i < n; ++i) {
    places.push_back(at);
    at += 2 + i * 7 % 3;
  }
  const Ref type = indexed_block(n, 1, Integers(places.data()), kDouble, Form::kLarge);
  return {"indexed_block 1", type, 1,
          [places](const double* from, double* to) {
            for (const Count place : places) *to++ = from[place];
          },
          [places](const double* from, double* to) {
            for (const Count place : places) to[place] = *from++;
          }};
}

struct Particle {
  double place;
  int kind;
  int unused;
};

/// An array of structs of a double and an int, with a gap: 12 of 16 bytes.
Shape particles(Count n) {
  const int lengths[] = {1, 1};
  const Count displacements[] = {0, 8};
  const Ref types[] = {kDouble, named(Named::kInt)};
  const Count elements = n * 8 / 12;
  return {"struct {double, int} array", structure(Integers(lengths), Integers(displacements), types),
          elements,
          [elements](const double* from, double* to) {
            auto* out = reinterpret_cast<char*>(to);
            for (Count i = 0; i < elements; ++i, out += 12) {
              std::memcpy(out, &from[2 * i], 8);
              std::memcpy(out + 8, &from[2 * i + 1], 4);
            }
          },
          [elements](const double* from, double* to) {
            auto* in = reinterpret_cast<const char*>(from);
            for (Count i = 0; i < elements; ++i, in += 12) {
              std::memcpy(&to[2 * i], in, 8);
              std::memcpy(&to[2 * i + 1], in + 8, 4);
            }
          }};
}

void measure(const Shape& layout, int repeats) {
  const Type& type = *layout.type;
  type.commit();
  const Count bytes = layout.count * type.size();
  const Count reach = layout.count * type.extent() + 64;
  std::vector<double> buffer(static_cast<std::size_t>(reach / 8 + 8), 1.5);
  std::vector<double> stream(static_cast<std::size_t>(bytes / 8 + 8), 0.5);
  std::vector<double> other = stream;
  double best[5];
  std::fill(std::begin(best), std::end(best), std::numeric_limits<double>::max());
  const auto take = [&best](int which, double time) { best[which] = std::min(best[which], time); };
  for (int r = 0; r < repeats; ++r) {  // in turns: others may use the machine
    take(0, seconds([&] { pack(type, buffer.data(), layout.count, 0, bytes, stream.data()); }));
    take(1, seconds([&] { layout.loop(buffer.data(), stream.data()); }));
    take(2, seconds([&] { unpack(type, buffer.data(), layout.count, 0, bytes, stream.data()); }));
    take(3, seconds([&] { layout.inverse(stream.data(), buffer.data()); }));
    take(4, seconds([&] { std::memcpy(other.data(), stream.data(), static_cast<std::size_t>(bytes)); }));
  }
  const auto rate = [bytes](double time) { return static_cast<double>(bytes) * 1e-9 / time; };
  std::printf("%-28s %9.2f %9.2f %9.2f %9.2f %9.2f\n", layout.name, rate(best[0]), rate(best[1]),
              rate(best[2]), rate(best[3]), rate(best[4]));
}

}  // namespace

int main(int argc, char** argv) {
  const Count bytes = argc > 1 ? std::strtoll(argv[1], nullptr, 0) : 256 << 10;
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 2000;
  if (bytes < 1024 || repeats < 1) {
    std::fprintf(stderr, "usage: tally_bench_pack [BYTES [REPEATS]]; BYTES is 1024 or more\n");
    return 1;
  }
  const Count n = bytes / 8;
  std::printf("about %lld bytes packed, one thread, wall time, best of %d, GB/s of the packed stream\n",
              static_cast<long long>(bytes), repeats);
  std::printf("%-28s %9s %9s %9s %9s %9s\n", "type", "pack", "loop", "unpack", "loop", "memcpy");
  for (const Shape& layout :
       {column(n, 1, 4), column(n, 4, 16), column(n, 64, 80), inside(n), scattered(n), particles(n)}) {
    measure(layout, repeats);
  }
  return 0;
}
