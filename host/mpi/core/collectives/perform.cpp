// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/perform.hpp"

#include <exception>
#include <memory>
#include <vector>

#include "core/collectives/checking.hpp"
#include "core/collectives/engine_call.hpp"
#include "core/collectives/exchange.hpp"
#include "core/collectives/tasks.hpp"
#include "core/comm.hpp"
#include "core/error.hpp"
#include "core/handles.hpp"
#include "core/request.hpp"

namespace tally::mpi::collectives {

namespace {

/// A tag for the call's messages. Taken when it begins, in the order of the calls, and by all ranks or none.
void number(Call* call) {
  if (checking() || !engine_does(*call)) call->tag = take_tag(*call->comm);
}

/// A call that outlives its function, with references to the objects that it needs.
struct CollectivePlan final : Plan {
  CollectivePlan(const Call& of, Form how)
      : call(of),
        form(how),
        op(Ref<Op>::share(of.op)),
        sent(Ref<Datatype>::share(of.send.type)),
        received(Ref<Datatype>::share(of.receive.type)) {
    keep(of.send);
    keep(of.receive);
  }
  void keep(const Side& side) {
    for (int i = 0; side.types != nullptr && i < side.blocks; ++i) {
      if (side.count_of(i) != 0)
        each.push_back(Ref<Datatype>::share(&get_type(side.types[static_cast<std::size_t>(i)])));
    }
  }

  void start(Request& request) override;
  void finish(Request& request) override {
    if (engine == nullptr) return;
    if (request.failure == MPI_SUCCESS) engine->finish();
    engine.reset();
  }

  Call call;
  Form form;
  Ref<Op> op;
  Ref<Datatype> sent;
  Ref<Datatype> received;
  std::vector<Ref<Datatype>> each;  ///< of alltoallw
  Ref<Comm> own;  ///< persistent: starts match by the order of the inits (MPI 5.0, 6.13), so each request has messages of its own
  std::unique_ptr<EngineCall> engine;
};

/// In the checking mode a started call is compared while it runs: the ranks may start it at any time.
/// `started`: with the engine.
Task run_checked(CollectivePlan& plan, tally_request* started) {
  std::exception_ptr differs;
  try {
    co_await compare_calls(plan.call, plan.form);
  } catch (...) {
    differs = std::current_exception();
  }
  if (differs) {
    (void)plan.engine
        .release();  // the engine may go on with the memory that it was given, which therefore stays
    std::rethrow_exception(differs);
  }
  if (started == nullptr) {
    co_await task_of(plan.call);
    co_return;
  }
  Operations operation;
  operation.add([started](tally_request** request) {
    *request = started;
    return TALLY_OK;
  });
  co_await operation.all();
}

void CollectivePlan::start(Request& request) {
  tally_request* started = nullptr;
  if (form != Form::kPersistent) number(&call);
  if (engine_does(call)) {
    engine = std::make_unique<EngineCall>(call);
    started = start_engine([this](tally_request** out) { return engine->start(out); });
  }
  if (started != nullptr && !checking()) {
    request.type = Request::Type::kCollective;
    request.engine = started;
    return;
  }
  request.type = Request::Type::kTask;
  request.task = checking() ? run_checked(*this, started) : task_of(call);
  launch(request);
}

/// A new request of the call, not yet started.
std::unique_ptr<Request> request_of(const Call& call) {
  auto request = std::make_unique<Request>(Request::Type::kCollective);
  request->comm = Ref<Comm>::share(call.comm);
  request->function = name(call.kind);
  return request;
}

}  // namespace

void perform(Call&& call) {
  number(&call);
  if (checking()) run(compare_calls(call, Form::kBlocking));
  if (!engine_does(call)) return run(task_of(call));
  EngineCall engine(call);
  tally_request* const request = start_engine([&](tally_request** started) { return engine.start(started); });
  check(wait_engine(request, nullptr));
  engine.finish();
}

void start(const Call& call, MPI_Request* out) {
  if (out == nullptr) fail(MPI_ERR_REQUEST, "request is NULL");
  std::unique_ptr<Request> request = request_of(call);
  if (engine_does(call) && !EngineCall::stages(call) && !checking()) {
    EngineCall direct(call);
    request->engine = start_engine([&](tally_request** started) { return direct.start(started); });
  } else {
    request->plan = std::make_unique<CollectivePlan>(call, Form::kStarted);
    request->plan->start(*request);
  }
  *out = handle(request.release());
}

void prepare(const Call& call, MPI_Request* out) {
  if (out == nullptr) fail(MPI_ERR_REQUEST, "request is NULL");
  std::unique_ptr<Request> request = request_of(call);
  auto plan = std::make_unique<CollectivePlan>(call, Form::kPersistent);
  Comm& comm = *call.comm;
  plan->call.tag = take_tag(comm);
  if (engine_does(call) && !comm.inter() && comm.size > 1) {
    plan->own = new_comm(&comm);
    run(build(*plan->own, comm.members->ranks, creation_key(comm, next_creation(comm))));
    plan->call.group = plan->own->group;
  }
  request->plan = std::move(plan);
  request->persistent = true;
  request->active = false;
  *out = handle(request.release());
}

}  // namespace tally::mpi::collectives
