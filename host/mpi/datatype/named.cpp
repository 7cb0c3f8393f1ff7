// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <climits>
#include <complex>
#include <cwchar>
#include <limits>
#include <type_traits>

#include "mpi/datatype/kinds.hpp"

namespace tally::datatype {
namespace {

// Fortran's INTEGER and REAL are those of gfortran and flang without options that widen them.
using FortranInteger = std::int32_t;
using FortranReal = float;

constexpr auto kNoDtype = static_cast<tally_dtype>(0);

struct alignas(16) Bytes16 {
  unsigned char bytes[16];
};

template <class T>
consteval tally_dtype integer_dtype() {
  constexpr tally_dtype kSignedTypes[] = {TALLY_I8, TALLY_I16, TALLY_I32, TALLY_I64};
  constexpr tally_dtype kUnsignedTypes[] = {TALLY_U8, TALLY_U16, TALLY_U32, TALLY_U64};
  constexpr int kLog = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
  return std::is_signed_v<T> ? kSignedTypes[kLog] : kUnsignedTypes[kLog];
}

template <class T>
consteval Kind plain(std::string_view name, Format format, Group group, tally_dtype dtype) {
  Kind k;
  k.name = name;
  k.size = sizeof(T);
  k.alignment = alignof(T);
  k.extent = sizeof(T);
  k.external = sizeof(T);
  k.format = format;
  k.group = group;
  k.dtype = dtype;
  return k;
}

/// external: bytes in external32, where they are not those of T.
template <class T>
consteval Kind integer(std::string_view name, Group group = Group::kInteger, Count external = sizeof(T)) {
  Kind k =
      plain<T>(name, std::is_signed_v<T> ? Format::kSigned : Format::kUnsigned, group, integer_dtype<T>());
  k.external = external;
  return k;
}

/// Printable characters, which have no value to reduce.
template <class T>
consteval Kind character(std::string_view name, Count external = sizeof(T)) {
  Kind k = integer<T>(name, Group::kNone, external);
  k.dtype = static_cast<tally_dtype>(0);
  return k;
}

template <class T>
consteval Kind logical(std::string_view name) {
  return plain<T>(name, Format::kLogical, Group::kLogical, integer_dtype<T>());
}

template <class T>
consteval Kind real(std::string_view name, tally_dtype dtype) {
  return plain<T>(name, Format::kFloat, Group::kFloating, dtype);
}

consteval Kind long_double(std::string_view name) {
  constexpr int kDigits = std::numeric_limits<long double>::digits;
  static_assert(sizeof(long double) == 16 && (kDigits == 64 || kDigits == 113),
                "long double is neither x87's nor binary128: external32 cannot write it");
  Kind k = real<long double>(name, kNoDtype);
  if (kDigits == 64) k.format = Format::kExtended;
  return k;
}

consteval Kind complex_of(std::string_view name, Kind component, tally_dtype dtype) {
  component.name = name;
  component.size *= 2;
  component.extent *= 2;
  component.external *= 2;
  component.complex = true;
  component.group = Group::kComplex;
  component.dtype = dtype;
  return component;
}

template <class Value, class Index>
consteval Kind pair_of(std::string_view name, Named value, Named index, tally_dtype dtype, Count external) {
  struct Layout {
    Value value;
    Index index;
  };
  Kind k;
  k.name = name;
  k.size = sizeof(Value) + sizeof(Index);
  k.alignment = alignof(Layout);
  k.extent = sizeof(Layout);
  k.external = external;
  k.group = Group::kPair;
  k.dtype = dtype;
  k.pair = true;
  k.value = value;
  k.index = index;
  k.index_offset = offsetof(Layout, index);
  return k;
}

consteval Kind marker(std::string_view name) {
  Kind k;
  k.name = name;
  return k;
}

consteval Kind no_sums(Kind k) {
  k.group = Group::kNone;
  return k;
}

constexpr std::array<Kind, kNamedTypes> make_table() {
  std::array<Kind, kNamedTypes> table{};
  const auto set = [&table](Named type, Kind k) { table[static_cast<std::size_t>(type)] = k; };
  using N = Named;

  set(N::kChar, integer<char>("MPI_CHAR"));
  set(N::kSignedChar, integer<signed char>("MPI_SIGNED_CHAR"));
  set(N::kUnsignedChar, integer<unsigned char>("MPI_UNSIGNED_CHAR"));
  set(N::kShort, integer<short>("MPI_SHORT"));
  set(N::kUnsignedShort, integer<unsigned short>("MPI_UNSIGNED_SHORT"));
  set(N::kInt, integer<int>("MPI_INT"));
  set(N::kUnsigned, integer<unsigned>("MPI_UNSIGNED"));
  set(N::kLong, integer<long>("MPI_LONG", Group::kInteger, 4));
  set(N::kUnsignedLong, integer<unsigned long>("MPI_UNSIGNED_LONG", Group::kInteger, 4));
  set(N::kLongLong, integer<long long>("MPI_LONG_LONG_INT"));
  set(N::kUnsignedLongLong, integer<unsigned long long>("MPI_UNSIGNED_LONG_LONG"));
  set(N::kInt8, integer<std::int8_t>("MPI_INT8_T"));
  set(N::kInt16, integer<std::int16_t>("MPI_INT16_T"));
  set(N::kInt32, integer<std::int32_t>("MPI_INT32_T"));
  set(N::kInt64, integer<std::int64_t>("MPI_INT64_T"));
  set(N::kUint8, integer<std::uint8_t>("MPI_UINT8_T"));
  set(N::kUint16, integer<std::uint16_t>("MPI_UINT16_T"));
  set(N::kUint32, integer<std::uint32_t>("MPI_UINT32_T"));
  set(N::kUint64, integer<std::uint64_t>("MPI_UINT64_T"));
  set(N::kFloat, real<float>("MPI_FLOAT", TALLY_F32));
  set(N::kDouble, real<double>("MPI_DOUBLE", TALLY_F64));
  set(N::kLongDouble, long_double("MPI_LONG_DOUBLE"));
  set(N::kWchar, character<wchar_t>("MPI_WCHAR", 2));
  set(N::kCBool, logical<bool>("MPI_C_BOOL"));
  set(N::kCFloatComplex, complex_of("MPI_C_COMPLEX", real<float>("", kNoDtype), TALLY_C64));
  set(N::kCDoubleComplex, complex_of("MPI_C_DOUBLE_COMPLEX", real<double>("", kNoDtype), TALLY_C128));
  set(N::kCLongDoubleComplex, complex_of("MPI_C_LONG_DOUBLE_COMPLEX", long_double(""), kNoDtype));

  set(N::kCxxBool, logical<bool>("MPI_CXX_BOOL"));
  set(N::kCxxFloatComplex, complex_of("MPI_CXX_FLOAT_COMPLEX", real<float>("", kNoDtype), TALLY_C64));
  set(N::kCxxDoubleComplex, complex_of("MPI_CXX_DOUBLE_COMPLEX", real<double>("", kNoDtype), TALLY_C128));
  set(N::kCxxLongDoubleComplex, complex_of("MPI_CXX_LONG_DOUBLE_COMPLEX", long_double(""), kNoDtype));

  set(N::kByte, plain<unsigned char>("MPI_BYTE", Format::kBytes, Group::kByte, TALLY_BYTE));
  set(N::kPacked, no_sums(plain<unsigned char>("MPI_PACKED", Format::kBytes, Group::kByte, TALLY_BYTE)));
  set(N::kAint, integer<std::intptr_t>("MPI_AINT", Group::kMultiLanguage, 8));
  set(N::kOffset, integer<std::int64_t>("MPI_OFFSET", Group::kMultiLanguage));
  set(N::kCount, integer<std::int64_t>("MPI_COUNT", Group::kMultiLanguage));

  set(N::kCharacter, character<char>("MPI_CHARACTER"));
  set(N::kLogical, logical<FortranInteger>("MPI_LOGICAL"));
  set(N::kInteger, integer<FortranInteger>("MPI_INTEGER", Group::kFortranInteger));
  set(N::kReal, real<FortranReal>("MPI_REAL", TALLY_F32));
  set(N::kDoublePrecision, real<double>("MPI_DOUBLE_PRECISION", TALLY_F64));
  set(N::kComplex, complex_of("MPI_COMPLEX", real<FortranReal>("", kNoDtype), TALLY_C64));
  set(N::kDoubleComplex, complex_of("MPI_DOUBLE_COMPLEX", real<double>("", kNoDtype), TALLY_C128));
  set(N::kLogical1, logical<std::int8_t>("MPI_LOGICAL1"));
  set(N::kLogical2, logical<std::int16_t>("MPI_LOGICAL2"));
  set(N::kLogical4, logical<std::int32_t>("MPI_LOGICAL4"));
  set(N::kLogical8, logical<std::int64_t>("MPI_LOGICAL8"));
  set(N::kLogical16, plain<Bytes16>("MPI_LOGICAL16", Format::kLogical, Group::kLogical, kNoDtype));
  set(N::kInteger1, integer<std::int8_t>("MPI_INTEGER1", Group::kFortranInteger));
  set(N::kInteger2, integer<std::int16_t>("MPI_INTEGER2", Group::kFortranInteger));
  set(N::kInteger4, integer<std::int32_t>("MPI_INTEGER4", Group::kFortranInteger));
  set(N::kInteger8, integer<std::int64_t>("MPI_INTEGER8", Group::kFortranInteger));
  set(N::kInteger16, plain<Bytes16>("MPI_INTEGER16", Format::kSigned, Group::kFortranInteger, kNoDtype));
  set(N::kReal2, real<std::uint16_t>("MPI_REAL2", TALLY_F16));
  set(N::kReal4, real<float>("MPI_REAL4", TALLY_F32));
  set(N::kReal8, real<double>("MPI_REAL8", TALLY_F64));
  set(N::kReal16, real<Bytes16>("MPI_REAL16", kNoDtype));
  set(N::kComplex4, complex_of("MPI_COMPLEX4", real<std::uint16_t>("", kNoDtype), kNoDtype));
  set(N::kComplex8, complex_of("MPI_COMPLEX8", real<float>("", kNoDtype), TALLY_C64));
  set(N::kComplex16, complex_of("MPI_COMPLEX16", real<double>("", kNoDtype), TALLY_C128));
  set(N::kComplex32, complex_of("MPI_COMPLEX32", real<Bytes16>("", kNoDtype), kNoDtype));

  set(N::kLb, marker("MPI_LB"));
  set(N::kUb, marker("MPI_UB"));

  set(N::kFloatInt, pair_of<float, int>("MPI_FLOAT_INT", N::kFloat, N::kInt, TALLY_F32_I32, 8));
  set(N::kDoubleInt, pair_of<double, int>("MPI_DOUBLE_INT", N::kDouble, N::kInt, TALLY_F64_I32, 12));
  // On machines whose long has 32 bits: as two ints.
  set(N::kLongInt, pair_of<long, int>("MPI_LONG_INT", N::kLong, N::kInt,
                                      sizeof(long) == 8 ? TALLY_I64_I32 : TALLY_I32_I32, 8));
  set(N::k2Int, pair_of<int, int>("MPI_2INT", N::kInt, N::kInt, TALLY_I32_I32, 8));
  set(N::kShortInt, pair_of<short, int>("MPI_SHORT_INT", N::kShort, N::kInt, TALLY_I16_I32, 6));
  set(N::kLongDoubleInt,
      pair_of<long double, int>("MPI_LONG_DOUBLE_INT", N::kLongDouble, N::kInt, kNoDtype, 20));
  set(N::k2Real, pair_of<FortranReal, FortranReal>("MPI_2REAL", N::kReal, N::kReal, kNoDtype, 8));
  set(N::k2DoublePrecision, pair_of<double, double>("MPI_2DOUBLE_PRECISION", N::kDoublePrecision,
                                                    N::kDoublePrecision, kNoDtype, 16));
  set(N::k2Integer,
      pair_of<FortranInteger, FortranInteger>("MPI_2INTEGER", N::kInteger, N::kInteger, TALLY_I32_I32, 8));
  struct Complex {
    float re, im;
  };
  struct DoubleComplex {
    double re, im;
  };
  // Of MPI-1's Fortran; no operation has them.
  set(N::k2Complex,
      no_sums(pair_of<Complex, Complex>("MPI_2COMPLEX", N::kComplex, N::kComplex, kNoDtype, 16)));
  set(N::k2DoubleComplex, no_sums(pair_of<DoubleComplex, DoubleComplex>(
                              "MPI_2DOUBLE_COMPLEX", N::kDoubleComplex, N::kDoubleComplex, kNoDtype, 32)));
  return table;
}

constexpr std::array<Kind, kNamedTypes> kTable = make_table();

static_assert([] {
  for (const Kind& k : kTable) {
    if (k.name.empty()) return false;
  }
  return true;
}());

}  // namespace

const Kind& kind(Named type) noexcept { return kTable[static_cast<std::size_t>(type)]; }

std::string_view name(Named type) noexcept { return kind(type).name; }

tally_dtype engine_dtype(Named type) noexcept { return kind(type).dtype; }

}  // namespace tally::datatype
