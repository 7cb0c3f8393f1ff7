// SPDX-License-Identifier: BSD-3-Clause
// Collectives that reduce: each predefined operation on each predefined type it is for, against a loop. The
// values keep sums and products exact in every type, so that the order of operations does not matter.
#include <complex>
#include <cstring>
#include <type_traits>

#include "program.hpp"

namespace test {

namespace {

template <typename V, typename I>
struct Pair {
  V value;
  I index;
};

template <typename T>
struct IsPair : std::false_type {};
template <typename V, typename I>
struct IsPair<Pair<V, I>> : std::true_type {};
template <typename T>
struct IsComplex : std::false_type {};
template <typename T>
struct IsComplex<std::complex<T>> : std::true_type {};

/// The k-th element that a rank contributes.
template <typename T>
T element(int call, int from, int k) {
  const int x =
      static_cast<int>((static_cast<unsigned>(call) * 7919u + static_cast<unsigned>(from) * 104729u +
                        static_cast<unsigned>(k) * 1299709u) >>
                       3) &
      0xff;
  if constexpr (IsPair<T>::value) {
    T pair;
    std::memset(static_cast<void*>(&pair), 0, sizeof pair);
    pair.value = static_cast<decltype(pair.value)>(x % 4);
    pair.index = static_cast<decltype(pair.index)>((x >> 2) + from);
    return pair;
  } else if constexpr (IsComplex<T>::value) {
    const T units[] = {T(1, 0), T(0, 1), T(-1, 0), T(0, -1), T(1, 1)};
    return units[x % (k % 7 == 0 ? 5 : 4)];
  } else if constexpr (std::is_same_v<T, bool>) {
    return x % 2 == 1;
  } else {
    return static_cast<T>(std::is_signed_v<T> ? x % 3 - 1 : x % 3);
  }
}

template <typename T>
bool same(const T& a, const T& b) {
  if constexpr (IsPair<T>::value) {
    return a.value == b.value && a.index == b.index;
  } else {
    return a == b;
  }
}

template <typename T>
void add_to_digest(const T& x) {
  double parts[2] = {0, 0};
  if constexpr (IsPair<T>::value) {
    parts[0] = static_cast<double>(x.value);
    parts[1] = static_cast<double>(x.index);
  } else if constexpr (IsComplex<T>::value) {
    parts[0] = static_cast<double>(x.real());
    parts[1] = static_cast<double>(x.imag());
  } else {
    parts[0] = static_cast<double>(x);
  }
  digest(parts, sizeof parts);
}

template <typename T>
struct Operation {
  MPI_Op op;
  const char* name;
  T (*apply)(const T&, const T&);
};

template <typename T>
std::vector<Operation<T>> operations() {
  using R = const T&;
  std::vector<Operation<T>> all;
  if constexpr (IsPair<T>::value) {
    all.push_back({MPI_MINLOC, "MINLOC", [](R a, R b) {
                     return a.value < b.value || (a.value == b.value && a.index <= b.index) ? a : b;
                   }});
    all.push_back({MPI_MAXLOC, "MAXLOC", [](R a, R b) {
                     return a.value > b.value || (a.value == b.value && a.index <= b.index) ? a : b;
                   }});
  } else {
    if constexpr (!std::is_same_v<T, bool>) {
      all.push_back({MPI_SUM, "SUM", [](R a, R b) { return static_cast<T>(a + b); }});
      all.push_back({MPI_PROD, "PROD", [](R a, R b) { return static_cast<T>(a * b); }});
    }
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      all.push_back({MPI_MIN, "MIN", [](R a, R b) { return a < b ? a : b; }});
      all.push_back({MPI_MAX, "MAX", [](R a, R b) { return a > b ? a : b; }});
    }
    if constexpr (std::is_integral_v<T>) {
      all.push_back({MPI_LAND, "LAND", [](R a, R b) { return static_cast<T>(a != 0 && b != 0); }});
      all.push_back({MPI_LOR, "LOR", [](R a, R b) { return static_cast<T>(a != 0 || b != 0); }});
      all.push_back({MPI_LXOR, "LXOR", [](R a, R b) { return static_cast<T>((a != 0) != (b != 0)); }});
      if constexpr (!std::is_same_v<T, bool>) {
        all.push_back({MPI_BAND, "BAND", [](R a, R b) { return static_cast<T>(a & b); }});
        all.push_back({MPI_BOR, "BOR", [](R a, R b) { return static_cast<T>(a | b); }});
        all.push_back({MPI_BXOR, "BXOR", [](R a, R b) { return static_cast<T>(a ^ b); }});
      }
    }
  }
  return all;
}

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// A vector of T without std::vector<bool>'s packing.
template <typename T>
class Vector {
 public:
  explicit Vector(int count) : bytes_((at(count) + 2) * sizeof(T), 0x5a) {}
  T* data() { return reinterpret_cast<T*>(bytes_.data() + sizeof(T)); }
  T& operator[](int i) { return data()[i]; }
  /// The elements before and behind were not written.
  bool clean() const {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      if (bytes_[i] != 0x5a || bytes_[bytes_.size() - 1 - i] != 0x5a) return false;
    }
    return true;
  }

 private:
  std::vector<unsigned char> bytes_;
};

template <typename T>
class Test {
 public:
  Test(const char* type_name, MPI_Datatype type, const Operation<T>& op, Random* random, Form form, int call)
      : type_name_(type_name), type_(type), op_(op), form_(form), call_(call) {
    const int counts[] = {0, 1, 3, 64, 500};
    count_ = counts[random->below(5)];
    root_ = random->below(size);
    in_place_ = random->below(3) == 0;
    for (int i = 0; i < size; ++i) blocks_.push_back(random->below(4) == 0 ? 0 : random->below(40));
  }

  void vectors() {
    Vector<T> in(count_), out(count_);
    reset(&in, &out, count_);
    CALL(form_, MPI_Allreduce, MPI_Iallreduce, source(in), out.data(), count_, type_, op_.op, MPI_COMM_WORLD);
    check(out, 0, count_, 0, size, "allreduce");

    reset(&in, &out, count_);
    const bool is_root = rank == root_;
    const void* const from = is_root ? source(in) : in.data();
    CALL(form_, MPI_Reduce, MPI_Ireduce, from, is_root ? out.data() : nullptr, count_, type_, op_.op, root_,
         MPI_COMM_WORLD);
    if (is_root) check(out, 0, count_, 0, size, "reduce");

    reset(&in, &out, count_);
    CALL(form_, MPI_Scan, MPI_Iscan, source(in), out.data(), count_, type_, op_.op, MPI_COMM_WORLD);
    check(out, 0, count_, 0, rank + 1, "scan");

    reset(&in, &out, count_);
    CALL(form_, MPI_Exscan, MPI_Iexscan, source(in), out.data(), count_, type_, op_.op, MPI_COMM_WORLD);
    if (rank > 0) check(out, 0, count_, 0, rank, "exscan");
  }

  void scatters() {
    const int block = count_ % 61;
    Vector<T> in(block * size), out(in_place_ ? block * size : block);
    reset(&in, &out, block * size);
    CALL(form_, MPI_Reduce_scatter_block, MPI_Ireduce_scatter_block, source(in), out.data(), block, type_,
         op_.op, MPI_COMM_WORLD);
    check(out, block * rank, block, 0, size, "reduce_scatter_block");

    int total = 0, before = 0;
    for (int i = 0; i < size; ++i) {
      if (i == rank) before = total;
      total += blocks_[at(i)];
    }
    Vector<T> in2(total), out2(in_place_ ? total : blocks_[at(rank)]);
    reset(&in2, &out2, total);
    CALL(form_, MPI_Reduce_scatter, MPI_Ireduce_scatter, source(in2), out2.data(), blocks_.data(), type_,
         op_.op, MPI_COMM_WORLD);
    check(out2, before, blocks_[at(rank)], 0, size, "reduce_scatter");
  }

 private:
  const void* source(Vector<T>& in) const { return in_place_ ? MPI_IN_PLACE : in.data(); }

  void reset(Vector<T>* in, Vector<T>* out, int count) {
    for (int k = 0; k < count; ++k) (in_place_ ? *out : *in)[k] = (*in)[k] = element<T>(call_, rank, k);
  }

  void check(Vector<T>& out, int first, int count, int from, int to, const char* what) {
    int bad = -1;
    for (int k = 0; k < count; ++k) {
      T expected = element<T>(call_, from, first + k);
      for (int i = from + 1; i < to; ++i) expected = op_.apply(expected, element<T>(call_, i, first + k));
      if (!same(out[k], expected) && bad < 0) bad = k;
      add_to_digest(out[k]);
    }
    expect(bad < 0 && out.clean(), "%s of %s %s%s: element %d of %d", what, type_name_, op_.name,
           in_place_ ? " in place" : "", bad, count);
  }

  const char* type_name_;
  MPI_Datatype type_;
  const Operation<T>& op_;
  Form form_;
  int call_;
  int count_;
  int root_;
  bool in_place_;
  std::vector<int> blocks_;
};

template <typename T>
void type(const char* name, MPI_Datatype of, Random* random, int* call) {
  static const std::vector<Operation<T>> all = operations<T>();
  for (const Operation<T>& op : all) {
    // Addresses, offsets and counts have no logical operations (MPI 5.0, 6.9.2).
    const bool logical = op.op == MPI_LAND || op.op == MPI_LOR || op.op == MPI_LXOR;
    if (logical && (of == MPI_AINT || of == MPI_OFFSET || of == MPI_COUNT)) continue;
    for (const Form form : forms()) {
      Test<T> test(name, of, op, random, form, ++*call);
      test.vectors();
      test.scatters();
    }
  }
}

}  // namespace

void reductions() {
  Random random = shared_random(3);
  int call = 0;
#define TYPE(T, Name) type<T>(#Name, Name, &random, &call)
  TYPE(signed char, MPI_SIGNED_CHAR);
  TYPE(unsigned char, MPI_UNSIGNED_CHAR);
  TYPE(short, MPI_SHORT);
  TYPE(unsigned short, MPI_UNSIGNED_SHORT);
  TYPE(int, MPI_INT);
  TYPE(unsigned, MPI_UNSIGNED);
  TYPE(long, MPI_LONG);
  TYPE(unsigned long, MPI_UNSIGNED_LONG);
  TYPE(long long, MPI_LONG_LONG);
  TYPE(unsigned long long, MPI_UNSIGNED_LONG_LONG);
  TYPE(std::int8_t, MPI_INT8_T);
  TYPE(std::int64_t, MPI_INT64_T);
  TYPE(std::uint16_t, MPI_UINT16_T);
  TYPE(std::uint32_t, MPI_UINT32_T);
  TYPE(MPI_Aint, MPI_AINT);
  TYPE(MPI_Offset, MPI_OFFSET);
  TYPE(MPI_Count, MPI_COUNT);
  TYPE(float, MPI_FLOAT);
  TYPE(double, MPI_DOUBLE);
  TYPE(long double, MPI_LONG_DOUBLE);
  TYPE(bool, MPI_C_BOOL);
  TYPE(std::complex<float>, MPI_C_FLOAT_COMPLEX);
  TYPE(std::complex<double>, MPI_C_DOUBLE_COMPLEX);
  TYPE(std::complex<long double>, MPI_C_LONG_DOUBLE_COMPLEX);
  using FloatInt = Pair<float, int>;
  using DoubleInt = Pair<double, int>;
  using LongInt = Pair<long, int>;
  using TwoInt = Pair<int, int>;
  using ShortInt = Pair<short, int>;
  using LongDoubleInt = Pair<long double, int>;
  TYPE(FloatInt, MPI_FLOAT_INT);
  TYPE(DoubleInt, MPI_DOUBLE_INT);
  TYPE(LongInt, MPI_LONG_INT);
  TYPE(TwoInt, MPI_2INT);
  TYPE(ShortInt, MPI_SHORT_INT);
  TYPE(LongDoubleInt, MPI_LONG_DOUBLE_INT);
#undef TYPE
}

}  // namespace test
