// SPDX-License-Identifier: BSD-3-Clause
// Subarray and darray (MPI 5.0, 5.1.3 and 5.1.4): parts of arrays, as resized vectors of vectors.
#include <climits>

#include "mpi/datatype/builder.hpp"

namespace tally::datatype {
namespace {

std::string element(const char* argument, int i, Count value) {
  return std::string(argument) + "[" + std::to_string(i) + "] = " + std::to_string(value);
}

[[noreturn]] void refuse(const std::string& what) { throw Error(Fault::kArg, what); }

void check_array(int ndims, bool null, const char* argument) {
  if (ndims > 0 && null) refuse(std::string(argument) + " is a null pointer");
}

void check_order(int order, const ArrayConstants& constants) {
  if (order != constants.order_c && order != constants.order_fortran) {
    refuse("order is neither MPI_ORDER_C nor MPI_ORDER_FORTRAN: " + std::to_string(order));
  }
}

/// The dimension that is the i-th fastest.
int dimension(int i, int ndims, bool fortran) { return fortran ? i : ndims - 1 - i; }

void record_sizes(Contents& contents, int ndims, const Integers& values, Form form) {
  for (int i = 0; i < ndims; ++i) {
    if (form == Form::kLarge) {
      contents.large_counts.push_back(values[i]);
    } else {
      contents.integers.push_back(static_cast<int>(values[i]));
    }
  }
}

Ref finish_as(Builder& builder, const Ref& made) {
  builder.layout().children.push_back(made);
  builder.same_as(*made);
  return builder.finish();
}

/// `made`, its bounds those of a whole array of `bytes`, its elements `offset` bytes further.
Ref within_array(const Ref& made, Count offset, Count bytes) {
  const Ref shifted = offset == 0 ? made : hindexed_block(1, 1, Integers(&offset), made);
  return resized(shifted, 0, bytes);
}

/// The entries of one dimension of `gsize` that process `coordinate` of `psize` has, in blocks of `block`
/// dealt in turn. The old type is what one entry of it holds.
Ref cyclic(Count block, Count gsize, Count coordinate, Count psize, const Ref& old) {
  const Count extent = old->extent();
  const Count round = multiply(block, psize);
  const Count first = multiply(coordinate, block);
  const Count bytes = multiply(gsize, extent);
  if (first >= gsize) return resized(contiguous(0, old), 0, bytes);
  const Count whole_rounds = (gsize - first) / round;
  const Count left = gsize - first - whole_rounds * round;
  const Count full = whole_rounds + (left >= block ? 1 : 0);
  const Count part = left >= block ? 0 : left;
  const Count stride = multiply(round, extent);
  Ref made = hvector(full, block, stride, old);
  if (part > 0) {
    const Count lengths[] = {1, part};
    const Count displacements[] = {0, multiply(full, stride)};
    const Ref types[] = {made, old};
    made = structure(Integers(lengths), Integers(displacements), types);
  }
  return within_array(made, multiply(first, extent), bytes);
}

}  // namespace

Ref subarray(int ndims, Integers sizes, Integers subsizes, Integers starts, int order, const Ref& old,
             const ArrayConstants& constants, Form form) {
  if (!old) throw Error(Fault::kType, "oldtype is a null datatype");
  if (ndims < 1) refuse("ndims is not positive: " + std::to_string(ndims));
  check_array(ndims, sizes.null(), "array_of_sizes");
  check_array(ndims, subsizes.null(), "array_of_subsizes");
  check_array(ndims, starts.null(), "array_of_starts");
  check_order(order, constants);
  for (int i = 0; i < ndims; ++i) {
    if (sizes[i] < 1) refuse(element("array_of_sizes", i, sizes[i]) + " is not positive");
    if (subsizes[i] < 1 || subsizes[i] > sizes[i]) {
      refuse(element("array_of_subsizes", i, subsizes[i]) + " is not in 1 to " + std::to_string(sizes[i]));
    }
    if (starts[i] < 0 || starts[i] > sizes[i] - subsizes[i]) {
      refuse(element("array_of_starts", i, starts[i]) + " is not in 0 to " +
             std::to_string(sizes[i] - subsizes[i]));
    }
  }

  Builder builder(Combiner::kSubarray, Layout::Shape::kAlias);
  Contents& contents = builder.contents();
  contents.integers.push_back(ndims);
  record_sizes(contents, ndims, sizes, form);
  record_sizes(contents, ndims, subsizes, form);
  record_sizes(contents, ndims, starts, form);
  contents.integers.push_back(order);
  contents.types.push_back(old);

  Ref made = old;
  Count offset = 0;
  Count stride = old->extent();  // between neighbours of the dimension
  for (int i = 0; i < ndims; ++i) {
    const int d = dimension(i, ndims, order == constants.order_fortran);
    made = hvector(subsizes[d], 1, stride, made);
    offset = add(offset, multiply(starts[d], stride));
    stride = multiply(stride, sizes[d]);
  }
  return finish_as(builder, within_array(made, offset, stride));
}

Ref darray(int size, int rank, int ndims, Integers gsizes, const int* distribs, const int* dargs,
           const int* psizes, int order, const Ref& old, const ArrayConstants& constants, Form form) {
  if (!old) throw Error(Fault::kType, "oldtype is a null datatype");
  if (size < 1) refuse("size is not positive: " + std::to_string(size));
  if (rank < 0 || rank >= size) {
    refuse("rank " + std::to_string(rank) + " is not in 0 to " + std::to_string(size - 1));
  }
  if (ndims < 1) refuse("ndims is not positive: " + std::to_string(ndims));
  check_array(ndims, gsizes.null(), "array_of_gsizes");
  check_array(ndims, distribs == nullptr, "array_of_distribs");
  check_array(ndims, dargs == nullptr, "array_of_dargs");
  check_array(ndims, psizes == nullptr, "array_of_psizes");
  check_order(order, constants);

  // Block sizes first: an error leaves nothing behind. Processes are counted in the order of C, whatever
  // `order` is.
  std::vector<Count> block(static_cast<std::size_t>(ndims));
  Count processes = 1;
  for (int i = 0; i < ndims; ++i) {
    if (gsizes[i] < 1) refuse(element("array_of_gsizes", i, gsizes[i]) + " is not positive");
    if (psizes[i] < 1) refuse(element("array_of_psizes", i, psizes[i]) + " is not positive");
    processes = multiply(processes, psizes[i]);
    const bool by_default = dargs[i] == constants.distribute_dflt_darg;
    if (!by_default && dargs[i] < 1 && distribs[i] != constants.distribute_none) {
      refuse(element("array_of_dargs", i, dargs[i]) + " is not positive");
    }
    Count& b = block[static_cast<std::size_t>(i)];
    if (distribs[i] == constants.distribute_block) {
      b = by_default ? gsizes[i] / psizes[i] + (gsizes[i] % psizes[i] != 0 ? 1 : 0) : dargs[i];
      if (multiply(b, psizes[i]) < gsizes[i]) {
        refuse(element("array_of_dargs", i, dargs[i]) + ": blocks do not hold array_of_gsizes[" +
               std::to_string(i) + "] = " + std::to_string(gsizes[i]));
      }
    } else if (distribs[i] == constants.distribute_cyclic) {
      b = by_default ? 1 : dargs[i];
    } else if (distribs[i] == constants.distribute_none) {
      if (psizes[i] != 1) {
        refuse(element("array_of_psizes", i, psizes[i]) +
               ", but the dimension is not distributed: it must be 1");
      }
      b = gsizes[i];
    } else {
      refuse(element("array_of_distribs", i, distribs[i]) +
             " is not MPI_DISTRIBUTE_BLOCK, MPI_DISTRIBUTE_CYCLIC or MPI_DISTRIBUTE_NONE");
    }
  }
  if (processes != size) {
    refuse("array_of_psizes make " + std::to_string(processes) + " processes, and size is " +
           std::to_string(size));
  }

  Builder builder(Combiner::kDarray, Layout::Shape::kAlias);
  Contents& contents = builder.contents();
  contents.integers = {size, rank, ndims};
  record_sizes(contents, ndims, gsizes, form);
  contents.integers.insert(contents.integers.end(), distribs, distribs + ndims);
  contents.integers.insert(contents.integers.end(), dargs, dargs + ndims);
  contents.integers.insert(contents.integers.end(), psizes, psizes + ndims);
  contents.integers.push_back(order);
  contents.types.push_back(old);

  std::vector<int> coordinate(static_cast<std::size_t>(ndims));
  int left = rank;
  for (int i = ndims - 1; i >= 0; --i) {
    coordinate[static_cast<std::size_t>(i)] = left % psizes[i];
    left /= psizes[i];
  }
  Ref made = old;
  for (int i = 0; i < ndims; ++i) {
    const int d = dimension(i, ndims, order == constants.order_fortran);
    const auto at = static_cast<std::size_t>(d);
    made = cyclic(block[at], gsizes[d], coordinate[at], psizes[d], made);
  }
  return finish_as(builder, made);
}

}  // namespace tally::datatype
