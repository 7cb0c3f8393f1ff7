// SPDX-License-Identifier: BSD-3-Clause
// The external32 format: MPI 5.0, 14.5.2.
#include <bit>
#include <cstring>

#include "mpi/datatype/builder.hpp"
#include "mpi/datatype/kinds.hpp"
#include "mpi/datatype/pack.hpp"

namespace tally::datatype {
namespace {

__extension__ using Bits128 = unsigned __int128;

// --- integers of a number of bytes, native and big endian
// ------------------------------------------------------

Bits128 load_native(const std::byte* from, std::size_t bytes) noexcept {
  Bits128 value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t at = std::endian::native == std::endian::little ? bytes - 1 - i : i;
    value = value << 8 | std::to_integer<unsigned>(from[at]);
  }
  return value;
}

void store_native(std::byte* to, std::size_t bytes, Bits128 value) noexcept {
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t at = std::endian::native == std::endian::little ? i : bytes - 1 - i;
    to[at] = static_cast<std::byte>(value >> (8 * i));
  }
}

Bits128 load_big(const std::byte* from, std::size_t bytes) noexcept {
  Bits128 value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | std::to_integer<unsigned>(from[i]);
  return value;
}

void store_big(std::byte* to, std::size_t bytes, Bits128 value) noexcept {
  for (std::size_t i = 0; i < bytes; ++i) to[bytes - 1 - i] = static_cast<std::byte>(value >> (8 * i));
}

// --- x87's long double and binary128
// ---------------------------------------------------------------------------
//
// Both have a sign, 15 bits of exponent with one bias, and the fraction; x87 writes the bit before the point
// too. So each x87 number is a binary128 number, and the way back rounds 112 bits of fraction to 63, to
// nearest, ties to even.

constexpr int kFraction128 = 112;
constexpr int kFractionX87 = 63;
constexpr int kDropped = kFraction128 - kFractionX87;
constexpr unsigned kSpecial = 0x7fff;  // exponent of infinities and NaNs

Bits128 x87_to_binary128(const std::byte* from) noexcept {
  const auto significand = static_cast<std::uint64_t>(load_native(from, 8));
  const auto head = static_cast<unsigned>(load_native(from + 8, 2));
  const bool ones = significand >> kFractionX87 != 0;
  unsigned exponent = head & kSpecial;
  std::uint64_t fraction = significand << 1 >> 1;
  if (exponent == 0) {
    exponent = ones ? 1 : 0;  // a pseudo-denormal is a normal number
  } else if (!ones) {
    exponent = kSpecial;  // numbers that the processor refuses
    fraction = std::uint64_t{1} << (kFractionX87 - 1);
  }
  return static_cast<Bits128>((head & 0x8000u) | exponent) << kFraction128 | static_cast<Bits128>(fraction)
                                                                                 << kDropped;
}

void binary128_to_x87(Bits128 value, std::byte* to) noexcept {
  const auto head = static_cast<unsigned>(value >> kFraction128);
  unsigned exponent = head & kSpecial;
  const Bits128 fraction = value & ((static_cast<Bits128>(1) << kFraction128) - 1);
  auto kept = static_cast<std::uint64_t>(fraction >> kDropped);
  if (exponent == kSpecial) {
    if (fraction != 0) kept |= std::uint64_t{1} << (kFractionX87 - 1);  // a NaN stays one
    kept |= std::uint64_t{1} << kFractionX87;
  } else {
    const Bits128 rest = fraction & ((static_cast<Bits128>(1) << kDropped) - 1);
    const Bits128 half = static_cast<Bits128>(1) << (kDropped - 1);
    if (exponent != 0) kept |= std::uint64_t{1} << kFractionX87;
    if (rest > half || (rest == half && (kept & 1) != 0)) {
      if (++kept == 0) {  // the next power of two
        kept = std::uint64_t{1} << kFractionX87;
        ++exponent;
      }
    }
    if (exponent == 0 && kept >> kFractionX87 != 0) exponent = 1;
  }
  store_native(to, 8, kept);
  store_native(to + 8, 2, (head & 0x8000u) | exponent);
  store_native(to + 10, 6, 0);
}

// --- runs of values
// ------------------------------------------------------------------------------------------------

template <class Word>
Word swapped(Word word) noexcept {
  if constexpr (std::endian::native == std::endian::big) return word;
  if constexpr (sizeof(Word) == 2) return __builtin_bswap16(word);
  if constexpr (sizeof(Word) == 4) return __builtin_bswap32(word);
  if constexpr (sizeof(Word) == 8) return __builtin_bswap64(word);
}

/// Values of one size in both formats, `from_step` and `to_step` bytes apart.
template <class Word>
void swap_run(const std::byte* from, Count from_step, std::byte* to, Count to_step, Count n) noexcept {
  for (Count i = 0; i < n; ++i) {
    Word word;
    std::memcpy(&word, from + i * from_step, sizeof word);
    word = swapped(word);
    std::memcpy(to + i * to_step, &word, sizeof word);
  }
}

struct Run {
  const Kind& kind;
  std::size_t native;  // bytes of a value, of a complex one of a component
  std::size_t external;
  Count parts;  // values of an element

  explicit Run(const Kind& k) noexcept
      : kind(k),
        native(static_cast<std::size_t>(k.complex ? k.size / 2 : k.size)),
        external(static_cast<std::size_t>(k.complex ? k.external / 2 : k.external)),
        parts(k.complex ? 2 : 1) {}

  /// Sizes and values are the same in both formats but for the order of bytes.
  [[nodiscard]] bool only_swaps() const noexcept {
    return native == external && native <= 8 && kind.format != Format::kLogical;
  }

  void swap(const std::byte* from, Count from_step, std::byte* to, Count to_step, Count n) const noexcept {
    switch (native) {
      case 2:
        return swap_run<std::uint16_t>(from, from_step, to, to_step, n);
      case 4:
        return swap_run<std::uint32_t>(from, from_step, to, to_step, n);
      case 8:
        return swap_run<std::uint64_t>(from, from_step, to, to_step, n);
      default:
        break;
    }
    for (Count i = 0; i < n; ++i) to[i * to_step] = from[i * from_step];
  }

  void pack_value(const std::byte* from, std::byte* to) const noexcept {
    if (kind.format == Format::kExtended) return store_big(to, external, x87_to_binary128(from));
    const Bits128 value = load_native(from, native);
    store_big(to, external, kind.format == Format::kLogical ? static_cast<Bits128>(value != 0) : value);
  }

  void unpack_value(const std::byte* from, std::byte* to) const noexcept {
    Bits128 value = load_big(from, external);
    if (kind.format == Format::kExtended) return binary128_to_x87(value, to);
    if (kind.format == Format::kLogical) value = value != 0 ? 1 : 0;
    if (kind.format == Format::kSigned && external < native && (value >> (8 * external - 1) & 1) != 0) {
      value |= ~static_cast<Bits128>(0) << (8 * external);
    }
    store_native(to, native, value);
  }
};

/// Elements of one predefined type, `step` bytes apart in the buffer, to or from the stream.
void pack_run(const Kind& k, const std::byte* data, Count step, Count n, std::byte* stream) noexcept {
  const Run run(k);
  if (run.only_swaps()) {
    if (k.size == step || run.parts == 1) {
      const Count values = n * run.parts;
      const Count value_step = run.parts == 1 ? step : static_cast<Count>(run.native);
      return run.swap(data, value_step, stream, static_cast<Count>(run.native), values);
    }
  }
  for (Count i = 0; i < n; ++i) {
    for (Count part = 0; part < run.parts; ++part) {
      run.pack_value(data + i * step + part * static_cast<Count>(run.native), stream);
      stream += run.external;
    }
  }
}

void unpack_run(const Kind& k, std::byte* data, Count step, Count n, const std::byte* stream) noexcept {
  const Run run(k);
  if (run.only_swaps()) {
    if (k.size == step || run.parts == 1) {
      const Count values = n * run.parts;
      const Count value_step = run.parts == 1 ? step : static_cast<Count>(run.native);
      return run.swap(stream, static_cast<Count>(run.native), data, value_step, values);
    }
  }
  for (Count i = 0; i < n; ++i) {
    for (Count part = 0; part < run.parts; ++part) {
      run.unpack_value(stream, data + i * step + part * static_cast<Count>(run.native));
      stream += run.external;
    }
  }
}

/// Calls visit(kind, address, step, n) for runs of `count` elements in the order of the type map.
template <class Visitor>
void runs(const Type& type, std::uintptr_t data, Count count, Visitor& visit) {
  const auto at = [](std::uintptr_t base, Count offset) {
    return base + static_cast<std::uintptr_t>(offset);
  };
  if (type.size() == 0 || count == 0) return;
  const Layout& layout = Builder::layout(type);
  const Count extent = type.extent();
  if (layout.shape == Layout::Shape::kNamed) {
    const Kind& k = kind(type.named());
    if (!k.pair) return visit(k, data, extent, count);
    for (Count i = 0; i < count; ++i) {
      visit(kind(k.value), at(data, i * extent), 0, 1);
      visit(kind(k.index), at(data, i * extent + k.index_offset), 0, 1);
    }
    return;
  }
  // An array of arrays without gaps is one.
  const Type& child = layout.child(0);
  const bool strided = layout.shape == Layout::Shape::kStrided && layout.count == 1;
  if (strided && layout.blocklength * child.extent() == extent) {
    return runs(child, data, count * layout.blocklength, visit);
  }
  if (layout.shape == Layout::Shape::kAlias && child.extent() == extent)
    return runs(child, data, count, visit);
  for (Count i = 0; i < count; ++i, data = at(data, extent)) {
    switch (layout.shape) {
      case Layout::Shape::kNamed:
        break;
      case Layout::Shape::kAlias:
        runs(child, data, 1, visit);
        break;
      case Layout::Shape::kStrided:
        for (Count b = 0; b < layout.count; ++b) {
          runs(child, at(data, b * layout.stride), layout.blocklength, visit);
        }
        break;
      case Layout::Shape::kBlocks:
      case Layout::Shape::kStruct:
        for (std::size_t b = 0; b < layout.displacements.size(); ++b) {
          runs(layout.child(b), at(data, layout.displacements[b]), layout.length(b), visit);
        }
        break;
    }
  }
}

}  // namespace

Count external32_size(const Type& type) noexcept {
  if (type.size() == 0) return 0;
  const Layout& layout = Builder::layout(type);
  if (layout.shape == Layout::Shape::kNamed) return kind(type.named()).external;
  if (layout.shape != Layout::Shape::kStruct) {
    const Type& child = layout.child(0);
    return type.size() / child.size() * external32_size(child);
  }
  Count bytes = 0;
  for (std::size_t b = 0; b < layout.displacements.size(); ++b) {
    bytes += external32_size(layout.child(b)) * layout.length(b);
  }
  return bytes;
}

void pack_external32(const Type& type, const void* buffer, Count count, void* out) noexcept {
  auto* stream = static_cast<std::byte*>(out);
  const auto visit = [&stream](const Kind& k, std::uintptr_t data, Count step, Count n) {
    pack_run(k, reinterpret_cast<const std::byte*>(data), step, n, stream);
    stream += n * k.external;
  };
  runs(type, reinterpret_cast<std::uintptr_t>(buffer), count, visit);
}

void unpack_external32(const Type& type, void* buffer, Count count, const void* in) noexcept {
  auto* stream = static_cast<const std::byte*>(in);
  const auto visit = [&stream](const Kind& k, std::uintptr_t data, Count step, Count n) {
    unpack_run(k, reinterpret_cast<std::byte*>(data), step, n, stream);
    stream += n * k.external;
  };
  runs(type, reinterpret_cast<std::uintptr_t>(buffer), count, visit);
}

}  // namespace tally::datatype
