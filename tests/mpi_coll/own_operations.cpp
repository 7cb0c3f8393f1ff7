// SPDX-License-Identifier: BSD-3-Clause
// Reductions with operations of the program: products of matrices and concatenation, which depend on the
// order of the ranks, on plain and on derived datatypes.
#include <algorithm>
#include <cstring>

#include "program.hpp"

namespace test {

namespace {

constexpr long kPrime = 1000003;

/// Four numbers of a matrix, modulo kPrime. In the derived datatype they stand with gaps, and not in order.
struct Matrix {
  long a[4];
  friend bool operator==(const Matrix& x, const Matrix& y) { return std::memcmp(x.a, y.a, sizeof x.a) == 0; }
};
Matrix product(const Matrix& x, const Matrix& y) {
  return {{(x.a[0] * y.a[0] + x.a[1] * y.a[2]) % kPrime, (x.a[0] * y.a[1] + x.a[1] * y.a[3]) % kPrime,
           (x.a[2] * y.a[0] + x.a[3] * y.a[2]) % kPrime, (x.a[2] * y.a[1] + x.a[3] * y.a[3]) % kPrime}};
}
Matrix matrix(int call, int from, int k) {
  Matrix m;
  for (int i = 0; i < 4; ++i) m.a[i] = (call * 31 + from * 1009 + k * 7 + i * (from + 2)) % kPrime;
  return m;
}

/// How a matrix lies in memory, in longs.
struct Shape {
  int stride;  ///< to the next matrix
  int place[4];
  int datatype_is_seen;  ///< calls of the operation that had another extent than this one
};
Shape plain{4, {0, 1, 2, 3}, 0};
Shape spread{9, {7, 1, 3, 5}, 0};

Matrix get(const long* at, const Shape& shape) {
  Matrix m;
  for (int i = 0; i < 4; ++i) m.a[i] = at[shape.place[i]];
  return m;
}
void put(long* at, const Shape& shape, const Matrix& m) {
  for (int i = 0; i < 4; ++i) at[shape.place[i]] = m.a[i];
}

void multiply(void* in, void* inout, int* length, MPI_Datatype* type) {
  MPI_Aint lower = 0, extent = 0;
  MPI_Type_get_extent(*type, &lower, &extent);
  Shape& shape = extent == 32 ? plain : spread;
  if (extent != shape.stride * 8) ++shape.datatype_is_seen;
  for (int i = 0; i < *length; ++i) {
    const long* const left = static_cast<const long*>(in) + i * shape.stride;
    long* const right = static_cast<long*>(inout) + i * shape.stride;
    put(right, shape, product(get(left, shape), get(right, shape)));
  }
}

constexpr long kMark = -99;
std::size_t at(int i) { return static_cast<std::size_t>(i); }

struct Matrices {
  Matrices(const Shape& of, int count) : shape(of), longs(at(count * of.stride + 2), kMark) {}
  long* base() { return longs.data() + 1; }
  Matrix operator[](int i) { return get(base() + i * shape.stride, shape); }
  void set(int i, const Matrix& m) { put(base() + i * shape.stride, shape, m); }
  /// No long outside of the matrices was written.
  bool clean(int count) {
    std::vector<char> used(longs.size(), 0);
    for (int i = 0; i < count; ++i) {
      for (const int place : shape.place) used[at(1 + i * shape.stride + place)] = 1;
    }
    for (std::size_t i = 0; i < longs.size(); ++i) {
      if (used[i] == 0 && longs[i] != kMark) return false;
    }
    return true;
  }
  const Shape& shape;
  std::vector<long> longs;
};

Matrix expected(int call, int from, int to, int k) {
  Matrix m = matrix(call, from, k);
  for (int i = from + 1; i < to; ++i) m = product(m, matrix(call, i, k));
  return m;
}

void check(Matrices& out, int call, int first, int count, int to, const char* what) {
  int bad = -1;
  for (int k = 0; k < count; ++k) {
    const Matrix m = out[k];
    digest(m.a, sizeof m.a);
    if (!(m == expected(call, 0, to, first + k)) && bad < 0) bad = k;
  }
  expect(bad < 0, "%s of matrices (stride %d), call %d: matrix %d of %d", what, out.shape.stride, call, bad,
         count);
}

void matrices(const Shape& shape, MPI_Datatype type, MPI_Op op, Form form, Random* random, int call) {
  const int counts[] = {0, 1, 5, 200};
  const int count = counts[random->below(4)];
  const int root = random->below(size);
  const bool in_place = random->below(3) == 0;
  const int block = random->below(9);
  std::vector<int> blocks;
  for (int i = 0; i < size; ++i) blocks.push_back(random->below(3) == 0 ? 0 : random->below(11));

  const auto fill = [&](Matrices* of, int n) {
    std::fill(of->longs.begin(), of->longs.end(), kMark);
    for (int k = 0; k < n; ++k) of->set(k, matrix(call, rank, k));
  };
  Matrices in(shape, count), out(shape, count);
  const auto reset = [&] {
    fill(&in, count);
    fill(&out, in_place ? count : 0);
  };
  const void* const from = in_place ? MPI_IN_PLACE : in.base();
  reset();
  CALL(form, MPI_Allreduce, MPI_Iallreduce, from, out.base(), count, type, op, MPI_COMM_WORLD);
  check(out, call, 0, count, size, "allreduce");
  expect(out.clean(count), "allreduce of matrices writes into gaps");
  reset();
  if (rank == root) {
    CALL(form, MPI_Reduce, MPI_Ireduce, from, out.base(), count, type, op, root, MPI_COMM_WORLD);
    check(out, call, 0, count, size, "reduce");
  } else {
    CALL(form, MPI_Reduce, MPI_Ireduce, in.base(), nullptr, count, type, op, root, MPI_COMM_WORLD);
  }
  expect(out.clean(count), "reduce of matrices writes into gaps");
  reset();
  CALL(form, MPI_Scan, MPI_Iscan, from, out.base(), count, type, op, MPI_COMM_WORLD);
  check(out, call, 0, count, rank + 1, "scan");
  expect(out.clean(count), "scan of matrices writes into gaps");
  reset();
  CALL(form, MPI_Exscan, MPI_Iexscan, from, out.base(), count, type, op, MPI_COMM_WORLD);
  if (rank > 0) check(out, call, 0, count, rank, "exscan");
  expect(out.clean(rank > 0 || in_place ? count : 0), "exscan of matrices writes into gaps");

  int total = 0, before = 0;
  for (int i = 0; i < size; ++i) {
    if (i == rank) before = total;
    total += blocks[at(i)];
  }
  Matrices all(shape, total), mine(shape, in_place ? total : blocks[at(rank)]);
  fill(&all, total);
  fill(&mine, in_place ? total : 0);
  CALL(form, MPI_Reduce_scatter, MPI_Ireduce_scatter, in_place ? MPI_IN_PLACE : all.base(), mine.base(),
       blocks.data(), type, op, MPI_COMM_WORLD);
  check(mine, call, before, blocks[at(rank)], size, "reduce_scatter");
  Matrices equal(shape, block * size), own(shape, in_place ? block * size : block);
  fill(&equal, block * size);
  fill(&own, in_place ? block * size : 0);
  CALL(form, MPI_Reduce_scatter_block, MPI_Ireduce_scatter_block, in_place ? MPI_IN_PLACE : equal.base(),
       own.base(), block, type, op, MPI_COMM_WORLD);
  check(own, call, block * rank, block, size, "reduce_scatter_block");
}

/// Texts of at most 30 characters behind their length.
void concatenate(void* in, void* inout, int* length, MPI_Datatype* /*type*/) {
  for (int i = 0; i < *length; ++i) {
    const char* const left = static_cast<const char*>(in) + 32 * i;
    char* const right = static_cast<char*>(inout) + 32 * i;
    char both[32] = {};
    const int n = left[0], m = right[0];
    std::memcpy(both + 1, left + 1, at(n));
    std::memcpy(both + 1 + n, right + 1, at(std::min(m, 30 - n)));
    both[0] = static_cast<char>(std::min(30, n + m));
    std::memcpy(right, both, sizeof both);
  }
}

void texts(Form form) {
  MPI_Datatype type;
  MPI_Type_contiguous(32, MPI_CHAR, &type);
  MPI_Type_commit(&type);
  MPI_Op op;
  MPI_Op_create(concatenate, 0, &op);
  char mine[3][32] = {};
  for (int k = 0; k < 3; ++k) {
    mine[k][0] = static_cast<char>(k);  // of 0, 1 and 2 letters
    for (int i = 0; i < k; ++i) mine[k][1 + i] = static_cast<char>('a' + rank + 10 * i);
  }
  char out[3][32] = {};
  CALL(form, MPI_Allreduce, MPI_Iallreduce, mine, out, 3, type, op, MPI_COMM_WORLD);
  for (int k = 0; k < 3; ++k) {
    bool good = out[k][0] == k * size;
    for (int r = 0; r < size; ++r) {
      for (int i = 0; i < k; ++i) good = good && out[k][1 + r * k + i] == 'a' + r + 10 * i;
    }
    expect(good, "allreduce of texts: '%.30s' of %d characters", out[k] + 1, out[k][0]);
    digest(out[k], 32);
  }
  // The operation and the datatype may be freed while a collective with them is under way.
  MPI_Request request;
  char prefix[3][32] = {};
  MPI_Iscan(mine, prefix, 3, type, op, MPI_COMM_WORLD, &request);
  MPI_Op_free(&op);
  MPI_Type_free(&type);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  expect(prefix[2][0] == 2 * (rank + 1) && prefix[2][1 + 2 * rank] == 'a' + rank,
         "scan of texts: %d characters", prefix[2][0]);
}

}  // namespace

void own_operations() {
  Random random = shared_random(4);
  MPI_Datatype contiguous, gaps, sized;
  MPI_Type_contiguous(4, MPI_LONG, &contiguous);
  MPI_Type_commit(&contiguous);
  int lengths[] = {1, 1, 1, 1};
  MPI_Type_indexed(4, lengths, spread.place, MPI_LONG, &gaps);
  MPI_Type_create_resized(gaps, 0, 72, &sized);
  MPI_Type_commit(&sized);
  MPI_Type_free(&gaps);
  MPI_Op op;
  MPI_Op_create(multiply, 0, &op);
  int call = 0;
  for (const Form form : forms()) {
    for (int i = 0; i < 12; ++i) {
      matrices(plain, contiguous, op, form, &random, ++call);
      matrices(spread, sized, op, form, &random, ++call);
    }
    texts(form);
  }
  expect(plain.datatype_is_seen == 0 && spread.datatype_is_seen == 0,
         "the operation got a datatype of another extent");
  MPI_Op_free(&op);
  MPI_Type_free(&contiguous);
  MPI_Type_free(&sized);
}

}  // namespace test
