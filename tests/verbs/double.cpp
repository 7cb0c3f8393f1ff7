// SPDX-License-Identifier: BSD-3-Clause
#include "verbs/double.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tally::test {
namespace {

struct DeviceInfo;

struct Context : ibv_context {
  DeviceInfo* info = nullptr;
  std::deque<ibv_event_type> events;
};
struct DeviceInfo : ibv_device {
  std::string name_text;
  DoubleLimits limits;
  std::uint8_t number = 0;
  bool silent = false;
  std::vector<Context*> contexts;
};
struct Memory : ibv_mr {
  int access = 0;
};
struct Channel : ibv_comp_channel {
  std::deque<ibv_cq*> events;
};
struct Queue : ibv_cq {
  std::deque<ibv_wc> done;
  int depth = 0;
  bool armed = false;
  bool overrun = false;
  std::vector<ibv_wc> unsignaled;
};
struct Posted {
  std::uint64_t id = 0;
  ibv_sge piece{};
};
struct Receives : ibv_srq {
  std::deque<Posted> posted;
  std::uint32_t depth = 0;
};
struct SendWork {
  std::uint64_t id = 0;
  ibv_wr_opcode opcode = IBV_WR_SEND;
  bool signaled = false;
  std::vector<std::byte> data;  ///< of a SEND, taken when it is posted inline, else when it is executed
  ibv_sge piece{};
  bool has_piece = false;
  bool inlined = false;
  std::uint64_t remote = 0;
  std::uint32_t rkey = 0;
  std::uint32_t datagram_qpn = 0;
};
struct Pair : ibv_qp {
  ibv_qp_cap cap{};
  bool signal_all = false;
  std::deque<SendWork> sends;
  std::uint32_t unretired = 0;  ///< entries of the send queue that no completion has freed
  std::deque<Posted> receives;  ///< UD
  std::uint32_t peer = 0;
  int access = 0;
  std::uint8_t mtu = 0;
  bool broken = false;
};

struct Network {
  std::recursive_mutex mutex;
  std::vector<std::unique_ptr<DeviceInfo>> devices;
  std::map<std::uint32_t, Pair*> pairs;
  std::map<std::uint32_t, Memory*> memory;
  std::uint32_t next_number = 17;
  std::uint32_t next_key = 0x1000;
  DoubleCounts counts;
  unsigned lose = 0;
  std::deque<std::pair<ibv_wr_opcode, ibv_wc_status>> faults;
  std::uint64_t memory_limit = 0;
  std::uint64_t memory_bytes = 0;
};

Network& net() {
  static Network network;
  return network;
}

struct Lock {
  std::scoped_lock<std::recursive_mutex> held{net().mutex};
};

void misuse(const char* what) {
  ++net().counts.misuse;
  (void)std::fprintf(stderr, "double: misuse: %s\n", what);
}

DeviceInfo& info_of(const ibv_qp& pair) { return *static_cast<Context*>(pair.context)->info; }

void report(ibv_cq* to, const ibv_wc& done) {
  auto& queue = *static_cast<Queue*>(to);
  if (static_cast<int>(queue.done.size()) >= queue.depth) {
    queue.overrun = true;
    misuse("a completion queue overruns");
    return;
  }
  queue.done.push_back(done);
  if (!std::exchange(queue.armed, false) || queue.channel == nullptr) return;
  static_cast<Channel*>(queue.channel)->events.push_back(&queue);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(queue.channel->fd, &one, sizeof one);
}

/// Memory behind [address, address + length) of a key; nullptr where the device would refuse.
std::byte* reach(std::uint32_t key, std::uint64_t address, std::uint64_t length, int access, bool remote) {
  const auto found = net().memory.find(key);
  if (found == net().memory.end()) return nullptr;
  const Memory& memory = *found->second;
  const auto base = reinterpret_cast<std::uint64_t>(memory.addr);
  if (address < base || address + length > base + memory.length) return nullptr;
  if ((memory.access & access) != access) return nullptr;
  if ((remote ? memory.rkey : memory.lkey) != key) return nullptr;
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<std::byte*>(address);
}

ibv_wc completion(const Pair& pair, std::uint64_t id, ibv_wc_status status, ibv_wc_opcode opcode) {
  ibv_wc done{};
  done.wr_id = id;
  done.status = status;
  done.opcode = opcode;
  done.qp_num = pair.qp_num;
  return done;
}

/// The first request of the queue ends.
void retire(Pair& pair, ibv_wc_status status) {
  SendWork work = std::move(pair.sends.front());
  pair.sends.pop_front();
  const ibv_wc_opcode opcode = work.opcode == IBV_WR_RDMA_READ    ? IBV_WC_RDMA_READ
                               : work.opcode == IBV_WR_RDMA_WRITE ? IBV_WC_RDMA_WRITE
                                                                  : IBV_WC_SEND;
  if (!work.signaled && status == IBV_WC_SUCCESS) return;
  pair.unretired = static_cast<std::uint32_t>(pair.sends.size());
  report(pair.send_cq, completion(pair, work.id, status, opcode));
}

void fail(Pair& pair, ibv_wc_status status) {
  pair.state = IBV_QPS_ERR;
  if (!pair.sends.empty()) retire(pair, status);
  while (!pair.sends.empty()) retire(pair, IBV_WC_WR_FLUSH_ERR);
}

/// Executes the oldest request; false when nothing moves.
bool step(Pair& pair) {
  if (pair.sends.empty()) return false;
  if (pair.state == IBV_QPS_ERR) {
    fail(pair, IBV_WC_WR_FLUSH_ERR);
    return true;
  }
  SendWork& work = pair.sends.front();
  const std::uint32_t target = pair.qp_type == IBV_QPT_UD ? work.datagram_qpn : pair.peer;
  const auto found = net().pairs.find(target);
  Pair* peer = found == net().pairs.end() ? nullptr : found->second;
  if (!work.inlined && work.has_piece && work.opcode != IBV_WR_RDMA_READ) {
    const std::byte* from = reach(work.piece.lkey, work.piece.addr, work.piece.length, 0, false);
    if (from == nullptr) {
      misuse("a SEND from memory that is not registered");
      fail(pair, IBV_WC_LOC_PROT_ERR);
      return true;
    }
    work.data.assign(from, from + work.piece.length);
  }
  if (pair.qp_type == IBV_QPT_UD) {
    ++net().counts.datagrams;
    bool lost = peer == nullptr || peer->state < IBV_QPS_RTR || peer->receives.empty() || info_of(*peer).silent ||
                info_of(pair).silent;
    if (!lost && net().lose != 0) {
      --net().lose;
      lost = true;
    }
    if (lost) {
      ++net().counts.lost_datagrams;
    } else {
      const Posted to = peer->receives.front();
      peer->receives.pop_front();
      std::byte* at = reach(to.piece.lkey, to.piece.addr, to.piece.length, IBV_ACCESS_LOCAL_WRITE, false);
      if (at == nullptr) misuse("a datagram to memory that is not registered");
      if (at != nullptr && 40 + work.data.size() <= to.piece.length)
        std::memcpy(at + 40, work.data.data(), work.data.size());
      ibv_wc done = completion(*peer, to.id, IBV_WC_SUCCESS, IBV_WC_RECV);
      done.byte_len = static_cast<std::uint32_t>(40 + work.data.size());
      report(peer->recv_cq, done);
    }
    retire(pair, IBV_WC_SUCCESS);
    return true;
  }
  auto& faults = net().faults;
  if (const auto fault = std::find_if(faults.begin(), faults.end(), [&](const auto& f) { return f.first == work.opcode; });
      fault != faults.end()) {
    const ibv_wc_status status = fault->second;
    faults.erase(fault);
    fail(pair, status);
    return true;
  }
  if (info_of(pair).silent) return false;
  if (peer == nullptr || info_of(*peer).silent || peer->peer != pair.qp_num || peer->state == IBV_QPS_ERR ||
      peer->state < IBV_QPS_RTR) {
    if (peer != nullptr && peer->state < IBV_QPS_RTR) misuse("a request to a queue pair that is not up");
    fail(pair, IBV_WC_RETRY_EXC_ERR);
    return true;
  }
  switch (work.opcode) {
    case IBV_WR_SEND: {
      auto& shared = *static_cast<Receives*>(peer->srq);
      if (shared.posted.empty()) {
        ++net().counts.rnr;
        return false;  // tried again
      }
      ++net().counts.sends;
      const Posted to = shared.posted.front();
      shared.posted.pop_front();
      std::byte* at = reach(to.piece.lkey, to.piece.addr, to.piece.length, IBV_ACCESS_LOCAL_WRITE, false);
      if (at == nullptr || work.data.size() > to.piece.length) {
        misuse("a SEND to memory that is not registered, or too short");
        fail(pair, IBV_WC_REM_OP_ERR);
        return true;
      }
      if (!work.data.empty()) std::memcpy(at, work.data.data(), work.data.size());
      ibv_wc done = completion(*peer, to.id, IBV_WC_SUCCESS, IBV_WC_RECV);
      done.byte_len = static_cast<std::uint32_t>(work.data.size());
      report(peer->recv_cq, done);
      break;
    }
    case IBV_WR_RDMA_WRITE:
      if (!work.data.empty() || (peer->access & IBV_ACCESS_REMOTE_WRITE) == 0) {
        misuse("a WRITE that is not allowed");
        peer->state = IBV_QPS_ERR;
        fail(pair, IBV_WC_REM_ACCESS_ERR);
        return true;
      }
      break;
    case IBV_WR_RDMA_READ: {
      ++net().counts.reads;
      const std::byte* from = reach(work.rkey, work.remote, work.piece.length, IBV_ACCESS_REMOTE_READ, true);
      if (from == nullptr || (peer->access & IBV_ACCESS_REMOTE_READ) == 0) {
        peer->state = IBV_QPS_ERR;
        fail(pair, IBV_WC_REM_ACCESS_ERR);
        return true;
      }
      std::byte* to = reach(work.piece.lkey, work.piece.addr, work.piece.length, IBV_ACCESS_LOCAL_WRITE, false);
      if (to == nullptr) {
        misuse("a READ to memory that is not registered");
        fail(pair, IBV_WC_LOC_PROT_ERR);
        return true;
      }
      std::memcpy(to, from, work.piece.length);
      net().counts.read_bytes += work.piece.length;
      break;
    }
    default:
      misuse("an opcode that the double does not have");
      break;
  }
  retire(pair, IBV_WC_SUCCESS);
  return true;
}

void run() {
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& [number, pair] : net().pairs) {
      if (step(*pair)) moved = true;
    }
  }
}

// --- the calls ---------------------------------------------------------------------------------------------

ibv_device** get_device_list(int* count) {
  const Lock lock;
  auto** list = new ibv_device*[net().devices.size() + 1];
  for (std::size_t i = 0; i < net().devices.size(); ++i) list[i] = net().devices[i].get();
  list[net().devices.size()] = nullptr;
  *count = static_cast<int>(net().devices.size());
  return list;
}
void free_device_list(ibv_device** list) { delete[] list; }
const char* get_device_name(ibv_device* device) { return static_cast<DeviceInfo*>(device)->name_text.c_str(); }

ibv_context* open_device(ibv_device* device) {
  const Lock lock;
  auto* context = new Context{};
  context->device = device;
  context->info = static_cast<DeviceInfo*>(device);
  context->async_fd = ::eventfd(0, EFD_NONBLOCK);
  context->info->contexts.push_back(context);
  return context;
}
int close_device(ibv_context* opened) {
  const Lock lock;
  auto* context = static_cast<Context*>(opened);
  std::erase(context->info->contexts, context);
  (void)::close(context->async_fd);
  delete context;
  return 0;
}
int query_device(ibv_context* context, ibv_device_attr_ex* out) {
  *out = {};
  const DoubleLimits& limits = static_cast<Context*>(context)->info->limits;
  out->orig_attr.phys_port_cnt = 1;
  out->orig_attr.max_qp = 1024;
  out->orig_attr.max_cqe = limits.max_cqe;
  out->orig_attr.max_srq_wr = limits.max_srq_wr;
  out->orig_attr.max_qp_rd_atom = 16;
  out->orig_attr.max_qp_init_rd_atom = 16;
  return 0;
}
int query_port(ibv_context* context, std::uint8_t port, ibv_port_attr* out) {
  *out = {};
  const DeviceInfo& info = *static_cast<Context*>(context)->info;
  if (port != 1) return EINVAL;
  out->state = info.limits.state;
  out->active_mtu = IBV_MTU_1024;
  out->max_msg_sz = 1u << 20;  // small, so that long reads go in parts
  out->gid_tbl_len = 4;
  out->lid = info.limits.infiniband ? info.number : 0;
  out->link_layer = info.limits.infiniband ? IBV_LINK_LAYER_INFINIBAND : IBV_LINK_LAYER_ETHERNET;
  return 0;
}
int query_gid(ibv_context* context, std::uint32_t, std::uint32_t index, ibv_gid_entry* out) {
  *out = {};
  const DeviceInfo& info = *static_cast<Context*>(context)->info;
  if (index > 2) return ENODATA;
  out->gid_index = index;
  out->gid_type = info.limits.infiniband ? IBV_GID_TYPE_IB : index == 0 ? IBV_GID_TYPE_ROCE_V1 : IBV_GID_TYPE_ROCE_V2;
  if (index == 2) {
    out->gid.raw[10] = out->gid.raw[11] = 0xff;
    out->gid.raw[12] = 10;
  } else {
    out->gid.raw[0] = 0xfe;
    out->gid.raw[1] = 0x80;
  }
  out->gid.raw[15] = info.number;
  return 0;
}
ibv_pd* alloc_pd(ibv_context* context) {
  auto* pd = new ibv_pd{};
  pd->context = context;
  return pd;
}
int dealloc_pd(ibv_pd* pd) {
  delete pd;
  return 0;
}
ibv_mr* reg_mr(ibv_pd* pd, void* base, std::size_t bytes, int access) {
  const Lock lock;
  if (net().memory_limit != 0 && net().memory_bytes + bytes > net().memory_limit) {
    errno = ENOMEM;
    return nullptr;
  }
  auto* memory = new Memory{};
  memory->context = pd->context;
  memory->pd = pd;
  memory->addr = base;
  memory->length = bytes;
  memory->access = access;
  memory->lkey = memory->rkey = net().next_key++;
  net().memory[memory->lkey] = memory;
  net().memory_bytes += bytes;
  ++net().counts.registrations;
  ++net().counts.live_registrations;
  return memory;
}
int dereg_mr(ibv_mr* memory) {
  const Lock lock;
  net().memory.erase(memory->lkey);
  net().memory_bytes -= memory->length;
  --net().counts.live_registrations;
  delete static_cast<Memory*>(memory);
  return 0;
}
ibv_comp_channel* create_comp_channel(ibv_context* context) {
  auto* channel = new Channel{};
  channel->context = context;
  channel->fd = ::eventfd(0, EFD_SEMAPHORE);
  return channel;
}
int destroy_comp_channel(ibv_comp_channel* channel) {
  (void)::close(channel->fd);
  delete static_cast<Channel*>(channel);
  return 0;
}
ibv_cq* create_cq(ibv_context* context, int depth, void*, ibv_comp_channel* channel, int) {
  auto* queue = new Queue{};
  queue->context = context;
  queue->channel = channel;
  queue->depth = depth;
  return queue;
}
int destroy_cq(ibv_cq* queue) {
  const Lock lock;
  delete static_cast<Queue*>(queue);
  return 0;
}
ibv_srq* create_srq(ibv_pd* pd, ibv_srq_init_attr* wanted) {
  auto* queue = new Receives{};
  queue->context = pd->context;
  queue->depth = wanted->attr.max_wr;
  return queue;
}
int destroy_srq(ibv_srq* queue) {
  const Lock lock;
  delete static_cast<Receives*>(queue);
  return 0;
}
ibv_qp* create_qp(ibv_pd* pd, ibv_qp_init_attr* wanted) {
  const Lock lock;
  const DoubleLimits& limits = static_cast<Context*>(pd->context)->info->limits;
  if (wanted->cap.max_inline_data > limits.max_inline) {
    errno = EINVAL;
    return nullptr;
  }
  auto* pair = new Pair{};
  pair->context = pd->context;
  pair->pd = pd;
  pair->send_cq = wanted->send_cq;
  pair->recv_cq = wanted->recv_cq;
  pair->srq = wanted->srq;
  pair->qp_type = wanted->qp_type;
  pair->cap = wanted->cap;
  pair->signal_all = wanted->sq_sig_all != 0;
  pair->state = IBV_QPS_RESET;
  pair->qp_num = net().next_number++;
  net().pairs[pair->qp_num] = pair;
  return pair;
}
int modify_qp(ibv_qp* given, ibv_qp_attr* attributes, int mask) {
  const Lock lock;
  auto* pair = static_cast<Pair*>(given);
  if ((mask & IBV_QP_STATE) == 0) return EINVAL;
  const bool reliable = pair->qp_type == IBV_QPT_RC;
  int need = IBV_QP_STATE;
  ibv_qp_state before = IBV_QPS_RESET;
  switch (attributes->qp_state) {
    case IBV_QPS_INIT:
      need |= IBV_QP_PKEY_INDEX | IBV_QP_PORT | (reliable ? IBV_QP_ACCESS_FLAGS : IBV_QP_QKEY);
      pair->access = static_cast<int>(attributes->qp_access_flags);
      break;
    case IBV_QPS_RTR:
      before = IBV_QPS_INIT;
      if (reliable) {
        need |= IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
                IBV_QP_MIN_RNR_TIMER;
        pair->peer = attributes->dest_qp_num;
        if (attributes->ah_attr.is_global == (info_of(*pair).limits.infiniband ? 1 : 0)) return EINVAL;
      }
      break;
    case IBV_QPS_RTS:
      before = IBV_QPS_RTR;
      need |= IBV_QP_SQ_PSN;
      if (reliable) need |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
      break;
    case IBV_QPS_ERR:
      fail(*pair, IBV_WC_WR_FLUSH_ERR);
      return 0;
    default:
      return EINVAL;
  }
  if (pair->state != before || mask != need) {
    misuse("a transition of a queue pair that devices refuse");
    return EINVAL;
  }
  pair->state = attributes->qp_state;
  return 0;
}
int destroy_qp(ibv_qp* given) {
  const Lock lock;
  net().pairs.erase(given->qp_num);
  delete static_cast<Pair*>(given);
  return 0;
}
ibv_ah* create_ah(ibv_pd* pd, ibv_ah_attr*) {
  auto* way = new ibv_ah{};
  way->pd = pd;
  return way;
}
int destroy_ah(ibv_ah* way) {
  delete way;
  return 0;
}
int get_cq_event(ibv_comp_channel* given, ibv_cq** queue, void** context) {
  const Lock lock;
  auto* channel = static_cast<Channel*>(given);
  if (channel->events.empty()) {
    errno = EAGAIN;
    return -1;
  }
  std::uint64_t one = 0;
  [[maybe_unused]] const auto got = ::read(channel->fd, &one, sizeof one);
  *queue = channel->events.front();
  *context = nullptr;
  channel->events.pop_front();
  return 0;
}
void ack_cq_events(ibv_cq*, unsigned) {}
int get_async_event(ibv_context* given, ibv_async_event* event) {
  const Lock lock;
  auto* context = static_cast<Context*>(given);
  if (context->events.empty()) {
    errno = EAGAIN;
    return -1;
  }
  *event = {};
  event->event_type = context->events.front();
  context->events.pop_front();
  std::uint64_t all = 0;
  if (context->events.empty()) [[maybe_unused]]
    const auto got = ::read(context->async_fd, &all, sizeof all);
  return 0;
}
void ack_async_event(ibv_async_event*) {}
const char* wc_status_str(ibv_wc_status status) { return status == IBV_WC_REM_ACCESS_ERR ? "remote access error" : "error"; }
const char* event_type_str(ibv_event_type type) { return type == IBV_EVENT_DEVICE_FATAL ? "local catastrophic error" : "event"; }

int post_send(ibv_qp* given, ibv_send_wr* work, ibv_send_wr** bad) {
  const Lock lock;
  auto* pair = static_cast<Pair*>(given);
  for (; work != nullptr; work = work->next) {
    *bad = work;
    if (pair->state != IBV_QPS_RTS && pair->state != IBV_QPS_ERR) {
      misuse("a request on a queue pair that is not up");
      return EINVAL;
    }
    if (pair->unretired >= pair->cap.max_send_wr) return ENOMEM;
    SendWork made;
    made.id = work->wr_id;
    made.opcode = work->opcode;
    made.signaled = pair->signal_all || (work->send_flags & IBV_SEND_SIGNALED) != 0;
    made.has_piece = work->num_sge != 0;
    if (made.has_piece) made.piece = work->sg_list[0];
    made.inlined = (work->send_flags & IBV_SEND_INLINE) != 0;
    if (made.inlined) {
      if (made.piece.length > pair->cap.max_inline_data) {
        misuse("an inline send that is too long");
        return EINVAL;
      }
      // NOLINTNEXTLINE(performance-no-int-to-ptr)
      const auto* from = reinterpret_cast<const std::byte*>(made.piece.addr);
      made.data.assign(from, from + made.piece.length);
    }
    made.remote = work->wr.rdma.remote_addr;
    made.rkey = work->wr.rdma.rkey;
    if (pair->qp_type == IBV_QPT_UD) made.datagram_qpn = work->wr.ud.remote_qpn;
    pair->sends.push_back(std::move(made));
    ++pair->unretired;
  }
  return 0;
}
int post_recv(ibv_qp* given, ibv_recv_wr* work, ibv_recv_wr**) {
  const Lock lock;
  auto* pair = static_cast<Pair*>(given);
  if (pair->receives.size() >= pair->cap.max_recv_wr) return ENOMEM;
  pair->receives.push_back({work->wr_id, work->sg_list[0]});
  return 0;
}
int post_srq_recv(ibv_srq* given, ibv_recv_wr* work, ibv_recv_wr**) {
  const Lock lock;
  auto* queue = static_cast<Receives*>(given);
  if (queue->posted.size() >= queue->depth) return ENOMEM;
  queue->posted.push_back({work->wr_id, work->sg_list[0]});
  return 0;
}
int poll_cq(ibv_cq* given, int most, ibv_wc* out) {
  const Lock lock;
  run();
  auto* queue = static_cast<Queue*>(given);
  if (queue->overrun) return -1;
  int got = 0;
  for (; got < most && !queue->done.empty(); ++got) {
    out[got] = queue->done.front();
    queue->done.pop_front();
  }
  return got;
}
int req_notify_cq(ibv_cq* queue, int) {
  const Lock lock;
  static_cast<Queue*>(queue)->armed = true;
  return 0;
}

}  // namespace

const verbs::Library& double_library() {
  static const verbs::Library table{get_device_list, free_device_list,     get_device_name, open_device,
                                    close_device,    query_device,         query_port,      query_gid,
                                    alloc_pd,        dealloc_pd,           reg_mr,          dereg_mr,
                                    create_comp_channel, destroy_comp_channel, create_cq,   destroy_cq,
                                    create_srq,      destroy_srq,          create_qp,       modify_qp,
                                    destroy_qp,      create_ah,            destroy_ah,      get_cq_event,
                                    ack_cq_events,   get_async_event,      ack_async_event, wc_status_str,
                                    event_type_str,  post_send,            post_recv,       post_srq_recv,
                                    poll_cq,         req_notify_cq};
  return table;
}

void double_reset() {
  const Lock lock;
  net().devices.clear();
  net().counts = {};
  net().lose = 0;
  net().faults.clear();
  net().memory_limit = 0;
}
void double_add_device(const std::string& name, const DoubleLimits& limits) {
  const Lock lock;
  auto made = std::make_unique<DeviceInfo>();
  made->name_text = name;
  made->limits = limits;
  made->number = static_cast<std::uint8_t>(net().devices.size() + 1);
  net().devices.push_back(std::move(made));
}
DoubleCounts double_counts() {
  const Lock lock;
  return net().counts;
}
void double_lose_datagrams(unsigned count) {
  const Lock lock;
  net().lose = count;
}
void double_fail_next(ibv_wr_opcode opcode, ibv_wc_status status) {
  const Lock lock;
  net().faults.emplace_back(opcode, status);
}
void double_silence(const std::string& name) {
  const Lock lock;
  for (auto& device : net().devices) {
    if (device->name_text == name) device->silent = true;
  }
}
void double_limit_memory(std::uint64_t bytes) {
  const Lock lock;
  net().memory_limit = bytes == 0 ? 0 : net().memory_bytes + bytes;
}
void double_event(const std::string& name, ibv_event_type type) {
  const Lock lock;
  for (auto& device : net().devices) {
    if (device->name_text != name) continue;
    for (Context* context : device->contexts) {
      context->events.push_back(type);
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(context->async_fd, &one, sizeof one);
    }
  }
}

}  // namespace tally::test
