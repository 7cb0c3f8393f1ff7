// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/routed/open_transport.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "drivers/shm/shm_transport.hpp"
#include "drivers/routed/routed_transport.hpp"
#ifdef TALLY_HAVE_OFI
#include "drivers/ofi/ofi_transport.hpp"
#endif
#ifdef TALLY_HAVE_VERBS
#include "drivers/verbs/verbs_transport.hpp"
#endif

namespace tally::routed {
namespace {

std::string wanted_transport() {
  const char* text = std::getenv("TALLY_TRANSPORT");
  if (text == nullptr || *text == '\0') return "auto";
  const std::string wanted = text;
  if (wanted != "auto" && wanted != "shm" && wanted != "ofi" && wanted != "verbs") {
    throw job::Error(fmt::format("TALLY_TRANSPORT: '{}' is unknown; there are: auto, shm, ofi, verbs", wanted));
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

#if defined(TALLY_HAVE_OFI) || defined(TALLY_HAVE_VERBS)
/// Everybody's card. A rank that has none says why with a '!' before: the others wait for its word. Throws
/// job::Error that names the rank.
std::vector<std::string> exchange_cards(const job::Membership& job, const std::string& card) {
  std::vector<std::string> cards = job.exchange(card);
  for (std::size_t rank = 0; rank < cards.size(); ++rank) {
    if (cards[rank].starts_with('!'))
      throw job::Error(fmt::format("rank {}: {}", rank, cards[rank].substr(1)));
  }
  return cards;
}

std::string excuse(const std::exception& error) { return "!" + std::string(error.what()).substr(0, 400); }

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) throw std::runtime_error("no random numbers");
  return number;
}
#endif

#ifdef TALLY_HAVE_OFI
std::unique_ptr<NetworkTransport> open_ofi(const job::Membership& job, std::uint64_t far) {
  std::unique_ptr<ofi::Provider> provider;
  std::string card;
  try {
    ofi::Choice choice = ofi::choice_of_environment();
    choice.loopback = job.one_host() || !choice.domain.empty();
    provider = std::make_unique<ofi::Provider>(choice);
    card = ofi::OfiTransport::card(*provider, random_number());
  } catch (const std::runtime_error& error) {
    card = excuse(error);
  }
  const std::vector<std::string> cards = exchange_cards(job, card);
  try {
    return std::make_unique<ofi::OfiTransport>(std::move(provider), job.segment.header(),
                                               static_cast<std::uint32_t>(job.rank), far, cards);
  } catch (const ofi::Error& error) {
    throw job::Error(error.what());
  }
}
#endif

#ifdef TALLY_HAVE_VERBS
std::unique_ptr<NetworkTransport> open_verbs(const job::Membership& job, std::uint64_t far) {
  const auto own = static_cast<std::size_t>(job.rank);
  std::unique_ptr<verbs::Link> link;
  std::string card;
  try {
    verbs::Choice choice = verbs::choice_of_environment();
    choice.place = static_cast<std::uint32_t>(
        std::count(job.host.begin(), job.host.begin() + job.rank, job.host[own]));
    link = std::make_unique<verbs::Link>(verbs::library(), choice, static_cast<std::uint32_t>(job.size));
    card = link->card(random_number());
  } catch (const std::runtime_error& error) {
    card = excuse(error);
  }
  const std::vector<std::string> cards = exchange_cards(job, card);
  try {
    return std::make_unique<verbs::VerbsTransport>(std::move(link), job.segment.header(),
                                                   static_cast<std::uint32_t>(job.rank), far, cards);
  } catch (const verbs::Error& error) {
    throw job::Error(error.what());
  }
}
#endif

std::unique_ptr<NetworkTransport> open_network([[maybe_unused]] const job::Membership& job,
                                               [[maybe_unused]] std::uint64_t far, bool verbs,
                                               [[maybe_unused]] const char* why) {
  if (verbs) {
#ifdef TALLY_HAVE_VERBS
    return open_verbs(job, far);
#else
    throw job::Error(fmt::format("{}: this library was built without libibverbs (package libibverbs-dev)", why));
#endif
  }
#ifdef TALLY_HAVE_OFI
  return open_ofi(job, far);
#else
  throw job::Error(fmt::format("{}: this library was built without libfabric (package libfabric-dev)", why));
#endif
}

}  // namespace

std::unique_ptr<soft::Transport> open_transport(const job::Membership& job, bool verbs) {
  const std::string wanted = wanted_transport();
  if (verbs && wanted == "ofi") throw job::Error("TALLY_TRANSPORT: ofi, but the engine is verbs");
  const bool everywhere = wanted == "ofi" || wanted == "verbs";
  const std::uint64_t far = far_ranks(job, everywhere);
  if (far != 0 && wanted == "shm") {
    throw job::Error("TALLY_TRANSPORT: shm, but this job's ranks are on several hosts");
  }
  auto here = std::make_unique<shm::ShmTransport>(job.segment.header(), static_cast<std::uint32_t>(job.rank));
  if (far == 0) return here;
  const char* why = wanted == "ofi"     ? "TALLY_TRANSPORT: ofi"
                    : wanted == "verbs" ? "TALLY_TRANSPORT: verbs"
                                        : "this job's ranks are on several hosts";
  auto network = open_network(job, far, verbs || wanted == "verbs", why);
  return std::make_unique<RoutedTransport>(std::move(here), std::move(network), far);
}

}  // namespace tally::routed
