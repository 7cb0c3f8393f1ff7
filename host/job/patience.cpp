// SPDX-License-Identifier: BSD-3-Clause
#include "job/patience.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "job/job.hpp"

namespace tally::job {
namespace {

/// What is not a number is the endpoint's to complain about.
double seconds(const char* variable, double otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return otherwise;
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  return *end == '\0' && value >= 0 ? value : otherwise;
}

}  // namespace

Patience::Patience(std::string what)
    : what_(std::move(what)),
      start_(std::chrono::steady_clock::now()),
      warn_after_(seconds("TALLY_WARN", 30)),
      give_up_after_(seconds("TALLY_TIMEOUT", 0)) {}

void Patience::look() {
  const std::chrono::duration<double> quiet = std::chrono::steady_clock::now() - start_;
  if (give_up_after_ > 0 && quiet.count() >= give_up_after_) {
    throw Error(fmt::format("no progress for {:.1f} s: {}", quiet.count(), what_));
  }
  if (warn_after_ <= 0 || quiet.count() < warn_after_) return;
  std::fputs(
      fmt::format("tally: process {}: no progress for {:.0f} s: {}\n", ::getpid(), quiet.count(), what_)
          .c_str(),
      stderr);
  warn_after_ *= 2;
}

}  // namespace tally::job
