// SPDX-License-Identifier: BSD-3-Clause
#include "mpi/datatype/builder.hpp"

#include <algorithm>

#include "mpi/datatype/kinds.hpp"
#include "mpi/datatype/program.hpp"

namespace tally::datatype {

void overflow() { throw Error(Fault::kArg, "the datatype does not fit 64-bit sizes and displacements"); }

// --- signatures --------------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;
constexpr std::uint64_t kBase = 0x0b1e5a9c4d7f3a21;  // any number below the prime

std::uint64_t multiply_mod(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  const std::uint64_t sum =
      static_cast<std::uint64_t>(product & kPrime) + static_cast<std::uint64_t>(product >> 61);
  return sum >= kPrime ? sum - kPrime : sum;
}

std::uint64_t add_mod(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t sum = a + b;
  return sum >= kPrime ? sum - kPrime : sum;
}

std::uint64_t power(Count exponent) noexcept {
  std::uint64_t result = 1;
  std::uint64_t square = kBase;
  for (auto e = static_cast<std::uint64_t>(exponent); e != 0; e >>= 1) {
    if ((e & 1) != 0) result = multiply_mod(result, square);
    square = multiply_mod(square, square);
  }
  return result;
}

}  // namespace

std::uint64_t hash_element(Named element) noexcept { return static_cast<std::uint64_t>(element) + 1; }

std::uint64_t hash_join(std::uint64_t a, std::uint64_t b, Count b_elements) noexcept {
  return add_mod(multiply_mod(a, power(b_elements)), b);
}

std::uint64_t hash_repeat(std::uint64_t hash, Count elements, Count count) noexcept {
  // By doubling: hash(aa) from hash(a), and one copy more for each bit of count.
  std::uint64_t result = 0;
  std::uint64_t shift = power(elements);
  std::uint64_t doubled = hash;
  for (auto n = static_cast<std::uint64_t>(count); n != 0; n >>= 1) {
    if ((n & 1) != 0) result = add_mod(multiply_mod(result, shift), doubled);
    doubled = add_mod(multiply_mod(doubled, shift), doubled);
    shift = multiply_mod(shift, shift);
  }
  return result;
}

// --- Builder -----------------------------------------------------------------------------------------------

Builder::Builder(Combiner combiner, Layout::Shape shape) : type_(new Type) {
  try {
    type_->layout_ = std::make_unique<Layout>();
  } catch (...) {
    delete type_;
    throw;
  }
  type_->layout_->shape = shape;
  type_->combiner_ = combiner;
  type_->one_block_ = true;
}

Builder::~Builder() { delete type_; }

void Builder::place(const Type& child, Count displacement, Count blocklength, Count count, Count stride) {
  if (blocklength == 0 || count == 0) return;
  Type& t = *type_;

  // First and last child: the bounds of those between lie between theirs.
  const Count last_in_block = multiply(blocklength - 1, child.extent());
  const Count last_block = multiply(count - 1, stride);
  const Count low = add(displacement, add(std::min<Count>(0, last_in_block), std::min<Count>(0, last_block)));
  const Count high =
      add(displacement, add(std::max<Count>(0, last_in_block), std::max<Count>(0, last_block)));
  const bool marker = child.layout_->shape == Layout::Shape::kNamed && child.size() == 0;
  if (child.sticky_lb_) marked_lb_.include(add(low, child.lb()), add(low, child.lb()));
  if (child.sticky_ub_) marked_ub_.include(add(high, child.ub()), add(high, child.ub()));
  if (!marker && (child.size() > 0 || child.sticky_lb_ || child.sticky_ub_)) {
    natural_.include(add(low, child.lb()), add(high, child.ub()));
  }
  t.sticky_lb_ |= child.sticky_lb_;
  t.sticky_ub_ |= child.sticky_ub_;

  const Count children = multiply(blocklength, count);
  if (child.size() == 0) return;
  data_.include(add(low, child.true_lb()), add(high, child.true_ub()));

  const Count first_byte = add(displacement, child.true_lb());
  const Count block = multiply(blocklength, child.size());
  t.one_block_ = t.one_block_ && (blocklength == 1 ? child.one_block() : child.contiguous()) &&
                 (count == 1 || stride == block) && (t.size_ == 0 || first_byte == run_end_);
  const Count bytes = multiply(children, child.size());
  if (t.one_block_) run_end_ = add(first_byte, bytes);

  if (t.size_ == 0) {
    t.uniform_ = child.uniform();
  } else if (t.uniform_ != child.uniform()) {
    t.uniform_.reset();
  }
  t.alignment_ = std::max(t.alignment_, child.alignment());
  t.size_ = add(t.size_, bytes);
  t.elements_ = add(t.elements_, multiply(children, child.elements()));
  // Blocks of one child are hashed together.
  if (&child != pending_) flush_hash();
  pending_ = &child;
  pending_count_ += children;
}

void Builder::flush_hash() noexcept {
  if (pending_ == nullptr) return;
  const Count elements = pending_count_ * pending_->elements();
  type_->hash_ = hash_join(type_->hash_, pending_->signature_hash(pending_count_), elements);
  pending_ = nullptr;
  pending_count_ = 0;
}

void Builder::same_as(const Type& child) noexcept {
  type_->size_ = child.size_;
  type_->bounds_ = child.bounds_;
  type_->alignment_ = child.alignment_;
  type_->elements_ = child.elements_;
  type_->contiguous_ = child.contiguous_;
  type_->one_block_ = child.one_block_;
  type_->sticky_lb_ = child.sticky_lb_;
  type_->sticky_ub_ = child.sticky_ub_;
  type_->uniform_ = child.uniform_;
  type_->named_ = child.named_;
  type_->hash_ = child.hash_;
  fixed_ = true;
}

void Builder::resize(Count lb, Count extent) {
  type_->bounds_.lb = lb;
  type_->bounds_.ub = add(lb, extent);
  type_->sticky_lb_ = true;
  type_->sticky_ub_ = true;
  type_->contiguous_ = type_->size_ == 0 || (type_->one_block_ && extent == type_->size_);
  fixed_ = true;
}

void Builder::set_named(Named named) noexcept {
  const Kind& k = kind(named);
  type_->named_ = named;
  type_->size_ = k.size;
  type_->bounds_ = Bounds{0, k.extent, 0, k.pair ? k.index_offset + kind(k.index).size : k.size};
  type_->alignment_ = k.alignment;
  type_->elements_ = k.pair ? 2 : k.size == 0 ? 0 : 1;
  type_->one_block_ = !k.pair || k.index_offset == kind(k.value).size;
  type_->contiguous_ = k.size == k.extent;
  type_->sticky_lb_ = named == Named::kLb;
  type_->sticky_ub_ = named == Named::kUb;
  if (k.size > 0) type_->uniform_ = named;
  if (k.pair) {
    type_->hash_ = hash_join(hash_element(k.value), hash_element(k.index), 1);
  } else if (k.size > 0) {
    type_->hash_ = hash_element(named);
  }
  fixed_ = true;
}

Ref Builder::finish() {
  Type& t = *type_;
  flush_hash();
  if (!fixed_) {
    Bounds& b = t.bounds_;
    const auto any = [this](Count Range::*which) {
      return !natural_.empty()     ? natural_.*which
             : !marked_lb_.empty() ? marked_lb_.*which
                                   : marked_ub_.*which;
    };
    if (!natural_.empty() || t.sticky_lb_ || t.sticky_ub_) {
      b.lb = t.sticky_lb_ ? marked_lb_.low : any(&Range::low);
      b.ub = t.sticky_ub_ ? marked_ub_.high : any(&Range::high);
    }
    // Without a marker, arrays of the type keep its elements aligned.
    const Count extent = subtract(b.ub, b.lb);
    if (!t.sticky_ub_ && extent % t.alignment_ != 0) {
      const Count missing = t.alignment_ - extent % t.alignment_;
      b.ub = add(b.ub, extent < 0 ? missing - t.alignment_ : missing);
    }
    if (!data_.empty()) {
      b.true_lb = data_.low;
      b.true_ub = data_.high;
    }
    t.contiguous_ = t.size_ == 0 || (t.one_block_ && b.ub - b.lb == t.size_);
  }
  static_cast<void>(subtract(t.bounds_.true_ub, t.bounds_.true_lb));
  Ref result(type_);
  type_ = nullptr;
  return result;
}

void Builder::make_immortal(const Type& type) {
  type.commit();
  const_cast<Type&>(type).immortal_ = true;
}

// --- Type and Ref ------------------------------------------------------------------------------------------

Type::Type() = default;

Type::~Type() { delete program_.load(std::memory_order_acquire); }

void Type::commit() const {
  if (committed()) return;
  std::unique_ptr<const Program> made = compile(*this);
  const Program* none = nullptr;
  if (program_.compare_exchange_strong(none, made.get(), std::memory_order_acq_rel)) made.release();
}

std::uint64_t Type::signature_hash(Count count) const noexcept {
  return hash_repeat(hash_, elements_, count);
}

Ref::Ref(const Type* type) noexcept : type_(type) {
  if (type_ != nullptr && !type_->immortal_) type_->references_.fetch_add(1, std::memory_order_relaxed);
}

Ref::~Ref() {
  if (type_ == nullptr || type_->immortal_) return;
  if (type_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete type_;
}

}  // namespace tally::datatype
