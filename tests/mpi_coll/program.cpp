// SPDX-License-Identifier: BSD-3-Clause
//   mpi_coll SECTION...
//
// Runs sections of tests as one MPI job. Rank 0 prints "SECTION DIGEST CHECKS"; the digest is a function of
// what was received, and so the same on every correct MPI library. A failed check is printed and makes the
// exit code 1.
#include "program.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace test {

int rank = 0;
int size = 1;

namespace {

long checks = 0;
long failures = 0;
std::uint64_t sum = 0;

}  // namespace

void expect(bool good, const char* text, ...) {
  ++checks;
  if (good) return;
  if (++failures > 20) return;
  char line[512];
  va_list arguments;
  va_start(arguments, text);
  std::vsnprintf(line, sizeof line, text, arguments);
  va_end(arguments);
  std::printf("FAILED rank %d of %d: %s\n", rank, size, line);
  std::fflush(stdout);
}

void digest(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; ++i) sum = (sum ^ at[i]) * 1099511628211u;
}

std::uint64_t Random::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

bool common() {
  static const bool set = std::getenv("TALLY_TEST_COMMON") != nullptr;
  return set;
}

const std::vector<Form>& forms() {
  static const std::vector<Form> two{Form::kBlocking, Form::kStarted};
  static const std::vector<Form> three{Form::kBlocking, Form::kStarted, Form::kPersistent};
  return common() || MPI_VERSION < 4 ? two : three;
}

Random shared_random(int which) {
  const char* const given = std::getenv("TALLY_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : 20231;
  return Random(seed * 1000003u + static_cast<std::uint64_t>(which) * 7919u);
}

}  // namespace test

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &test::rank);
  MPI_Comm_size(MPI_COMM_WORLD, &test::size);
  const struct {
    const char* name;
    void (*run)();
  } sections[] = {{"movements", test::movements},
                  {"vectors", test::vectors},
                  {"reductions", test::reductions},
                  {"own_operations", test::own_operations},
                  {"started", test::started},
                  {"persistent", test::persistent},
                  {"inter", test::inter},
                  {"neighborhoods", test::neighborhoods},
                  {"large_counts", test::large_counts},
                  {"mistakes", test::mistakes}};
  long total_failures = 0;
  for (int i = 1; i < argc; ++i) {
    bool found = false;
    for (const auto& section : sections) {
      if (std::strcmp(argv[i], section.name) != 0) continue;
      found = true;
      test::checks = test::failures = 0;
      test::sum = 14695981039346656037u;
      section.run();
      const long mine[2] = {test::checks, test::failures};
      long all[2] = {0, 0};
      unsigned long long digest = test::sum, digests = 0;
      MPI_Reduce(mine, all, 2, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
      MPI_Reduce(&digest, &digests, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
      if (test::rank == 0) std::printf("%s %016llx %ld\n", section.name, digests, all[0]);
      total_failures += all[1] + test::failures;
      if (test::rank == 0 && all[0] == 0 && !test::common())
        total_failures = 1;  // a section that checks nothing
    }
    if (!found) {
      std::printf("no section '%s'\n", argv[i]);
      total_failures = 1;
    }
  }
  MPI_Finalize();
  if (total_failures != 0 && test::rank == 0)
    std::printf("%ld checks failed; TALLY_SEED repeats them\n", total_failures);
  return argc < 2 || total_failures != 0 ? 1 : 0;
}
