// SPDX-License-Identifier: BSD-3-Clause
// Programs that were linked with Open MPI's library run with Tally's of the same name: `tally run` puts its folder in front of
// the dynamic linker's path.
#pragma once

#include <string>

namespace tally::launch {

/// Folder of libmpi.so.40 that belongs to this command (installed, or in the build folder); empty: there is none.
[[nodiscard]] std::string openmpi_library_folder();

/// LD_LIBRARY_PATH for the job's processes: that folder, then what this process has. Empty: leave it alone.
[[nodiscard]] std::string library_path_of_job();

}  // namespace tally::launch
