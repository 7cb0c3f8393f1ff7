// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/ofi/provider.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace tally::ofi {
namespace {

constexpr std::uint32_t kApi = FI_VERSION(1, 14);
/// What this driver can live with; a provider clears what it does not need.
constexpr int kMemoryModes = FI_MR_LOCAL | FI_MR_ALLOCATED | FI_MR_VIRT_ADDR | FI_MR_PROV_KEY;
/// All memory of a process can be registered at once only where none of these is asked for.
constexpr int kEachBuffer = FI_MR_LOCAL | FI_MR_ALLOCATED | FI_MR_PROV_KEY;

/// Taken by themselves, best first. Others work where TALLY_OFI_PROVIDER names them.
constexpr std::array<const char*, 4> kPreferred{"verbs;ofi_rxm", "tcp;ofi_rxm", "tcp", "sockets"};

using Infos = std::unique_ptr<fi_info, decltype(&::fi_freeinfo)>;

Infos query(const std::string& provider, std::uint64_t capabilities) {
  const Library& lib = library();
  const Infos hints(lib.dupinfo(nullptr), lib.freeinfo);
  if (hints == nullptr) throw Error("libfabric: no memory");
  hints->caps = capabilities;
  hints->mode = FI_CONTEXT | FI_CONTEXT2;
  hints->ep_attr->type = FI_EP_RDM;
  hints->domain_attr->mr_mode = kMemoryModes;
  hints->domain_attr->threading = FI_THREAD_DOMAIN;
  hints->domain_attr->resource_mgmt = FI_RM_ENABLED;
  hints->tx_attr->msg_order = FI_ORDER_SAS;
  hints->rx_attr->msg_order = FI_ORDER_SAS;
  if (!provider.empty()) hints->fabric_attr->prov_name = ::strdup(provider.c_str());
  fi_info* found = nullptr;
  const int failed = lib.getinfo(kApi, nullptr, nullptr, 0, hints.get(), &found);
  if (failed != 0 && failed != -FI_ENODATA) {
    throw Error(fmt::format("libfabric: fi_getinfo{}: {}",
                            provider.empty() ? "" : " for provider " + provider, reason(failed)));
  }
  return Infos(found, lib.freeinfo);
}

bool loopback(const fi_info& info) {
  if (info.src_addr == nullptr) return false;
  if (info.addr_format == FI_SOCKADDR_IN) {
    const auto* address = static_cast<const sockaddr_in*>(info.src_addr);
    return ntohl(address->sin_addr.s_addr) >> 24 == 127;
  }
  if (info.addr_format == FI_SOCKADDR_IN6) {
    return IN6_IS_ADDR_LOOPBACK(&static_cast<const sockaddr_in6*>(info.src_addr)->sin6_addr);
  }
  return info.addr_format == FI_ADDR_STR &&
         std::string_view(static_cast<const char*>(info.src_addr)).starts_with("fi_shm");
}

/// An address that means something on its own link only.
bool link_local(const fi_info& info) {
  return info.src_addr != nullptr && info.addr_format == FI_SOCKADDR_IN6 &&
         IN6_IS_ADDR_LINKLOCAL(&static_cast<const sockaddr_in6*>(info.src_addr)->sin6_addr);
}

std::string printable_address(const fi_info& info) {
  char text[INET6_ADDRSTRLEN] = {};
  if (info.src_addr == nullptr) return "";
  if (info.addr_format == FI_SOCKADDR_IN) {
    (void)::inet_ntop(AF_INET, &static_cast<const sockaddr_in*>(info.src_addr)->sin_addr, text, sizeof text);
  } else if (info.addr_format == FI_SOCKADDR_IN6) {
    (void)::inet_ntop(AF_INET6, &static_cast<const sockaddr_in6*>(info.src_addr)->sin6_addr, text,
                      sizeof text);
  } else if (info.addr_format == FI_ADDR_STR) {
    return static_cast<const char*>(info.src_addr);
  }
  return text;
}

bool reads_all(const fi_info& info) {
  return (info.caps & FI_RMA) != 0 && (info.domain_attr->mr_mode & kEachBuffer) == 0;
}

/// The first that the choice admits, or nullptr.
fi_info* pick(fi_info* list, const Choice& choice) {
  for (fi_info* info = list; info != nullptr; info = info->next) {
    if (link_local(*info) || (loopback(*info) && !choice.loopback)) continue;
    if (!choice.domain.empty() && choice.domain != info->domain_attr->name) continue;
    return info;
  }
  return nullptr;
}

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

}  // namespace

Choice choice_of_environment() {
  return {variable("TALLY_OFI_PROVIDER"), variable("TALLY_OFI_DOMAIN"), false};
}

std::vector<Offer> offers() {
  std::vector<Offer> found;
  // A provider without remote reads is in the second list only.
  for (const std::uint64_t capabilities : {FI_MSG | FI_RMA, FI_MSG}) {
    const Infos list = query("", capabilities);
    for (const fi_info* info = list.get(); info != nullptr; info = info->next) {
      if (link_local(*info)) continue;
      Offer offer{info->fabric_attr->prov_name, info->domain_attr->name, printable_address(*info),
                  reads_all(*info)};
      const bool known = std::any_of(found.begin(), found.end(), [&](const Offer& one) {
        return one.provider == offer.provider && one.domain == offer.domain && one.address == offer.address;
      });
      if (!known) found.push_back(std::move(offer));
    }
  }
  const auto place = [](const Offer& offer) {
    return std::find(kPreferred.begin(), kPreferred.end(), offer.provider) - kPreferred.begin();
  };
  std::stable_sort(found.begin(), found.end(),
                   [&](const Offer& a, const Offer& b) { return place(a) < place(b); });
  return found;
}

Provider::Provider(const Choice& choice) {
  std::vector<std::string> names;
  if (choice.provider.empty()) {
    names.assign(kPreferred.begin(), kPreferred.end());
  } else {
    names.push_back(choice.provider);
  }
  std::string tried;
  for (const std::string& provider : names) {
    Infos list = query(provider, FI_MSG | FI_RMA);
    fi_info* info = pick(list.get(), choice);
    if (info == nullptr) {
      list = query(provider, FI_MSG);
      info = pick(list.get(), choice);
    }
    if (info != nullptr) {
      open(info);
      return;
    }
    tried += fmt::format("{}{}{}", tried.empty() ? "" : ", ", provider,
                         list == nullptr ? "" : " (no address that other hosts reach)");
  }
  throw Error(fmt::format(
      "TALLY_OFI_PROVIDER: no usable libfabric provider{}; tried: {}; `tally info` lists what this host has",
      choice.domain.empty() ? "" : fmt::format(" with TALLY_OFI_DOMAIN '{}'", choice.domain), tried));
}

void Provider::check(long result, const char* call) const {
  if (result >= 0) return;
  throw Error(fmt::format("provider {}, domain {}: {}: {}", name_, domain_name_, call, reason(result)));
}

void Provider::open(fi_info* info) {
  name_ = info->fabric_attr->prov_name;
  domain_name_ = info->domain_attr->name;
  max_transfer_ = info->ep_attr->max_msg_size;
  register_local_ = (info->domain_attr->mr_mode & FI_MR_LOCAL) != 0;

  fid_fabric* fabric = nullptr;
  check(library().fabric(info->fabric_attr, &fabric, nullptr), "fi_fabric");
  fabric_.reset(fabric);
  fid_domain* domain = nullptr;
  check(::fi_domain(fabric, info, &domain, nullptr), "fi_domain");
  domain_.reset(domain);
  fi_av_attr av{};
  av.type = FI_AV_UNSPEC;
  fid_av* peers = nullptr;
  check(::fi_av_open(domain, &av, &peers, nullptr), "fi_av_open");
  peers_.reset(peers);
  fi_cq_attr attributes{};
  attributes.format = FI_CQ_FORMAT_MSG;
  attributes.wait_obj = FI_WAIT_FD;
  fid_cq* queue = nullptr;
  if (::fi_cq_open(domain, &attributes, &queue, nullptr) != 0) {
    attributes.wait_obj = FI_WAIT_NONE;
    check(::fi_cq_open(domain, &attributes, &queue, nullptr), "fi_cq_open");
  }
  completions_.reset(queue);
  if (attributes.wait_obj == FI_WAIT_FD && ::fi_control(&queue->fid, FI_GETWAIT, &wait_fd_) != 0)
    wait_fd_ = -1;
  fid_ep* endpoint = nullptr;
  check(::fi_endpoint(domain, info, &endpoint, nullptr), "fi_endpoint");
  endpoint_.reset(endpoint);
  check(::fi_ep_bind(endpoint, &peers->fid, 0), "fi_ep_bind");
  check(::fi_ep_bind(endpoint, &queue->fid, FI_TRANSMIT | FI_RECV), "fi_ep_bind");
  check(::fi_enable(endpoint), "fi_enable");

  std::array<char, 256> address{};
  std::size_t bytes = address.size();
  check(::fi_getname(&endpoint->fid, address.data(), &bytes), "fi_getname");
  address_.assign(address.data(), bytes);

  if (!reads_all(*info)) return;
  // Whoever knows the key reads any memory of this process: it is drawn at random, and only the job's ranks
  // hear of it.
  if (::getrandom(&key_, sizeof key_, 0) != sizeof key_) return;
  if (info->domain_attr->mr_key_size < sizeof key_) return;
  fid_mr* memory = nullptr;
  if (::fi_mr_reg(domain, nullptr, SIZE_MAX, FI_REMOTE_READ, 0, key_, 0, &memory, nullptr) == 0)
    memory_.reset(memory);
}

fi_addr_t Provider::add_peer(const std::string& address) {
  fi_addr_t peer = FI_ADDR_UNSPEC;
  const int added = ::fi_av_insert(peers_.get(), address.data(), 1, &peer, 0, nullptr);
  if (added != 1) {
    throw Error(
        fmt::format("provider {}: fi_av_insert: {}", name_, added < 0 ? reason(added) : "address refused"));
  }
  return peer;
}

void* Provider::register_local(void* base, std::size_t bytes) {
  if (!register_local_) return nullptr;
  fid_mr* memory = nullptr;
  check(::fi_mr_reg(domain_.get(), base, bytes, FI_SEND | FI_RECV, 0, local_.size() + 1, 0, &memory, nullptr),
        "fi_mr_reg");
  local_.emplace_back(memory);
  return ::fi_mr_desc(memory);
}

bool Provider::may_sleep() const noexcept {
  fid* object = &completions_->fid;
  return wait_fd_ >= 0 && ::fi_trywait(fabric_.get(), &object, 1) == 0;
}

}  // namespace tally::ofi
