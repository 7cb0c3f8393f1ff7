// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/ofi/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

namespace tally::ofi {
namespace {

template <typename Function>
void find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(::dlsym(library, name));
  if (*function == nullptr) throw Error(fmt::format("libfabric has no {}", name));
}

Library load() {
  void* library = ::dlopen("libfabric.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw Error(fmt::format("libfabric cannot be loaded: {}", ::dlerror()));
  Library functions;
  find(library, "fi_getinfo", &functions.getinfo);
  find(library, "fi_freeinfo", &functions.freeinfo);
  find(library, "fi_dupinfo", &functions.dupinfo);
  find(library, "fi_fabric", &functions.fabric);
  find(library, "fi_strerror", &functions.strerror);
  find(library, "fi_version", &functions.version);
  return functions;
}

}  // namespace

const Library& library() {
  static const Library loaded = load();
  return loaded;
}

const char* reason(long error) { return library().strerror(static_cast<int>(error < 0 ? -error : error)); }

}  // namespace tally::ofi
