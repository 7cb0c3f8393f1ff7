// SPDX-License-Identifier: BSD-3-Clause
// Open MPI's answers for random datatypes, one line each: size, lb, extent, true lb, true extent, and a
// checksum of the packed bytes of two elements. Built with its own compiler; openmpi_test.cpp runs it.
//   openmpi_types SEED CASES
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "mpi_datatype/checksum.hpp"
#include "mpi_datatype/random_types.hpp"

namespace {

using namespace tally::test;

struct OpenMpiMaker {
  using T = MPI_Datatype;
  using Ints = std::vector<int>;

  static std::vector<MPI_Aint> wide(const Ints& v) { return {v.begin(), v.end()}; }
  static int n(const Ints& v) { return static_cast<int>(v.size()); }

  T named(Named type) {
    switch (type) {
      case Named::kChar:
        return MPI_CHAR;
      case Named::kByte:
        return MPI_BYTE;
      case Named::kShort:
        return MPI_SHORT;
      case Named::kInt:
        return MPI_INT;
      case Named::kLong:
        return MPI_LONG;
      case Named::kFloat:
        return MPI_FLOAT;
      case Named::kDouble:
        return MPI_DOUBLE;
      case Named::kLongDouble:
        return MPI_LONG_DOUBLE;
      case Named::kShortInt:
        return MPI_SHORT_INT;
      case Named::kDoubleInt:
        return MPI_DOUBLE_INT;
      case Named::kLongInt:
        return MPI_LONG_INT;
      case Named::k2Int:
        return MPI_2INT;
      case Named::kCDoubleComplex:
        return MPI_C_DOUBLE_COMPLEX;
      default:
        return MPI_DATATYPE_NULL;
    }
  }
  T contiguous(Count count, T old) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_contiguous(static_cast<int>(count), old, &made);
    return made;
  }
  T vector(Count count, Count length, Count stride, T old) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_vector(static_cast<int>(count), static_cast<int>(length), static_cast<int>(stride), old, &made);
    return made;
  }
  T hvector(Count count, Count length, Count stride, T old) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_create_hvector(static_cast<int>(count), static_cast<int>(length), stride, old, &made);
    return made;
  }
  T indexed(const Ints& lengths, const Ints& displacements, T old) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_indexed(n(lengths), lengths.data(), displacements.data(), old, &made);
    return made;
  }
  T hindexed(const Ints& lengths, const Ints& displacements, T old) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_create_hindexed(n(lengths), lengths.data(), wide(displacements).data(), old, &made);
    return made;
  }
  T indexed_block(Count length, const Ints& displacements, T old) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_create_indexed_block(n(displacements), static_cast<int>(length), displacements.data(), old,
                                  &made);
    return made;
  }
  T hindexed_block(Count length, const Ints& displacements, T old) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_create_hindexed_block(n(displacements), static_cast<int>(length), wide(displacements).data(),
                                   old, &made);
    return made;
  }
  T structure(const Ints& lengths, const Ints& displacements, const std::vector<T>& types) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_create_struct(n(lengths), lengths.data(), wide(displacements).data(), types.data(), &made);
    return made;
  }
  T resized(T old, Count lb, Count extent) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_create_resized(old, lb, extent, &made);
    return made;
  }
  T subarray(const ArrayPart& p, T old) {
    T made = MPI_DATATYPE_NULL;
    MPI_Type_create_subarray(n(p.sizes), p.sizes.data(), p.subsizes.data(), p.starts.data(),
                             p.fortran ? MPI_ORDER_FORTRAN : MPI_ORDER_C, old, &made);
    return made;
  }
  T darray(const Distributed& p, T old) {
    Ints distribs, dargs;
    for (const Dealt how : p.distribs) {
      distribs.push_back(how == Dealt::kBlock    ? MPI_DISTRIBUTE_BLOCK
                         : how == Dealt::kCyclic ? MPI_DISTRIBUTE_CYCLIC
                                                 : MPI_DISTRIBUTE_NONE);
    }
    for (const int darg : p.dargs) dargs.push_back(darg != 0 ? darg : MPI_DISTRIBUTE_DFLT_DARG);
    T made = MPI_DATATYPE_NULL;
    MPI_Type_create_darray(p.size, p.rank, n(p.gsizes), p.gsizes.data(), distribs.data(), dargs.data(),
                           p.psizes.data(), p.fortran ? MPI_ORDER_FORTRAN : MPI_ORDER_C, old, &made);
    return made;
  }
};

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  if (argc != 3) return 2;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  const std::uint64_t seed = std::strtoull(argv[1], nullptr, 0);
  const std::uint64_t cases = std::strtoull(argv[2], nullptr, 0);
  for (std::uint64_t i = 0; i < cases; ++i) {
    Random random(case_seed(seed, i));
    OpenMpiMaker maker;
    const int depth = static_cast<int>(random.below(4));
    MPI_Datatype type = RandomTypes<OpenMpiMaker>(random, maker, kAligned).type(depth);
    if (depth == 0) MPI_Type_dup(type, &type);
    if (type == MPI_DATATYPE_NULL) {
      std::printf("refused\n");
      continue;
    }
    MPI_Type_commit(&type);
    int size;
    MPI_Aint lb, extent, true_lb, true_extent;
    MPI_Type_size(type, &size);
    MPI_Type_get_extent(type, &lb, &extent);
    MPI_Type_get_true_extent(type, &true_lb, &true_extent);
    unsigned long long sum = 0;
    if (size > 0) {
      Pattern pattern(true_lb, true_lb + true_extent, extent);
      std::vector<unsigned char> stream(2 * static_cast<std::size_t>(size));
      int position = 0;
      MPI_Pack(pattern.address(), 2, type, stream.data(), static_cast<int>(stream.size()), &position,
               MPI_COMM_SELF);
      sum = checksum(stream);
    }
    std::printf("%d %ld %ld %ld %ld %llx\n", size, static_cast<long>(lb), static_cast<long>(extent),
                static_cast<long>(true_lb), static_cast<long>(true_extent), sum);
    MPI_Type_free(&type);
  }
  MPI_Finalize();
  return 0;
}
