// SPDX-License-Identifier: BSD-3-Clause
#include "bench/options.hpp"

#include <bit>
#include <fmt/format.h>
#include <string_view>

#include "api/names.hpp"

namespace tally::bench {

bool parse_size(const std::string& text, std::uint64_t* bytes) {
  std::string_view digits = text;
  std::uint64_t unit = 1;
  if (!digits.empty() && (digits.back() == 'K' || digits.back() == 'k')) unit = 1024;
  if (!digits.empty() && (digits.back() == 'M' || digits.back() == 'm')) unit = 1024 * 1024;
  if (unit != 1) digits.remove_suffix(1);
  if (digits.empty() || digits.size() > 10 || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return false;
  }
  const std::uint64_t value = std::stoull(std::string(digits)) * unit;
  if (value == 0 || value > kMaxBytes) return false;
  *bytes = value;
  return true;
}

bool parse_sizes(const std::string& text, std::vector<std::uint64_t>* sizes, std::string* error) {
  sizes->clear();
  const auto bad = [error](const std::string& part) {
    *error = fmt::format("'{}' is not a size of 1 byte to {}M; sizes look like 8:64K, 8,64,1K or 64K", part,
                         kMaxBytes >> 20);
    return false;
  };
  const auto colon = text.find(':');
  if (colon != std::string::npos) {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    if (!parse_size(text.substr(0, colon), &first)) return bad(text.substr(0, colon));
    if (!parse_size(text.substr(colon + 1), &last)) return bad(text.substr(colon + 1));
    for (std::uint64_t size = std::bit_ceil(first); size <= last; size *= 2) sizes->push_back(size);
    if (sizes->empty()) {
      *error = fmt::format("'{}' holds no power of two", text);
      return false;
    }
    return true;
  }
  std::size_t start = 0;
  while (true) {
    const auto comma = text.find(',', start);
    const auto part = text.substr(start, comma == std::string::npos ? comma : comma - start);
    std::uint64_t size = 0;
    if (!parse_size(part, &size)) return bad(part);
    sizes->push_back(size);
    if (comma == std::string::npos) return true;
    start = comma + 1;
  }
}

namespace {

template <typename Enum, std::size_t kCount>
bool find(const api::Name<Enum> (&names)[kCount], const std::string& word, Enum* value) {
  for (const auto& name : names) {
    if (word != name.word) continue;
    *value = name.value;
    return true;
  }
  return false;
}

template <typename Enum, std::size_t kCount>
std::string list(const api::Name<Enum> (&names)[kCount]) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + std::string(name.word);
  return text;
}

}  // namespace

bool parse_dtype(const std::string& text, tally_dtype* dtype) { return find(api::kDtypes, text, dtype); }
bool parse_op(const std::string& text, tally_op* op) { return find(api::kOps, text, op); }
std::string dtype_list() { return list(api::kDtypes); }
std::string op_list() { return list(api::kOps); }

}  // namespace tally::bench
