// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/verbs/greeter.hpp"

#include <cstring>

namespace tally::verbs {
namespace {

constexpr std::uint32_t kQkey = 0x11544c59;

}  // namespace

Greeter::Greeter(const Device& device, ibv_cq* queue, std::uint64_t send_id, std::uint64_t receive_id,
                 std::uint32_t ranks)
    : device_(device), send_id_(send_id), receive_id_(receive_id), places_(kReceives + kSends), peers_(ranks) {
  memory_ = device.register_memory(places_.data(), places_.size() * sizeof(Place), IBV_ACCESS_LOCAL_WRITE);
  ibv_qp_init_attr wanted{};
  wanted.send_cq = queue;
  wanted.recv_cq = queue;
  wanted.qp_type = IBV_QPT_UD;
  wanted.sq_sig_all = 1;
  wanted.cap.max_send_wr = kSends;
  wanted.cap.max_recv_wr = kReceives;
  wanted.cap.max_send_sge = 1;
  wanted.cap.max_recv_sge = 1;
  qp_ = device.create_qp(&wanted);
  ibv_qp_attr attributes{};
  attributes.qp_state = IBV_QPS_INIT;
  attributes.port_num = device.port();
  attributes.qkey = kQkey;
  device.modify(qp_.get(), &attributes, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY, "INIT");
  for (std::uint32_t place = 0; place < kReceives; ++place) post(place);
  attributes.qp_state = IBV_QPS_RTR;
  device.modify(qp_.get(), &attributes, IBV_QP_STATE, "RTR");
  attributes.qp_state = IBV_QPS_RTS;
  device.modify(qp_.get(), &attributes, IBV_QP_STATE | IBV_QP_SQ_PSN, "RTS");
}

void Greeter::add_peer(std::uint32_t rank, const Address& address, std::uint32_t qpn) {
  peers_[rank].way = device_.create_way(address);
  peers_[rank].qpn = qpn;
}

void Greeter::post(std::uint32_t place) noexcept {
  ibv_sge piece{reinterpret_cast<std::uintptr_t>(&places_[place]), sizeof(Place), memory_->lkey};
  ibv_recv_wr work{};
  work.wr_id = receive_id_ + place;
  work.sg_list = &piece;
  work.num_sge = 1;
  ibv_recv_wr* bad = nullptr;
  (void)device_.library().post_recv(qp_.get(), &work, &bad);
}

void Greeter::send(std::uint32_t rank, const Greeting& greeting) noexcept {
  if (sending_ == kSends || peers_[rank].way == nullptr) return;
  Greeting& out = places_[kReceives + next_].greeting;
  next_ = (next_ + 1) % kSends;
  out = greeting;
  ibv_sge piece{reinterpret_cast<std::uintptr_t>(&out), sizeof out, memory_->lkey};
  ibv_send_wr work{};
  work.wr_id = send_id_;
  work.sg_list = &piece;
  work.num_sge = 1;
  work.opcode = IBV_WR_SEND;
  work.send_flags = IBV_SEND_SIGNALED;
  work.wr.ud.ah = peers_[rank].way.get();
  work.wr.ud.remote_qpn = peers_[rank].qpn;
  work.wr.ud.remote_qkey = kQkey;
  ibv_send_wr* bad = nullptr;
  if (device_.library().post_send(qp_.get(), &work, &bad) == 0) ++sending_;
}

bool Greeter::received(std::uint32_t place, std::size_t bytes, Greeting* greeting) noexcept {
  const bool whole = bytes == kRoute + sizeof *greeting;
  if (whole) *greeting = places_[place].greeting;
  post(place);
  return whole && greeting->magic == Greeting::kMagic;
}

}  // namespace tally::verbs
