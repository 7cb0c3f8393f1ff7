// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/verbs/device.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace tally::verbs {
namespace {

struct DeviceList {
  explicit DeviceList(const Library& lib) : library(lib), devices(lib.get_device_list(&count)) {
    if (devices == nullptr) {
      throw Error(fmt::format("libibverbs: no list of devices: {}", std::strerror(errno)));
    }
  }
  DeviceList(const DeviceList&) = delete;
  DeviceList& operator=(const DeviceList&) = delete;
  ~DeviceList() { library.free_device_list(devices); }
  const Library& library;
  int count = 0;
  ibv_device** devices;
};

/// IPv4 addresses stand in GIDs as ::ffff:a.b.c.d.
bool is_ipv4(const ibv_gid& gid) noexcept {
  static constexpr std::uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(gid.raw, kPrefix, sizeof kPrefix) == 0;
}

bool link_local(const ibv_gid& gid) noexcept { return gid.raw[0] == 0xfe && (gid.raw[1] & 0xc0) == 0x80; }

std::string text_of(const ibv_gid& gid) {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_ipv4(gid)) {
    (void)::inet_ntop(AF_INET, gid.raw + 12, text, sizeof text);
  } else {
    (void)::inet_ntop(AF_INET6, gid.raw, text, sizeof text);
  }
  return text;
}

const char* type_of(const ibv_gid_entry& entry) noexcept {
  if (entry.gid_type == IBV_GID_TYPE_ROCE_V2) return "RoCEv2";
  return entry.gid_type == IBV_GID_TYPE_ROCE_V1 ? "RoCEv1" : "IB";
}

const char* state_of(ibv_port_state state) noexcept {
  switch (state) {
    case IBV_PORT_ACTIVE:
      return "active";
    case IBV_PORT_DOWN:
      return "down";
    case IBV_PORT_INIT:
      return "init";
    case IBV_PORT_ARMED:
      return "armed";
    default:
      return "unknown";
  }
}

bool ethernet(const ibv_port_attr& port) noexcept { return port.link_layer == IBV_LINK_LAYER_ETHERNET; }

unsigned number_of(const char* variable, std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) {
    throw Error(fmt::format("{}: '{}' is not a number from 0 to {}", variable, text, most));
  }
  return value;
}

std::string list_of(const std::vector<Offer>& all) {
  std::string text;
  for (const Offer& offer : all) {
    text += fmt::format("{}{}:{} ({})", text.empty() ? "" : ", ", offer.device, offer.port, offer.state);
  }
  return text.empty() ? "this host has no RDMA device" : "this host has " + text;
}

}  // namespace

std::vector<Offer> offers(const Library& library) {
  std::vector<Offer> found;
  const DeviceList list(library);
  for (int i = 0; i < list.count; ++i) {
    ibv_device* device = list.devices[i];
    const Owned<ibv_context> context(library.open_device(device), {library.close_device});
    ibv_device_attr_ex attributes{};
    if (context == nullptr || library.query_device(context.get(), &attributes) != 0) continue;
    for (unsigned number = 1; number <= attributes.orig_attr.phys_port_cnt; ++number) {
      ibv_port_attr port{};
      if (library.query_port(context.get(), static_cast<std::uint8_t>(number), &port) != 0) continue;
      Offer offer;
      offer.device = library.get_device_name(device);
      offer.port = number;
      offer.state = state_of(port.state);
      offer.link = ethernet(port) ? "Ethernet" : "InfiniBand";
      offer.mtu = mtu_bytes(port.active_mtu);
      offer.lid = port.lid;
      offer.max_qp = static_cast<std::uint32_t>(attributes.orig_attr.max_qp);
      offer.max_srq_wr = static_cast<std::uint32_t>(attributes.orig_attr.max_srq_wr);
      offer.max_reads = static_cast<std::uint32_t>(attributes.orig_attr.max_qp_rd_atom);
      offer.atomics = attributes.orig_attr.atomic_cap != IBV_ATOMIC_NONE;
      offer.on_demand_paging = (attributes.odp_caps.general_caps & IBV_ODP_SUPPORT) != 0;
      offer.tm_tags = attributes.tm_caps.max_num_tags;
      offer.tm_flags = attributes.tm_caps.flags;
      for (int index = 0; index < port.gid_tbl_len; ++index) {
        ibv_gid_entry entry{};
        if (library.query_gid(context.get(), number, static_cast<std::uint32_t>(index), &entry) != 0) continue;
        offer.gids.push_back({static_cast<std::uint32_t>(index), type_of(entry), text_of(entry.gid)});
      }
      found.push_back(std::move(offer));
    }
  }
  return found;
}

Choice choice_of_environment() {
  Choice choice;
  if (const char* text = std::getenv("TALLY_VERBS_DEVICE"); text != nullptr && *text != '\0') {
    const std::string_view all = text;
    const std::size_t colon = all.rfind(':');
    choice.device = all.substr(0, colon);
    if (colon != std::string_view::npos) {
      choice.port = number_of("TALLY_VERBS_DEVICE: port", all.substr(colon + 1), 255);
      if (choice.port == 0) throw Error("TALLY_VERBS_DEVICE: ports are counted from 1");
    }
  }
  if (const char* text = std::getenv("TALLY_VERBS_GID"); text != nullptr && *text != '\0') {
    choice.gid = static_cast<int>(number_of("TALLY_VERBS_GID", text, 255));
  }
  return choice;
}

Device::Device(const Library& library, const Choice& choice) : library_(library) {
  const std::vector<Offer> all = offers(library);
  std::vector<const Offer*> fit;
  for (const Offer& offer : all) {
    if (!choice.device.empty() && offer.device != choice.device) continue;
    if (choice.port != 0 ? offer.port == choice.port : offer.state == "active") fit.push_back(&offer);
  }
  if (fit.empty()) {
    throw Error(choice.device.empty()
                    ? fmt::format("engine verbs: no active RDMA port; {}", list_of(all))
                    : fmt::format("TALLY_VERBS_DEVICE: no usable port '{}{}'; {}", choice.device,
                                  choice.port == 0 ? "" : fmt::format(":{}", choice.port), list_of(all)));
  }
  const Offer& offer = *fit[choice.device.empty() ? choice.place % fit.size() : 0];
  name_ = fmt::format("{}:{}", offer.device, offer.port);
  port_ = static_cast<std::uint8_t>(offer.port);

  const DeviceList list(library);
  for (int i = 0; i < list.count && context_ == nullptr; ++i) {
    if (offer.device != library.get_device_name(list.devices[i])) continue;
    context_ = Owned<ibv_context>(library.open_device(list.devices[i]), {library.close_device});
  }
  if (context_ == nullptr) refuse("cannot be opened", errno);
  if (const int error = library.query_device(context_.get(), &attributes_); error != 0) refuse("tells no limits", error);
  if (const int error = library.query_port(context_.get(), port_, &port_attributes_); error != 0)
    refuse("tells nothing about the port", error);
  if (port_attributes_.state != IBV_PORT_ACTIVE) {
    throw Error(fmt::format("device {}: the port is {}", name_, state_of(port_attributes_.state)));
  }
  max_message_ = std::min<std::uint32_t>(port_attributes_.max_msg_sz, 1u << 30);
  address_.lid = port_attributes_.lid;
  address_.ethernet = ethernet(port_attributes_) ? 1 : 0;
  address_.mtu = static_cast<std::uint8_t>(port_attributes_.active_mtu);
  choose_gid(choice.gid);
  // Events are looked for now and then, never waited for alone.
  const int flags = ::fcntl(context_->async_fd, F_GETFL);
  if (flags >= 0) (void)::fcntl(context_->async_fd, F_SETFL, flags | O_NONBLOCK);
  pd_ = Owned<ibv_pd>(library.alloc_pd(context_.get()), {library.dealloc_pd});
  if (pd_ == nullptr) refuse("makes no protection domain", errno);
}

void Device::choose_gid(int wanted) {
  const int entries = port_attributes_.gid_tbl_len;
  if (wanted >= entries) {
    throw Error(fmt::format("TALLY_VERBS_GID: {} is out of range: device {} has {} entries", wanted, name_, entries));
  }
  int best = -1;
  int best_rank = 0;
  for (int index = wanted < 0 ? 0 : wanted; index < (wanted < 0 ? entries : wanted + 1); ++index) {
    ibv_gid_entry entry{};
    if (library_.query_gid(context_.get(), port_, static_cast<std::uint32_t>(index), &entry) != 0) continue;
    const bool v2 = entry.gid_type == IBV_GID_TYPE_ROCE_V2;
    // Routable before what is of one link only, version 2 before 1.
    const int rank = (v2 ? 8 : 0) + (is_ipv4(entry.gid) ? 4 : 0) + (link_local(entry.gid) ? 0 : 2) + 1;
    if (rank <= best_rank) continue;
    best = index;
    best_rank = rank;
    address_.gid = entry.gid;
  }
  if (best < 0 && (wanted >= 0 || address_.ethernet != 0)) {
    throw Error(wanted >= 0 ? fmt::format("TALLY_VERBS_GID: device {} has no GID {}", name_, wanted)
                            : fmt::format("device {} has no GID: has its interface an address?", name_));
  }
  gid_index_ = static_cast<std::uint8_t>(std::max(best, 0));
}

bool Device::on_demand_paging() const noexcept {
  const auto& odp = attributes_.odp_caps;
  const std::uint32_t rc = odp.per_transport_caps.rc_odp_caps;
  return (odp.general_caps & IBV_ODP_SUPPORT) != 0 && (rc & IBV_ODP_SUPPORT_READ) != 0;
}

ibv_ah_attr Device::way_to(const Address& peer) const noexcept {
  ibv_ah_attr way{};
  way.port_num = port_;
  way.dlid = peer.lid;
  if (address_.ethernet != 0) {
    way.is_global = 1;
    way.grh.dgid = peer.gid;
    way.grh.sgid_index = gid_index_;
    way.grh.hop_limit = 64;
  }
  return way;
}

void Device::refuse(const char* what, int error) const {
  throw Error(fmt::format("device {} {}: {}", name_, what, std::strerror(error)));
}

Owned<ibv_mr> Device::try_register(void* base, std::size_t bytes, int access) const noexcept {
  return {library_.reg_mr(pd_.get(), base, bytes, access), {library_.dereg_mr}};
}

Owned<ibv_mr> Device::register_memory(void* base, std::size_t bytes, int access) const {
  Owned<ibv_mr> region = try_register(base, bytes, access);
  if (region != nullptr) return region;
  const int error = errno;
  rlimit limit{};
  if (error == ENOMEM && ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    throw Error(fmt::format("device {} cannot register {} bytes: this process may lock {} KiB (ulimit -l)", name_,
                            bytes, limit.rlim_cur / 1024));
  }
  refuse(fmt::format("cannot register {} bytes", bytes).c_str(), error);
}

Owned<ibv_comp_channel> Device::create_channel() const {
  Owned<ibv_comp_channel> channel(library_.create_comp_channel(context_.get()), {library_.destroy_comp_channel});
  if (channel == nullptr) refuse("makes no completion channel", errno);
  const int flags = ::fcntl(channel->fd, F_GETFL);
  if (flags < 0 || ::fcntl(channel->fd, F_SETFL, flags | O_NONBLOCK) != 0) refuse("has a channel that blocks", errno);
  return channel;
}

Owned<ibv_cq> Device::create_queue(int entries, ibv_comp_channel* channel) const {
  if (entries > limits().max_cqe) {
    throw Error(fmt::format("device {}: the job needs a completion queue of {} entries, it has {}", name_, entries,
                            limits().max_cqe));
  }
  Owned<ibv_cq> queue(library_.create_cq(context_.get(), entries, nullptr, channel, 0), {library_.destroy_cq});
  if (queue == nullptr) refuse("makes no completion queue", errno);
  return queue;
}

Owned<ibv_srq> Device::create_shared_receive_queue(std::uint32_t entries) const {
  if (static_cast<int>(entries) > limits().max_srq_wr) {
    throw Error(fmt::format("device {}: the job needs a shared receive queue of {} entries, it has {}", name_,
                            entries, limits().max_srq_wr));
  }
  ibv_srq_init_attr wanted{};
  wanted.attr.max_wr = entries;
  wanted.attr.max_sge = 1;
  Owned<ibv_srq> queue(library_.create_srq(pd_.get(), &wanted), {library_.destroy_srq});
  if (queue == nullptr) refuse("makes no shared receive queue", errno);
  return queue;
}

Owned<ibv_qp> Device::create_qp(ibv_qp_init_attr* wanted) const {
  Owned<ibv_qp> qp;
  // How much goes inline is not in the limits that a device tells.
  for (;;) {
    ibv_qp_init_attr tried = *wanted;
    qp = Owned<ibv_qp>(library_.create_qp(pd_.get(), &tried), {library_.destroy_qp});
    if (qp != nullptr) {
      wanted->cap = tried.cap;
      return qp;
    }
    if (wanted->cap.max_inline_data == 0) refuse("makes no queue pair", errno);
    wanted->cap.max_inline_data /= 2;
    if (wanted->cap.max_inline_data < 32) wanted->cap.max_inline_data = 0;
  }
}

Owned<ibv_ah> Device::create_way(const Address& peer) const {
  ibv_ah_attr attributes = way_to(peer);
  Owned<ibv_ah> way(library_.create_ah(pd_.get(), &attributes), {library_.destroy_ah});
  if (way == nullptr) refuse("finds no way to a peer's address", errno);
  return way;
}

void Device::modify(ibv_qp* qp, ibv_qp_attr* attributes, int mask, const char* to) const {
  if (const int error = library_.modify_qp(qp, attributes, mask); error != 0) {
    refuse(fmt::format("cannot bring a queue pair to {}", to).c_str(), error);
  }
}

}  // namespace tally::verbs
