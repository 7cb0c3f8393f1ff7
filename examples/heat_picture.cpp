// SPDX-License-Identifier: BSD-3-Clause
#include "heat_picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <stdexcept>

namespace example {
namespace {

constexpr double kHottest = 100;
constexpr std::size_t kMostCells = 128;  // an SVG of more squares is slow to draw

using Colour = std::array<unsigned, 3>;

/// Dark violet over red and orange to pale yellow, of steadily rising lightness, so that it also reads in grey: five
/// points of the colour map "inferno" (N. Smith and S. van der Walt, CC0), with straight lines between them.
Colour colour(double value) {
  constexpr std::array<std::array<double, 3>, 5> kPoints{
      {{0, 0, 4}, {87, 16, 110}, {188, 55, 84}, {249, 142, 9}, {252, 255, 164}}};
  const double at = std::clamp(value / kHottest, 0.0, 1.0) * (kPoints.size() - 1);
  const auto low = std::min(static_cast<std::size_t>(at), kPoints.size() - 2);
  const double part = at - static_cast<double>(low);
  Colour result{};
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = static_cast<unsigned>(std::lround(kPoints[low][i] * (1 - part) + kPoints[low + 1][i] * part));
  }
  return result;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

double cell(const Picture& picture, std::size_t row, std::size_t column) {
  return picture.plate[row * (picture.size + 2) + column + 1];
}

void write_ppm(std::ostream& file, const Picture& picture) {
  file << fmt::format("P6\n{0} {0}\n255\n", picture.size);
  for (std::size_t row = 0; row < picture.size; ++row) {
    for (std::size_t column = 0; column < picture.size; ++column) {
      for (const auto part : colour(cell(picture, row, column))) file.put(static_cast<char>(part));
    }
  }
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else {
      result += c;
    }
  }
  return result;
}

void write_svg(std::ostream& file, const Picture& picture) {
  constexpr double kSide = 480;  // of the plate
  constexpr double kLeft = 72;
  constexpr double kTop = 56;
  constexpr double kBar = kLeft + kSide + 28;  // the colour scale
  constexpr double kBarWidth = 20;
  file << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 572\" width=\"680\" height=\"572\" "
          "font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n"
          "<rect width=\"680\" height=\"572\" fill=\"#fff\"/>\n";
  file << fmt::format("<text x=\"{}\" y=\"32\" font-size=\"17\">{}</text>\n", kLeft, escaped(picture.title));

  const std::size_t cells = std::min(picture.size, kMostCells);
  const auto sampled = [&](std::size_t index) { return index * picture.size / cells; };
  file << fmt::format("<g transform=\"translate({} {}) scale({})\" shape-rendering=\"crispEdges\">\n", kLeft, kTop,
                      kSide / static_cast<double>(cells));
  for (std::size_t row = 0; row < cells; ++row) {
    for (std::size_t column = 0; column < cells; ++column) {
      const auto [red, green, blue] = colour(cell(picture, sampled(row), sampled(column)));
      file << fmt::format("<rect x=\"{}\" y=\"{}\" width=\"1\" height=\"1\" fill=\"#{:02x}{:02x}{:02x}\"/>\n", column, row, red,
                          green, blue);
    }
  }
  file << "</g>\n";

  // Each rank's rows.
  const auto y_of = [&](std::size_t row) {
    return kTop + kSide * static_cast<double>(row) / static_cast<double>(picture.size);
  };
  for (int rank = 0; rank < picture.ranks; ++rank) {
    const double from = y_of(first_row(picture.size, picture.ranks, rank));
    const double to = y_of(first_row(picture.size, picture.ranks, rank + 1));
    if (rank > 0) {
      file << fmt::format("<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" stroke=\"#fff\" "
                          "stroke-dasharray=\"5 5\"/>\n",
                          kLeft, from, kLeft + kSide, from);
    }
    if (to - from < 12) continue;  // no room for its name
    file << fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">rank {}</text>\n", kLeft - 8, (from + to) / 2 + 4,
                        rank);
  }
  file << fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#222\"/>\n", kLeft, kTop, kSide,
                      kSide);

  constexpr int kSteps = 120;
  for (int step = 0; step < kSteps; ++step) {
    const auto [red, green, blue] = colour(kHottest * (step + 0.5) / kSteps);
    file << fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#{:02x}{:02x}{:02x}\" "
                        "shape-rendering=\"crispEdges\"/>\n",
                        kBar, kTop + kSide * (kSteps - 1 - step) / kSteps, kBarWidth, kSide / kSteps, red, green, blue);
  }
  file << fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#222\"/>\n", kBar, kTop, kBarWidth,
                      kSide);
  for (int value = 0; value <= 100; value += 20) {
    const double y = kTop + kSide * (1 - value / kHottest);
    file << fmt::format("<line x1=\"{0}\" y1=\"{2}\" x2=\"{1}\" y2=\"{2}\" stroke=\"#222\"/>"
                        "<text x=\"{3}\" y=\"{4}\">{5} °C</text>\n",
                        kBar + kBarWidth, kBar + kBarWidth + 5, y, kBar + kBarWidth + 9, y + 4, value);
  }
  file << fmt::format("<text x=\"{}\" y=\"{}\">{} x {} cells; upper edge 100 °C, lower edge 0 °C, sides linear between</text>\n", kLeft,
                      kTop + kSide + 24, picture.size, picture.size);
  file << "</svg>\n";
}

}  // namespace

std::size_t first_row(std::size_t size, int ranks, int rank) {
  return size * static_cast<std::size_t>(rank) / static_cast<std::size_t>(ranks);
}

bool is_picture(const std::string& path) { return ends_with(path, ".svg") || ends_with(path, ".ppm"); }

void write_picture(const std::string& path, const Picture& picture) {
  std::ofstream file(path, std::ios::binary);
  if (file) {
    ends_with(path, ".ppm") ? write_ppm(file, picture) : write_svg(file, picture);
    file.flush();
  }
  if (!file) throw std::runtime_error(fmt::format("--picture: cannot write '{}'", path));
}

}  // namespace example
