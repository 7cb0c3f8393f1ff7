// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/verbs/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdint>

// The headers make macros of some names, which call others.
#undef ibv_query_port
#undef ibv_reg_mr

namespace tally::verbs {
namespace {

// Where a provider is older than an extended call the plain one is taken.
int (*plain_query_port)(ibv_context*, std::uint8_t, _compat_ibv_port_attr*) = nullptr;
int (*plain_query_device)(ibv_context*, ibv_device_attr*) = nullptr;
int (*plain_query_gid)(ibv_context*, std::uint32_t, std::uint32_t, ibv_gid_entry*, std::uint32_t,
                       std::size_t) = nullptr;

template <typename Function>
void find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(::dlsym(library, name));
  if (*function == nullptr) throw Error(fmt::format("libibverbs has no {}", name));
}

int query_device(ibv_context* context, ibv_device_attr_ex* attributes) {
  *attributes = {};
  if (verbs_context* extended = verbs_get_ctx_op(context, query_device_ex); extended != nullptr) {
    return extended->query_device_ex(context, nullptr, attributes, sizeof *attributes);
  }
  return plain_query_device(context, &attributes->orig_attr);
}

int query_port(ibv_context* context, std::uint8_t port, ibv_port_attr* attributes) {
  *attributes = {};
  if (verbs_context* extended = verbs_get_ctx_op(context, query_port); extended != nullptr) {
    return extended->query_port(context, port, attributes, sizeof *attributes);
  }
  return plain_query_port(context, port, reinterpret_cast<_compat_ibv_port_attr*>(attributes));
}

Library load() {
  void* library = ::dlopen("libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw Error(fmt::format("libibverbs cannot be loaded: {}", ::dlerror()));
  Library f;
  find(library, "ibv_get_device_list", &f.get_device_list);
  find(library, "ibv_free_device_list", &f.free_device_list);
  find(library, "ibv_get_device_name", &f.get_device_name);
  find(library, "ibv_open_device", &f.open_device);
  find(library, "ibv_close_device", &f.close_device);
  find(library, "ibv_query_device", &plain_query_device);
  find(library, "ibv_query_port", &plain_query_port);
  find(library, "_ibv_query_gid_ex", &plain_query_gid);
  f.query_device = query_device;
  f.query_port = query_port;
  f.query_gid = [](ibv_context* context, std::uint32_t port, std::uint32_t index, ibv_gid_entry* entry) {
    return plain_query_gid(context, port, index, entry, 0, sizeof *entry);
  };
  find(library, "ibv_alloc_pd", &f.alloc_pd);
  find(library, "ibv_dealloc_pd", &f.dealloc_pd);
  find(library, "ibv_reg_mr", &f.reg_mr);
  find(library, "ibv_dereg_mr", &f.dereg_mr);
  find(library, "ibv_create_comp_channel", &f.create_comp_channel);
  find(library, "ibv_destroy_comp_channel", &f.destroy_comp_channel);
  find(library, "ibv_create_cq", &f.create_cq);
  find(library, "ibv_destroy_cq", &f.destroy_cq);
  find(library, "ibv_create_srq", &f.create_srq);
  find(library, "ibv_destroy_srq", &f.destroy_srq);
  find(library, "ibv_create_qp", &f.create_qp);
  find(library, "ibv_modify_qp", &f.modify_qp);
  find(library, "ibv_destroy_qp", &f.destroy_qp);
  find(library, "ibv_create_ah", &f.create_ah);
  find(library, "ibv_destroy_ah", &f.destroy_ah);
  find(library, "ibv_get_cq_event", &f.get_cq_event);
  find(library, "ibv_ack_cq_events", &f.ack_cq_events);
  find(library, "ibv_get_async_event", &f.get_async_event);
  find(library, "ibv_ack_async_event", &f.ack_async_event);
  find(library, "ibv_wc_status_str", &f.wc_status_str);
  find(library, "ibv_event_type_str", &f.event_type_str);
  // Inline in the headers: calls of the provider.
  f.post_send = [](ibv_qp* qp, ibv_send_wr* work, ibv_send_wr** bad) { return ::ibv_post_send(qp, work, bad); };
  f.post_recv = [](ibv_qp* qp, ibv_recv_wr* work, ibv_recv_wr** bad) { return ::ibv_post_recv(qp, work, bad); };
  f.post_srq_recv = [](ibv_srq* queue, ibv_recv_wr* work, ibv_recv_wr** bad) {
    return ::ibv_post_srq_recv(queue, work, bad);
  };
  f.poll_cq = [](ibv_cq* queue, int most, ibv_wc* out) { return ::ibv_poll_cq(queue, most, out); };
  f.req_notify_cq = [](ibv_cq* queue, int solicited) { return ::ibv_req_notify_cq(queue, solicited); };
  // Registered pages must not become another process's at the next write after a fork. On kernels that copy
  // them at once this call costs nothing.
  int (*fork_init)() = nullptr;
  find(library, "ibv_fork_init", &fork_init);
  (void)fork_init();
  return f;
}

}  // namespace

const Library& library() {
  static const Library loaded = load();
  return loaded;
}

}  // namespace tally::verbs
