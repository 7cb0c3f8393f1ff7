// SPDX-License-Identifier: BSD-3-Clause
// A picture of the plate that the jacobi example computes.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace example {

struct Picture {
  std::size_t size = 0;           ///< inner cells of a side
  int ranks = 1;                  ///< the rows are divided among them
  std::string title;
  std::span<const double> plate;  ///< size rows of size + 2 values, 0 to 100 degrees, edge columns included
};

/// First of the rows of rank `rank`; that of rank `ranks` is `size`.
[[nodiscard]] std::size_t first_row(std::size_t size, int ranks, int rank);

/// Whether write_picture knows how to write such a file: .svg (title, scale, the ranks' shares) or .ppm (cells only).
[[nodiscard]] bool is_picture(const std::string& path);

/// Throws std::runtime_error when the file cannot be written.
void write_picture(const std::string& path, const Picture& picture);

}  // namespace example
