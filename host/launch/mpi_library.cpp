// SPDX-License-Identifier: BSD-3-Clause
#include "launch/mpi_library.hpp"

#include <cstdlib>
#include <filesystem>

namespace tally::launch {

std::string openmpi_library_folder() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path command = fs::read_symlink("/proc/self/exe", error);
  if (error) return {};
  for (const char* const libraries : {TALLY_LIBDIR_FROM_BINDIR, "../lib"}) {
    const fs::path folder = (command.parent_path() / libraries / "tally/openmpi").lexically_normal();
    if (fs::exists(folder / "libmpi.so.40", error)) return folder.string();
  }
  return {};
}

std::string library_path_of_job() {
  const std::string folder = openmpi_library_folder();
  // A colon would be read as the end of the folder's name.
  if (folder.empty() || folder.find(':') != std::string::npos) return {};
  const char* const mine = std::getenv("LD_LIBRARY_PATH");
  return mine == nullptr || *mine == '\0' ? folder : folder + ":" + mine;
}

}  // namespace tally::launch
