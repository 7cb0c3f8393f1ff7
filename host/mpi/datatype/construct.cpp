// SPDX-License-Identifier: BSD-3-Clause
// The constructors of MPI 5.0, 5.1.2 to 5.1.7.
#include <array>
#include <climits>

#include "mpi/datatype/builder.hpp"

namespace tally::datatype {
namespace {

using Shape = Layout::Shape;

const Type& checked(const Ref& old) {
  if (!old) throw Error(Fault::kType, "oldtype is a null datatype");
  return *old;
}

void check_array(Count count, const Integers& array, const char* argument) {
  if (count > 0 && array.null()) throw Error(Fault::kArg, std::string(argument) + " is a null pointer");
}

void check_lengths(Count count, const Integers& lengths) {
  for (Count i = 0; i < count; ++i) {
    if (lengths[i] < 0) {
      throw Error(Fault::kArg, "array_of_blocklengths[" + std::to_string(i) +
                                   "] is negative: " + std::to_string(lengths[i]));
    }
  }
}

void check_blocklength(Count blocklength) {
  if (blocklength < 0) throw Error(Fault::kArg, "blocklength is negative: " + std::to_string(blocklength));
}

/// Writes the arguments for MPI_Type_get_contents. In the small form counts are integers and byte
/// displacements are addresses; in the large form both are large counts.
class Recorder {
 public:
  Recorder(Contents& contents, Form form) : contents_(contents), form_(form) {}

  void count(Count value) {
    if (form_ == Form::kLarge) {
      contents_.large_counts.push_back(value);
    } else {
      small(value);
    }
  }
  void counts(Count n, const Integers& values) {
    reserve(n, form_ == Form::kLarge);
    for (Count i = 0; i < n; ++i) count(values[i]);
  }
  void address(Count value) {
    (form_ == Form::kLarge ? contents_.large_counts : contents_.addresses).push_back(value);
  }
  void addresses(Count n, const Integers& values) {
    auto& list = form_ == Form::kLarge ? contents_.large_counts : contents_.addresses;
    list.reserve(list.size() + static_cast<std::size_t>(n));
    for (Count i = 0; i < n; ++i) list.push_back(values[i]);
  }
  void type(const Ref& old) { contents_.types.push_back(old); }

 private:
  void reserve(Count n, bool large) {
    const auto more = static_cast<std::size_t>(n);
    if (large) {
      contents_.large_counts.reserve(contents_.large_counts.size() + more);
    } else {
      contents_.integers.reserve(contents_.integers.size() + more);
    }
  }
  void small(Count value) {
    if (value < INT_MIN || value > INT_MAX) {
      throw Error(Fault::kArg, "an argument of the int form does not fit int: " + std::to_string(value));
    }
    contents_.integers.push_back(static_cast<int>(value));
  }

  Contents& contents_;
  Form form_;
};

Ref strided(Builder& builder, const Ref& old, Count count, Count blocklength, Count stride_bytes) {
  Layout& layout = builder.layout();
  layout.count = count;
  layout.blocklength = blocklength;
  layout.stride = stride_bytes;
  layout.children.push_back(old);
  builder.place(*old, 0, blocklength, count, stride_bytes);
  return builder.finish();
}

/// Blocks of `lengths` (of `blocklength` each, where that is null) at displacements in units of `unit` bytes.
Ref blocks(Builder& builder, const Ref& old, Count count, const Integers* lengths, Count blocklength,
           const Integers& displacements, Count unit) {
  Layout& layout = builder.layout();
  layout.blocklength = blocklength;
  layout.displacements.reserve(static_cast<std::size_t>(count));
  if (lengths != nullptr) layout.lengths.reserve(static_cast<std::size_t>(count));
  for (Count i = 0; i < count; ++i) {
    const Count length = lengths != nullptr ? (*lengths)[i] : blocklength;
    if (length == 0) continue;
    const Count displacement = multiply(displacements[i], unit);
    layout.displacements.push_back(displacement);
    if (lengths != nullptr) layout.lengths.push_back(length);
    builder.place(*old, displacement, length);
  }
  layout.children.push_back(old);
  return builder.finish();
}

}  // namespace

const Ref& named(Named type) noexcept {
  static const std::array<Ref, kNamedTypes> types = [] {
    std::array<Ref, kNamedTypes> all;
    for (int i = 0; i < kNamedTypes; ++i) {
      Builder builder(Combiner::kNamed, Shape::kNamed);
      builder.set_named(static_cast<Named>(i));
      Ref made = builder.finish();
      Builder::make_immortal(*made);
      all[static_cast<std::size_t>(i)] = std::move(made);
    }
    return all;
  }();
  return types[static_cast<std::size_t>(type)];
}

Ref dup(const Ref& old) {
  const Type& type = checked(old);
  Builder builder(Combiner::kDup, Shape::kAlias);
  builder.layout().children.push_back(old);
  builder.contents().types.push_back(old);
  builder.same_as(type);
  Ref made = builder.finish();
  if (type.committed()) made->commit();
  return made;
}

Ref contiguous(Count count, const Ref& old, Form form) {
  const Type& type = checked(old);
  check_count(count, "count");
  Builder builder(Combiner::kContiguous, Shape::kStrided);
  Recorder record(builder.contents(), form);
  record.count(count);
  record.type(old);
  return strided(builder, old, 1, count, multiply(count, type.extent()));
}

Ref vector(Count count, Count blocklength, Count stride, const Ref& old, Form form) {
  const Type& type = checked(old);
  check_count(count, "count");
  check_blocklength(blocklength);
  Builder builder(Combiner::kVector, Shape::kStrided);
  Recorder record(builder.contents(), form);
  record.count(count);
  record.count(blocklength);
  record.count(stride);
  record.type(old);
  return strided(builder, old, count, blocklength, count > 1 ? multiply(stride, type.extent()) : 0);
}

Ref hvector(Count count, Count blocklength, Count stride, const Ref& old, Form form) {
  checked(old);
  check_count(count, "count");
  check_blocklength(blocklength);
  Builder builder(Combiner::kHvector, Shape::kStrided);
  Recorder record(builder.contents(), form);
  record.count(count);
  record.count(blocklength);
  record.address(stride);
  record.type(old);
  return strided(builder, old, count, blocklength, stride);
}

Ref indexed(Count count, Integers blocklengths, Integers displacements, const Ref& old, Form form) {
  const Type& type = checked(old);
  check_count(count, "count");
  check_array(count, blocklengths, "array_of_blocklengths");
  check_array(count, displacements, "array_of_displacements");
  check_lengths(count, blocklengths);
  Builder builder(Combiner::kIndexed, Shape::kBlocks);
  Recorder record(builder.contents(), form);
  record.count(count);
  record.counts(count, blocklengths);
  record.counts(count, displacements);
  record.type(old);
  return blocks(builder, old, count, &blocklengths, 1, displacements, type.extent());
}

Ref hindexed(Count count, Integers blocklengths, Integers displacements, const Ref& old, Form form) {
  checked(old);
  check_count(count, "count");
  check_array(count, blocklengths, "array_of_blocklengths");
  check_array(count, displacements, "array_of_displacements");
  check_lengths(count, blocklengths);
  Builder builder(Combiner::kHindexed, Shape::kBlocks);
  Recorder record(builder.contents(), form);
  record.count(count);
  record.counts(count, blocklengths);
  record.addresses(count, displacements);
  record.type(old);
  return blocks(builder, old, count, &blocklengths, 1, displacements, 1);
}

Ref indexed_block(Count count, Count blocklength, Integers displacements, const Ref& old, Form form) {
  const Type& type = checked(old);
  check_count(count, "count");
  check_blocklength(blocklength);
  check_array(count, displacements, "array_of_displacements");
  Builder builder(Combiner::kIndexedBlock, Shape::kBlocks);
  Recorder record(builder.contents(), form);
  record.count(count);
  record.count(blocklength);
  record.counts(count, displacements);
  record.type(old);
  return blocks(builder, old, count, nullptr, blocklength, displacements, type.extent());
}

Ref hindexed_block(Count count, Count blocklength, Integers displacements, const Ref& old, Form form) {
  checked(old);
  check_count(count, "count");
  check_blocklength(blocklength);
  check_array(count, displacements, "array_of_displacements");
  Builder builder(Combiner::kHindexedBlock, Shape::kBlocks);
  Recorder record(builder.contents(), form);
  record.count(count);
  record.count(blocklength);
  record.addresses(count, displacements);
  record.type(old);
  return blocks(builder, old, count, nullptr, blocklength, displacements, 1);
}

Ref structure(Integers blocklengths, Integers displacements, std::span<const Ref> types, Form form) {
  const auto count = static_cast<Count>(types.size());
  check_array(count, blocklengths, "array_of_blocklengths");
  check_array(count, displacements, "array_of_displacements");
  check_lengths(count, blocklengths);
  Builder builder(Combiner::kStruct, Shape::kStruct);
  Recorder record(builder.contents(), form);
  record.count(count);
  record.counts(count, blocklengths);
  record.addresses(count, displacements);
  Layout& layout = builder.layout();
  for (Count i = 0; i < count; ++i) {
    const Ref& type = types[static_cast<std::size_t>(i)];
    if (!type) throw Error(Fault::kType, "array_of_types[" + std::to_string(i) + "] is a null datatype");
    record.type(type);
    if (blocklengths[i] == 0) continue;
    layout.displacements.push_back(displacements[i]);
    layout.lengths.push_back(blocklengths[i]);
    layout.children.push_back(type);
    builder.place(*type, displacements[i], blocklengths[i]);
  }
  return builder.finish();
}

Ref resized(const Ref& old, Count lb, Count extent, Form form) {
  const Type& type = checked(old);
  Builder builder(Combiner::kResized, Shape::kAlias);
  Recorder record(builder.contents(), form);
  record.address(lb);
  record.address(extent);
  record.type(old);
  builder.layout().children.push_back(old);
  builder.same_as(type);
  builder.resize(lb, extent);
  return builder.finish();
}

}  // namespace tally::datatype
