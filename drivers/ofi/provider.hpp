// SPDX-License-Identifier: BSD-3-Clause
// A libfabric endpoint for reliable datagrams (FI_EP_RDM): which provider it is of, and what it can do.
#pragma once

#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_rma.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/ofi/library.hpp"

namespace tally::ofi {

/// What the environment asks for: TALLY_OFI_PROVIDER, TALLY_OFI_DOMAIN; empty: the best there is.
struct Choice {
  std::string provider;
  std::string domain;     ///< network interface or device, as libfabric names it
  bool loopback = false;  ///< addresses that are of no use from another host will do
};
[[nodiscard]] Choice choice_of_environment();

/// A provider as `tally info` shows it.
struct Offer {
  std::string provider;
  std::string domain;
  std::string address;
  bool remote_reads = false;  ///< large messages are fetched by RMA
};
/// All reliable-datagram providers of this host that can carry frames, best first. Throws Error where
/// libfabric is not there.
[[nodiscard]] std::vector<Offer> offers();

struct Closer {
  template <typename Fid>
  void operator()(Fid* object) const noexcept {
    (void)::fi_close(&object->fid);
  }
};
template <typename Fid>
using Owned = std::unique_ptr<Fid, Closer>;

class Provider {
 public:
  /// Opens the best provider that the choice admits. Throws Error.
  explicit Provider(const Choice& choice);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& domain_name() const noexcept { return domain_name_; }
  /// Where peers reach this endpoint: an address in the provider's own form.
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  /// Whether peers can read all of this process's memory by its key.
  [[nodiscard]] bool remote_reads() const noexcept { return memory_ != nullptr; }
  [[nodiscard]] std::uint64_t key() const noexcept { return key_; }
  /// Largest single transfer, bytes.
  [[nodiscard]] std::size_t max_transfer() const noexcept { return max_transfer_; }
  /// Adds a peer. Throws Error.
  [[nodiscard]] fi_addr_t add_peer(const std::string& address);
  /// Registers memory for sends and receives where the provider wants that; what they need as descriptor.
  /// Throws Error.
  [[nodiscard]] void* register_local(void* base, std::size_t bytes);

  [[nodiscard]] fid_ep* endpoint() const noexcept { return endpoint_.get(); }
  [[nodiscard]] fid_cq* completions() const noexcept { return completions_.get(); }
  /// Readable when there may be something to do; -1: the provider has no such descriptor.
  [[nodiscard]] int wait_fd() const noexcept { return wait_fd_; }
  /// Whether it is right to sleep on wait_fd() now.
  [[nodiscard]] bool may_sleep() const noexcept;

 private:
  void open(fi_info* info);
  void check(long result, const char* call) const;

  std::string name_;
  std::string domain_name_;
  std::string address_;
  std::uint64_t key_ = 0;
  std::size_t max_transfer_ = 0;
  bool register_local_ = false;
  int wait_fd_ = -1;
  // Closed in the reverse order.
  Owned<fid_fabric> fabric_;
  Owned<fid_domain> domain_;
  Owned<fid_av> peers_;
  Owned<fid_cq> completions_;
  Owned<fid_mr> memory_;
  std::vector<Owned<fid_mr>> local_;
  Owned<fid_ep> endpoint_;
};

}  // namespace tally::ofi
