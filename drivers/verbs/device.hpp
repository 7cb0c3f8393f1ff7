// SPDX-License-Identifier: BSD-3-Clause
// An RDMA device with the port and the address that a rank uses, and handles of its objects.
#pragma once

#include <infiniband/verbs.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/verbs/library.hpp"

namespace tally::verbs {

// --- handles -----------------------------------------------------------------------------------------------

/// Ends an object by the call of the library that made it.
template <typename Object>
struct Ender {
  int (*end)(Object*) = nullptr;
  void operator()(Object* object) const noexcept { (void)end(object); }
};
template <typename Object>
using Owned = std::unique_ptr<Object, Ender<Object>>;

// --- what there is -----------------------------------------------------------------------------------------

struct GidOffer {
  std::uint32_t index = 0;
  std::string type;  ///< "IB", "RoCEv1", "RoCEv2"
  std::string address;
};
/// A port as `tally info` shows it.
struct Offer {
  std::string device;
  unsigned port = 0;
  std::string state;  ///< "active", "down", ...
  std::string link;   ///< "InfiniBand", "Ethernet"
  unsigned mtu = 0;   ///< bytes, active
  std::uint16_t lid = 0;
  std::vector<GidOffer> gids;
  std::uint32_t max_qp = 0;
  std::uint32_t max_srq_wr = 0;
  std::uint32_t max_reads = 0;  ///< RDMA READs under way on a queue pair
  bool atomics = false;
  bool on_demand_paging = false;
  std::uint32_t tm_tags = 0;  ///< tag matching: entries of a list; 0: none
  std::uint32_t tm_flags = 0;
};
/// All ports of this host. Throws Error where libibverbs is not there.
[[nodiscard]] std::vector<Offer> offers(const Library& library);

// --- the one that is used ----------------------------------------------------------------------------------

/// What the environment asks for.
struct Choice {
  std::string device;       ///< TALLY_VERBS_DEVICE=name[:port]; empty: those with an active port in turn
  unsigned port = 0;        ///< 0: the first active one
  int gid = -1;             ///< TALLY_VERBS_GID; -1: RoCEv2 with an IPv4 address, where there is one
  std::uint32_t place = 0;  ///< of this rank among those of its host
};
/// Throws Error that names the variable.
[[nodiscard]] Choice choice_of_environment();

/// How a port is reached.
struct Address {
  ibv_gid gid{};
  std::uint16_t lid = 0;
  std::uint8_t ethernet = 0;  ///< 1: RoCE, by GID; 0: InfiniBand, by LID
  std::uint8_t mtu = 0;       ///< ibv_mtu
};

class Device {
 public:
  /// Opens what the choice admits. `library` outlives it. Throws Error.
  Device(const Library& library, const Choice& choice);

  [[nodiscard]] const Library& library() const noexcept { return library_; }
  /// "mlx5_0:1".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] ibv_context* context() const noexcept { return context_.get(); }
  [[nodiscard]] ibv_pd* pd() const noexcept { return pd_.get(); }
  [[nodiscard]] std::uint8_t port() const noexcept { return port_; }
  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] const ibv_device_attr& limits() const noexcept { return attributes_.orig_attr; }
  [[nodiscard]] std::uint32_t max_message() const noexcept { return max_message_; }
  /// Whether registrations follow the process's address space by themselves.
  [[nodiscard]] bool on_demand_paging() const noexcept;
  /// The way to `peer`, for ibv_qp_attr.ah_attr and ibv_create_ah.
  [[nodiscard]] ibv_ah_attr way_to(const Address& peer) const noexcept;

  // All throw Error that names the device and what it refused.
  [[nodiscard]] Owned<ibv_mr> register_memory(void* base, std::size_t bytes, int access) const;
  [[nodiscard]] Owned<ibv_comp_channel> create_channel() const;
  [[nodiscard]] Owned<ibv_cq> create_queue(int entries, ibv_comp_channel* channel) const;
  [[nodiscard]] Owned<ibv_srq> create_shared_receive_queue(std::uint32_t entries) const;
  [[nodiscard]] Owned<ibv_qp> create_qp(ibv_qp_init_attr* wanted) const;
  [[nodiscard]] Owned<ibv_ah> create_way(const Address& peer) const;
  /// nullptr where the memory cannot be registered; errno tells why.
  [[nodiscard]] Owned<ibv_mr> try_register(void* base, std::size_t bytes, int access) const noexcept;
  void modify(ibv_qp* qp, ibv_qp_attr* attributes, int mask, const char* to) const;

 private:
  [[noreturn]] void refuse(const char* what, int error) const;
  void choose_gid(int wanted);

  const Library& library_;
  std::string name_;
  std::uint8_t port_ = 0;
  std::uint32_t max_message_ = 0;
  std::uint8_t gid_index_ = 0;
  Address address_;
  ibv_device_attr_ex attributes_{};
  ibv_port_attr port_attributes_{};
  // Ended in the reverse order.
  Owned<ibv_context> context_;
  Owned<ibv_pd> pd_;
};

/// Bytes of an ibv_mtu.
[[nodiscard]] constexpr unsigned mtu_bytes(unsigned mtu) noexcept { return 128u << mtu; }

}  // namespace tally::verbs
