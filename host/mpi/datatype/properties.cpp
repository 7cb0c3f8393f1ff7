// SPDX-License-Identifier: BSD-3-Clause
// Types by precision and size, and arithmetic on the bytes that a message brought.
#include <limits>
#include <map>
#include <mutex>

#include "mpi/datatype/builder.hpp"
#include "mpi/datatype/kinds.hpp"

namespace tally::datatype {
namespace {

/// MPI 5.0, 19.1.9: the same arguments give the same type, which lives as long as the library.
Ref f90(Combiner combiner, const std::vector<int>& arguments, Named like) {
  static std::mutex mutex;
  // Never destroyed: programs may use types while they exit.
  static auto& made = *new std::map<std::pair<Combiner, std::vector<int>>, Ref>;
  const std::lock_guard lock(mutex);
  Ref& type = made[{combiner, arguments}];
  if (!type) {
    Builder builder(combiner, Layout::Shape::kNamed);
    builder.set_named(like);
    builder.contents().integers = arguments;
    Ref fresh = builder.finish();
    Builder::make_immortal(*fresh);
    type = std::move(fresh);
  }
  return type;
}

/// The least of the compiler's kinds with `precision` decimal digits and decimal exponents up to `range`;
/// kNone: none.
enum class RealKind { kNone, kReal4, kReal8, kReal10, kReal16 };
RealKind real_kind(int precision, int range) noexcept {
  struct Row {
    RealKind kind;
    int precision;
    int range;
  };
  // IEEE 754 binary32, binary64, x87 extended, binary128.
  constexpr Row kRows[] = {{RealKind::kReal4, 6, 37},
                           {RealKind::kReal8, 15, 307},
                           {RealKind::kReal10, 18, 4931},
                           {RealKind::kReal16, 33, 4931}};
  for (const Row& row : kRows) {
    if (row.kind == RealKind::kReal10 && std::numeric_limits<long double>::digits != 64) continue;
    if (precision <= row.precision && range <= row.range) return row.kind;
  }
  return RealKind::kNone;
}

RealKind checked_kind(int precision, int range, int undefined) {
  if (precision == undefined && range == undefined) {
    throw Error(Fault::kArg, "p and r are both MPI_UNDEFINED");
  }
  const RealKind found = real_kind(precision == undefined ? 0 : precision, range == undefined ? 0 : range);
  if (found == RealKind::kNone) {
    throw Error(Fault::kArg, "no real kind has p = " + std::to_string(precision) +
                                 " decimal digits and r = " + std::to_string(range));
  }
  return found;
}

/// Elements in the first `bytes` bytes of a stream of any number of the type; `bytes` becomes what is left of
/// a part.
Count elements_in(const Type& type, Count& bytes) noexcept {
  if (type.size() == 0) return 0;
  Count elements = bytes / type.size() * type.elements();
  bytes %= type.size();
  if (bytes == 0) return elements;
  const Layout& layout = Builder::layout(type);
  switch (layout.shape) {
    case Layout::Shape::kNamed:
      if (const Kind& k = kind(type.named()); k.pair && bytes >= kind(k.value).size) {
        bytes -= kind(k.value).size;
        return elements + 1;
      }
      return elements;
    case Layout::Shape::kAlias:
    case Layout::Shape::kStrided:
    case Layout::Shape::kBlocks:
      return elements + elements_in(layout.child(0), bytes);
    case Layout::Shape::kStruct:
      break;
  }
  for (std::size_t i = 0; i < layout.children.size() && bytes > 0; ++i) {
    const Type& child = layout.child(i);
    const Count block = child.size() * layout.length(i);
    Count here = block < bytes ? block : bytes;
    bytes -= here;
    elements += elements_in(child, here);
    if (here > 0) {
      bytes = here;
      break;
    }
  }
  return elements;
}

/// Bytes of the first `elements` elements of a stream of the type.
Count bytes_of(const Type& type, Count elements) noexcept {
  if (type.elements() == 0 || elements <= 0) return 0;
  Count bytes = elements / type.elements() * type.size();
  Count left = elements % type.elements();
  if (left == 0) return bytes;
  const Layout& layout = Builder::layout(type);
  switch (layout.shape) {
    case Layout::Shape::kNamed:
      return bytes + kind(kind(type.named()).value).size;
    case Layout::Shape::kAlias:
    case Layout::Shape::kStrided:
    case Layout::Shape::kBlocks:
      return bytes + bytes_of(layout.child(0), left);
    case Layout::Shape::kStruct:
      break;
  }
  for (std::size_t i = 0; i < layout.children.size() && left > 0; ++i) {
    const Type& child = layout.child(i);
    const Count block = child.elements() * layout.length(i);
    const Count here = block < left ? block : left;
    bytes += bytes_of(child, here);
    left -= here;
  }
  return bytes;
}

}  // namespace

Ref f90_real(int precision, int range, int undefined) {
  constexpr Named kTypes[] = {Named::kByte, Named::kReal4, Named::kReal8, Named::kLongDouble, Named::kReal16};
  const RealKind found = checked_kind(precision, range, undefined);
  return f90(Combiner::kF90Real, {precision, range}, kTypes[static_cast<int>(found)]);
}

Ref f90_complex(int precision, int range, int undefined) {
  constexpr Named kTypes[] = {Named::kByte, Named::kComplex8, Named::kComplex16, Named::kCLongDoubleComplex,
                              Named::kComplex32};
  const RealKind found = checked_kind(precision, range, undefined);
  return f90(Combiner::kF90Complex, {precision, range}, kTypes[static_cast<int>(found)]);
}

Ref f90_integer(int range) {
  const Named like = range <= 2    ? Named::kInteger1
                     : range <= 4  ? Named::kInteger2
                     : range <= 9  ? Named::kInteger4
                     : range <= 18 ? Named::kInteger8
                                   : Named::kInteger16;
  if (range > 38) {
    throw Error(Fault::kArg, "no integer kind has r = " + std::to_string(range) + " decimal digits");
  }
  return f90(Combiner::kF90Integer, {range}, like);
}

Named match_size(TypeClass type_class, Count size) {
  struct Row {
    TypeClass type_class;
    Named type;
  };
  constexpr Row kRows[] = {
      {TypeClass::kInteger, Named::kInteger1},  {TypeClass::kInteger, Named::kInteger2},
      {TypeClass::kInteger, Named::kInteger4},  {TypeClass::kInteger, Named::kInteger8},
      {TypeClass::kInteger, Named::kInteger16}, {TypeClass::kReal, Named::kReal2},
      {TypeClass::kReal, Named::kReal4},        {TypeClass::kReal, Named::kReal8},
      {TypeClass::kReal, Named::kReal16},       {TypeClass::kComplex, Named::kComplex4},
      {TypeClass::kComplex, Named::kComplex8},  {TypeClass::kComplex, Named::kComplex16},
      {TypeClass::kComplex, Named::kComplex32},
  };
  for (const Row& row : kRows) {
    if (row.type_class == type_class && kind(row.type).size == size) return row.type;
  }
  throw Error(Fault::kArg, "no type of that typeclass has size = " + std::to_string(size) + " bytes");
}

Ref value_index(const Type& value, const Type& index) {
  if (value.combiner() != Combiner::kNamed || index.combiner() != Combiner::kNamed) return Ref();
  for (int i = 0; i < kNamedTypes; ++i) {
    const Kind& k = kind(static_cast<Named>(i));
    if (k.group == Group::kPair && k.value == value.named() && k.index == index.named()) {
      return named(static_cast<Named>(i));
    }
  }
  return Ref();
}

Count get_count(const Type& type, Count bytes) noexcept {
  if (type.size() == 0) return bytes == 0 ? 0 : -1;
  return bytes % type.size() == 0 ? bytes / type.size() : -1;
}

Count get_elements(const Type& type, Count bytes) noexcept {
  if (type.size() == 0) return bytes == 0 ? 0 : -1;
  const Count elements = elements_in(type, bytes);
  return bytes == 0 ? elements : -1;
}

Count bytes_of_elements(const Type& type, Count elements) noexcept { return bytes_of(type, elements); }

}  // namespace tally::datatype
