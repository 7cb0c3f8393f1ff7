// SPDX-License-Identifier: BSD-3-Clause
// libfabric, loaded when a job needs it: what runs on one host does without.
#pragma once

#include <rdma/fabric.h>

#include <stdexcept>

namespace tally::ofi {

/// What libfabric refuses; the text names the provider and gives libfabric's own words.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The functions that are not inline in its headers.
struct Library {
  decltype(&::fi_getinfo) getinfo = nullptr;
  decltype(&::fi_freeinfo) freeinfo = nullptr;
  decltype(&::fi_dupinfo) dupinfo = nullptr;
  decltype(&::fi_fabric) fabric = nullptr;
  decltype(&::fi_strerror) strerror = nullptr;
  decltype(&::fi_version) version = nullptr;
};

/// Loads libfabric.so.1 the first time. Throws Error.
const Library& library();

/// libfabric's text for an error number, of either sign.
const char* reason(long error);

}  // namespace tally::ofi
