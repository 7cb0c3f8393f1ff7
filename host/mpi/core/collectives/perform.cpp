// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/perform.hpp"

#include <optional>

#include "core/collectives/engine_call.hpp"
#include "core/collectives/tasks.hpp"
#include "core/error.hpp"
#include "core/handles.hpp"
#include "core/request.hpp"

namespace tally::mpi::collectives {

namespace {

/// A call that outlives its function, with references to the objects that it needs.
struct CollectivePlan final : Plan {
  explicit CollectivePlan(const Call& of)
      : call(of),
        op(Ref<Op>::share(of.op)),
        sent(Ref<Datatype>::share(of.send.type)),
        received(Ref<Datatype>::share(of.receive.type)) {}

  void start(Request& request) override {
    if (!engine_does(call)) {
      request.type = Request::Type::kTask;
      request.task = task_of(call);
      launch(request);
      return;
    }
    request.type = Request::Type::kCollective;
    engine.emplace(call);
    request.engine = start_engine([this](tally_request** started) { return engine->start(started); });
  }
  void finish(Request& request) override {
    if (!engine) return;
    if (request.failure == MPI_SUCCESS) engine->finish();
    engine.reset();
  }

  Call call;
  Ref<Op> op;
  Ref<Datatype> sent;
  Ref<Datatype> received;
  std::optional<EngineCall> engine;
};

/// A new request of the call, not yet started.
std::unique_ptr<Request> request_of(const Call& call) {
  auto request = std::make_unique<Request>(Request::Type::kCollective);
  request->comm = Ref<Comm>::share(call.comm);
  request->function = name(call.kind);
  return request;
}

}  // namespace

void perform(const Call& call) {
  if (!engine_does(call)) return run(task_of(call));
  EngineCall engine(call);
  tally_request* const request = start_engine([&](tally_request** started) { return engine.start(started); });
  check(wait_engine(request, nullptr));
  if (engine.stages()) engine.finish();
}

void start(const Call& call, MPI_Request* out) {
  std::unique_ptr<Request> request = request_of(call);
  if (engine_does(call) && !call.reduces()) {
    EngineCall direct(call);
    if (!direct.stages()) {  // nothing to do at the end: no plan
      request->engine = start_engine([&](tally_request** started) { return direct.start(started); });
      *out = handle(request.release());
      return;
    }
  }
  request->plan = std::make_unique<CollectivePlan>(call);
  request->plan->start(*request);
  *out = handle(request.release());
}

void prepare(const Call& call, MPI_Request* out) {
  std::unique_ptr<Request> request = request_of(call);
  request->plan = std::make_unique<CollectivePlan>(call);
  request->persistent = true;
  request->active = false;
  *out = handle(request.release());
}

}  // namespace tally::mpi::collectives
