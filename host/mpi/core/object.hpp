// SPDX-License-Identifier: BSD-3-Clause
// What stands behind an MPI handle.
//
// A handle of an object that the program made is the object's address. The first word of an object points to the object
// itself, and so does the first word of a predefined handle that is the address of a data symbol: one load takes either to
// its object (handles.hpp).
#pragma once

#include <cstdint>

namespace tally::mpi {

enum class Kind : std::uint8_t {
  kFreed,  ///< what a handle that is used after its free most likely meets
  kComm,
  kGroup,
  kDatatype,
  kOp,
  kRequest,
  kErrhandler,
  kInfo,
  kMessage,
  kSession,
};

/// Base of all of them; no virtual function, since its first word is `self`. Counted: the program's handle is one reference, each
/// object and each operation under way that needs it another one. The count changes under the library's lock, where there is one:
/// no atomic read-modify-write.
struct Object {
  explicit Object(Kind of, bool is_predefined = false) noexcept
      : self(this), kind(of), predefined(is_predefined) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() {
    self = nullptr;
    kind = Kind::kFreed;
  }

  Object* self;
  Kind kind;
  bool predefined;  ///< not the program's to free; never destroyed before MPI_Finalize has
  std::uint16_t slot = 0;  ///< which predefined handle leads to it; 0: none (bind() of handles.hpp)
  std::int32_t references = 1;
};

/// One reference more.
template <typename T>
T* retain(T* object) noexcept {
  ++object->references;
  return object;
}
/// One reference less; the last one destroys the object.
template <typename T>
void release(T* object) noexcept {
  if (object != nullptr && --object->references == 0 && !object->predefined) delete object;
}

/// The program frees its handle. A predefined one may have been the result of a call, so that this is no mistake.
template <typename T>
void give_back(T* object) noexcept {
  if (!object->predefined) {
    release(object);
  } else if (object->references > 1) {
    --object->references;
  }
}

/// Owns one reference.
template <typename T>
class Ref {
 public:
  Ref() noexcept = default;
  /// Takes over the caller's reference.
  explicit Ref(T* object) noexcept : object_(object) {}
  /// Adds a reference.
  [[nodiscard]] static Ref share(T* object) noexcept { return Ref(object == nullptr ? nullptr : retain(object)); }
  Ref(const Ref& other) noexcept : object_(other.object_ == nullptr ? nullptr : retain(other.object_)) {}
  Ref(Ref&& other) noexcept : object_(other.object_) { other.object_ = nullptr; }
  Ref& operator=(Ref other) noexcept {
    T* const mine = object_;
    object_ = other.object_;
    other.object_ = mine;
    return *this;
  }
  ~Ref() { release(object_); }
  [[nodiscard]] T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  /// The reference is the caller's.
  [[nodiscard]] T* give() noexcept {
    T* const object = object_;
    object_ = nullptr;
    return object;
  }

 private:
  T* object_ = nullptr;
};

}  // namespace tally::mpi
