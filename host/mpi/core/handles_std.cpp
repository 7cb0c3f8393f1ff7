// SPDX-License-Identifier: BSD-3-Clause
// Predefined handles of the standard ABI: integers below 0x1000 that index a table of objects.
#include "core/handles.hpp"

namespace tally::mpi::detail {

constinit std::array<Object*, kHandleTable> predefined_objects{};

void bind(const void* handle, Object& object) noexcept {
  const auto value = reinterpret_cast<std::uintptr_t>(handle);
  object.predefined = true;
  object.slot = static_cast<std::uint16_t>(value);
  predefined_objects[value] = &object;
}

const void* handle_of_predefined(const Object& object) noexcept {
  return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(object.slot));
}

}  // namespace tally::mpi::detail
