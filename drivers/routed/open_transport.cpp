// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/routed/open_transport.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "drivers/shm/shm_transport.hpp"
#ifdef TALLY_HAVE_OFI
#include "drivers/routed/routed_transport.hpp"
#endif

namespace tally::routed {
namespace {

std::string wanted_transport() {
  const char* text = std::getenv("TALLY_TRANSPORT");
  if (text == nullptr || *text == '\0') return "auto";
  const std::string wanted = text;
  if (wanted != "auto" && wanted != "shm" && wanted != "ofi") {
    throw job::Error(fmt::format("TALLY_TRANSPORT: '{}' is unknown; there are: auto, shm, ofi", wanted));
  }
  return wanted;
}

/// Bit p: rank p is reached over the network.
std::uint64_t far_ranks(const job::Membership& job, bool all) {
  std::uint64_t far = 0;
  for (std::size_t peer = 0; peer < job.host.size(); ++peer) {
    const auto own = static_cast<std::size_t>(job.rank);
    if (peer != own && (all || job.host[peer] != job.host[own])) far |= std::uint64_t{1} << peer;
  }
  return far;
}

#ifdef TALLY_HAVE_OFI
std::unique_ptr<ofi::OfiTransport> open_network(const job::Membership& job, std::uint64_t far) {
  std::unique_ptr<ofi::Provider> provider;
  std::string card;
  try {
    ofi::Choice choice = ofi::choice_of_environment();
    choice.loopback = job.one_host() || !choice.domain.empty();
    provider = std::make_unique<ofi::Provider>(choice);
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) throw ofi::Error("no random numbers");
    card = ofi::OfiTransport::card(*provider, number);
  } catch (const ofi::Error& error) {
    // The others wait for this rank's word.
    card = "!" + std::string(error.what()).substr(0, 400);
  }
  const std::vector<std::string> cards = job.exchange(card);
  for (std::size_t rank = 0; rank < cards.size(); ++rank) {
    if (cards[rank].starts_with('!'))
      throw job::Error(fmt::format("rank {}: {}", rank, cards[rank].substr(1)));
  }
  try {
    return std::make_unique<ofi::OfiTransport>(std::move(provider), job.segment.header(),
                                               static_cast<std::uint32_t>(job.rank), far, cards);
  } catch (const ofi::Error& error) {
    throw job::Error(error.what());
  }
}
#endif

}  // namespace

std::unique_ptr<soft::Transport> open_transport(const job::Membership& job) {
  const std::string wanted = wanted_transport();
  const std::uint64_t far = far_ranks(job, wanted == "ofi");
  if (far != 0 && wanted == "shm") {
    throw job::Error("TALLY_TRANSPORT: shm, but this job's ranks are on several hosts");
  }
  auto here = std::make_unique<shm::ShmTransport>(job.segment.header(), static_cast<std::uint32_t>(job.rank));
  if (far == 0) return here;
#ifdef TALLY_HAVE_OFI
  return std::make_unique<RoutedTransport>(std::move(here), open_network(job, far), far);
#else
  throw job::Error(
      fmt::format("{}: this library was built without libfabric (package libfabric-dev)",
                  wanted == "ofi" ? "TALLY_TRANSPORT: ofi" : "this job's ranks are on several hosts"));
#endif
}

}  // namespace tally::routed
