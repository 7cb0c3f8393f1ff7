// SPDX-License-Identifier: BSD-3-Clause
// MPI datatypes (MPI 5.0, chapter 5): type maps, their constructors, properties and envelopes. Knows no ABI
// and no MPI handle: the MPI core keeps a Ref in its handle's object, with the name and attributes that a
// program has set.
//
// A Type is immutable but for commit(), which has an effect once. Any thread may read and commit one; Refs of
// one Type may be copied and dropped by several threads at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mpi/datatype/named.hpp"

namespace tally::datatype {

/// What is wrong; the MPI core's error class of the same name.
enum class Fault {
  kType,         // MPI_ERR_TYPE: this type cannot be used for that
  kCount,        // MPI_ERR_COUNT: a negative count
  kArg,          // MPI_ERR_ARG: any other argument; the text names it. Also results above 64 bits
  kOp,           // MPI_ERR_OP: operation and type do not go together
  kTruncate,     // MPI_ERR_TRUNCATE: the buffer given is too small
  kUnsupported,  // MPI_ERR_UNSUPPORTED_OPERATION: the machine has no such type
};

class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& text) : std::runtime_error(text), fault_(fault) {}
  [[nodiscard]] Fault fault() const noexcept { return fault_; }

 private:
  Fault fault_;
};

/// How a type was made; the value of MPI_COMBINER_X is the ABI's.
enum class Combiner {
  kNamed,
  kDup,
  kContiguous,
  kVector,
  kHvector,
  kIndexed,
  kHindexed,
  kIndexedBlock,
  kHindexedBlock,
  kStruct,
  kSubarray,
  kDarray,
  kF90Real,
  kF90Complex,
  kF90Integer,
  kResized,
  kValueIndex,
};

/// An array of int or of 64-bit integers (MPI_Aint, MPI_Count, MPI_Offset), borrowed for the call.
class Integers {
 public:
  Integers(const void* data, bool wide) noexcept : data_(data), wide_(wide) {}
  explicit Integers(const int* data) noexcept : data_(data), wide_(false) {}
  explicit Integers(const Count* data) noexcept : data_(data), wide_(true) {}
  explicit Integers(const long long* data) noexcept : data_(data), wide_(true) {}
  [[nodiscard]] Count operator[](Count i) const noexcept {
    return wide_ ? static_cast<const Count*>(data_)[i] : static_cast<const int*>(data_)[i];
  }
  [[nodiscard]] bool null() const noexcept { return data_ == nullptr; }

 private:
  const void* data_;
  bool wide_;
};

/// Which form of the constructor was called: it tells where the envelope has the counts. kSmall: MPI_X, int
/// counts are integers and MPI_Aint addresses. kLarge: MPI_X_c, MPI_Count arguments are large counts.
enum class Form { kSmall, kLarge };

class Type;
struct Program;  // program.hpp

/// A reference that keeps a Type alive. Predefined types live as long as the library and are not counted.
class Ref {
 public:
  Ref() noexcept = default;
  /// One more reference.
  explicit Ref(const Type* type) noexcept;
  Ref(const Ref& other) noexcept : Ref(other.type_) {}
  Ref(Ref&& other) noexcept : type_(std::exchange(other.type_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(type_, other.type_);
    return *this;
  }
  ~Ref();
  [[nodiscard]] const Type* get() const noexcept { return type_; }
  const Type& operator*() const noexcept { return *type_; }
  const Type* operator->() const noexcept { return type_; }
  explicit operator bool() const noexcept { return type_ != nullptr; }

 private:
  const Type* type_ = nullptr;
};

/// Arguments of the constructor, in the order of MPI_Type_get_contents (and its _c form). Values that the ABI
/// chooses (order, distributions, MPI_UNDEFINED) are those that the caller gave.
struct Contents {
  std::vector<int> integers;
  std::vector<Count> addresses;
  std::vector<Count> large_counts;
  std::vector<Ref> types;
};

/// Bounds of a type map, in bytes. An empty map: all 0.
struct Bounds {
  Count lb = 0;
  Count ub = 0;
  Count true_lb = 0;
  Count true_ub = 0;
};

class Type {
 public:
  Type(const Type&) = delete;
  Type& operator=(const Type&) = delete;

  // --- properties, in bytes -------------------------------------------------------------------------------
  [[nodiscard]] Count size() const noexcept { return size_; }
  [[nodiscard]] Count lb() const noexcept { return bounds_.lb; }
  [[nodiscard]] Count ub() const noexcept { return bounds_.ub; }
  [[nodiscard]] Count extent() const noexcept { return bounds_.ub - bounds_.lb; }
  [[nodiscard]] Count true_lb() const noexcept { return bounds_.true_lb; }
  [[nodiscard]] Count true_ub() const noexcept { return bounds_.true_ub; }
  [[nodiscard]] Count true_extent() const noexcept { return bounds_.true_ub - bounds_.true_lb; }
  /// The greatest alignment of its basic elements; a struct's extent is rounded up to it. At least 1.
  [[nodiscard]] Count alignment() const noexcept { return alignment_; }
  /// Basic elements in its type map; a pair has two.
  [[nodiscard]] Count elements() const noexcept { return elements_; }
  /// Any number of them, one behind the other, is one block of size() * count bytes that begins true_lb()
  /// bytes behind the buffer's address, in the order of the type map: pack is memcpy.
  [[nodiscard]] bool contiguous() const noexcept { return contiguous_; }
  /// One of them is one block of size() bytes at true_lb().
  [[nodiscard]] bool one_block() const noexcept { return one_block_; }
  /// The predefined type that all its elements are of (a pair counts as one), if there is one and the type is
  /// not empty.
  [[nodiscard]] std::optional<Named> uniform() const noexcept { return uniform_; }

  /// Equal for `count` of this and `other_count` of another type whose signatures (sequences of basic types)
  /// are equal; of different ones with a probability of about 2^-60. Constant memory, O(log count).
  [[nodiscard]] std::uint64_t signature_hash(Count count = 1) const noexcept;

  // --- how it was made ------------------------------------------------------------------------------------
  [[nodiscard]] Combiner combiner() const noexcept { return combiner_; }
  [[nodiscard]] bool predefined() const noexcept {
    return combiner_ == Combiner::kNamed || combiner_ == Combiner::kF90Real ||
           combiner_ == Combiner::kF90Complex || combiner_ == Combiner::kF90Integer ||
           combiner_ == Combiner::kValueIndex;
  }
  /// For a named type only.
  [[nodiscard]] Named named() const noexcept { return named_; }
  [[nodiscard]] const Contents& contents() const noexcept { return contents_; }
  /// Made by an _c form: MPI_Type_get_envelope and _contents, which have no large counts, refuse it.
  [[nodiscard]] bool needs_large_contents() const noexcept { return !contents_.large_counts.empty(); }

  // --- commit ---------------------------------------------------------------------------------------------
  /// Compiles the type map for pack and unpack. Predefined types are committed. Again: no effect.
  void commit() const;
  [[nodiscard]] bool committed() const noexcept {
    return program_.load(std::memory_order_acquire) != nullptr;
  }
  /// Of a committed type.
  [[nodiscard]] const Program& program() const noexcept { return *program_.load(std::memory_order_acquire); }

 private:
  friend class Builder;
  friend class Ref;
  Type();
  ~Type();

  Count size_ = 0;
  Bounds bounds_;
  Count alignment_ = 1;
  Count elements_ = 0;
  bool contiguous_ = false;
  bool one_block_ = false;
  bool sticky_lb_ = false;  // set by MPI_LB or MPI_UB, for structs of it
  bool sticky_ub_ = false;
  std::optional<Named> uniform_;
  Combiner combiner_ = Combiner::kNamed;
  Named named_ = Named::kByte;
  std::uint64_t hash_ = 0;
  Contents contents_;
  std::unique_ptr<struct Layout> layout_;
  mutable std::atomic<const Program*> program_{nullptr};
  mutable std::atomic<Count> references_{0};
  bool immortal_ = false;
};

// --- constructors ------------------------------------------------------------------------------------------
//
// Arguments are those of MPI_Type_create_x; displacements and strides are in bytes in the h forms and in
// extents of the old type in the others. Errors: Fault::kCount (negative count or block length), kArg (null
// array, result that does not fit 64 bits). The new type is not committed (dup: as the old one).

/// The predefined type.
[[nodiscard]] const Ref& named(Named type) noexcept;

[[nodiscard]] Ref dup(const Ref& old);
[[nodiscard]] Ref contiguous(Count count, const Ref& old, Form form = Form::kSmall);
[[nodiscard]] Ref vector(Count count, Count blocklength, Count stride, const Ref& old,
                         Form form = Form::kSmall);
[[nodiscard]] Ref hvector(Count count, Count blocklength, Count stride, const Ref& old,
                          Form form = Form::kSmall);
[[nodiscard]] Ref indexed(Count count, Integers blocklengths, Integers displacements, const Ref& old,
                          Form form = Form::kSmall);
[[nodiscard]] Ref hindexed(Count count, Integers blocklengths, Integers displacements, const Ref& old,
                           Form form = Form::kSmall);
[[nodiscard]] Ref indexed_block(Count count, Count blocklength, Integers displacements, const Ref& old,
                                Form form = Form::kSmall);
[[nodiscard]] Ref hindexed_block(Count count, Count blocklength, Integers displacements, const Ref& old,
                                 Form form = Form::kSmall);
/// types: one for each block.
[[nodiscard]] Ref structure(Integers blocklengths, Integers displacements, std::span<const Ref> types,
                            Form form = Form::kSmall);
[[nodiscard]] Ref resized(const Ref& old, Count lb, Count extent, Form form = Form::kSmall);

/// The ABI's values, by which subarray and darray read their arguments; contents() gives back what was given.
struct ArrayConstants {
  int order_c;
  int order_fortran;
  int distribute_block;
  int distribute_cyclic;
  int distribute_none;
  int distribute_dflt_darg;
};
[[nodiscard]] Ref subarray(int ndims, Integers sizes, Integers subsizes, Integers starts, int order,
                           const Ref& old, const ArrayConstants& constants, Form form = Form::kSmall);
[[nodiscard]] Ref darray(int size, int rank, int ndims, Integers gsizes, const int* distribs,
                         const int* dargs, const int* psizes, int order, const Ref& old,
                         const ArrayConstants& constants, Form form = Form::kSmall);

/// MPI_Type_create_f90_*: the same arguments give the same type. `undefined` is the ABI's MPI_UNDEFINED.
/// Errors: kArg where no kind has that precision and range.
[[nodiscard]] Ref f90_real(int precision, int range, int undefined);
[[nodiscard]] Ref f90_complex(int precision, int range, int undefined);
[[nodiscard]] Ref f90_integer(int range);

/// MPI_Type_match_size: the Fortran type of that class and size in bytes (MPI_REAL4 for kReal, 4). Errors:
/// kArg.
enum class TypeClass { kInteger, kReal, kComplex };
[[nodiscard]] Named match_size(TypeClass type_class, Count size);

/// MPI_Type_get_value_index: the pair of these; empty where there is none.
[[nodiscard]] Ref value_index(const Type& value, const Type& index);

// --- what was received -------------------------------------------------------------------------------------

/// MPI_Get_count: whole elements of `type` in `bytes` bytes; -1 (MPI_UNDEFINED) where a part is left over.
[[nodiscard]] Count get_count(const Type& type, Count bytes) noexcept;
/// MPI_Get_elements: basic elements in `bytes` bytes; -1 (MPI_UNDEFINED) where a part of one is left over.
[[nodiscard]] Count get_elements(const Type& type, Count bytes) noexcept;
/// MPI_Status_set_elements: bytes of `elements` basic elements of `type`.
[[nodiscard]] Count bytes_of_elements(const Type& type, Count elements) noexcept;

}  // namespace tally::datatype
