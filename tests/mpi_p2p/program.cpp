// SPDX-License-Identifier: BSD-3-Clause
// Point-to-point communication of MPI: mpi_p2p [SECTION...] runs the sections, all of them by default. Prints
// "ok" last.
#include "program.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace test {

int rank = 0;
int size = 1;
std::uint64_t seed = 1;

namespace {

int failures = 0;
const char* current = "";
std::uint64_t state = 1;

struct Section {
  const char* name;
  void (*run)();
};
constexpr Section kSections[] = {
    {"order", order},           {"wildcards", wildcards},
    {"modes", modes},           {"buffered", buffered},
    {"truncation", truncation}, {"cancel", cancel},
    {"probes", probes},         {"claimed", claimed},
    {"persistent", persistent}, {"completion", completion},
    {"statuses", statuses},     {"proc_null", proc_null},
    {"layouts", layouts},       {"exchanges", exchanges},
    {"abandoned", abandoned},   {"generalized", generalized},
    {"errors", errors},         {"self", self},
    {"traffic", traffic},       {"intercommunicator", intercommunicator},
    {"threads", threads},
};

}  // namespace

void failed(const char* file, int line, const std::string& what) {
  ++failures;
  const char* const name = std::strrchr(file, '/');
  std::fprintf(stderr, "rank %d of %d, %s, %s:%d: %s\n", rank, size, current,
               name == nullptr ? file : name + 1, line, what.c_str());
}

bool own_library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(text, &length);
  return std::strstr(text, "Tally") != nullptr;
}

int class_of(int code) {
  int error_class = -1;
  MPI_Error_class(code, &error_class);
  return error_class;
}

// splitmix64 (Steele, Lea, Flood 2014).
std::uint32_t random(std::uint32_t below) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<std::uint32_t>((z ^ (z >> 31)) % below);
}

}  // namespace test

int main(int argc, char** argv) {
  using namespace test;
  const bool with_threads = argc == 2 && std::strcmp(argv[1], "threads") == 0;
  int provided = 0;
  MPI_Init_thread(&argc, &argv, with_threads ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  if (const char* text = std::getenv("TALLY_SEED"); text != nullptr) seed = std::strtoull(text, nullptr, 10);
  for (const Section& section : kSections) {
    bool wanted = argc < 2;
    for (int i = 1; i < argc; ++i) wanted = wanted || std::strcmp(argv[i], section.name) == 0;
    if (!wanted || (section.run == threads && !with_threads)) continue;
    current = section.name;
    state = seed;
    section.run();
    meet();
  }
  int all = 0;
  MPI_Allreduce(&failures, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0)
    std::printf(all == 0 ? "ok\n" : "%d checks failed; TALLY_SEED=%llu\n", all,
                static_cast<unsigned long long>(seed));
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
