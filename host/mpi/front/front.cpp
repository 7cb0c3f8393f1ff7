// SPDX-License-Identifier: BSD-3-Clause
#include "front/front.hpp"

#include <new>

#include "core/errors.hpp"
#include "core/handles.hpp"
#include "core/session.hpp"

namespace tally::mpi::front {

namespace {

/// What was thrown, as an Error; with it the exception's end.
Error caught() noexcept {
  try {
    throw;
  } catch (Error& error) {
    return std::move(error);
  } catch (const datatype::Error& error) {
    return Error{class_of(error.fault()), error.what(), {}};
  } catch (const std::bad_alloc&) {
    return Error{MPI_ERR_NO_MEM, "out of memory", {}};
  } catch (const std::exception& error) {
    return Error{MPI_ERR_INTERN, error.what(), {}};
  } catch (...) {
    return Error{MPI_ERR_INTERN, "an exception of unknown type", {}};
  }
}

int give(const char* function, Holder holder, const Error& error) noexcept {
  Comm* comm = error.comm.get();
  switch (holder.kind()) {
    case Holder::Kind::kComm:
      if (comm == nullptr) comm = detail::find<Comm>(holder.handle(), Kind::kComm);
      break;
    case Holder::Kind::kFile:
      // The error handler of files is MPI_ERRORS_RETURN unless the program sets another one (MPI 5.0, 14.7).
      return raise_by(find_errhandler(MPI_ERRORS_RETURN), nullptr, function, error);
    case Holder::Kind::kSession: {
      Session* const session = detail::find<Session>(holder.handle(), tally::mpi::Kind::kSession);
      if (session == nullptr || comm != nullptr) break;
      MPI_Session address = tally::mpi::handle(session);
      return raise_by(session->errhandler.get(), &address, function, error);
    }
    case Holder::Kind::kErrhandler:
      if (Errhandler* const handler = detail::find<Errhandler>(holder.handle(), tally::mpi::Kind::kErrhandler)) {
        MPI_Session null = MPI_SESSION_NULL;
        return raise_by(handler, &null, function, error);
      }
      break;
    default:
      break;
  }
  return raise(comm, function, error);
}

Error unsupported() { return Error{MPI_ERR_UNSUPPORTED_OPERATION, "this function is not supported", {}}; }

}  // namespace

int failed(const char* function, Holder holder) noexcept {
  Error error = caught();
  const int code = give(function, holder, error);
  if (runtime.locks && error.comm && current_call.operations == 0) {
    const std::lock_guard lock(runtime.mutex);  // references are counted under it
    error.comm = {};
  }
  return code;
}

int failed_tool() noexcept { return caught().error_class; }

int out_of_time(const char* function) noexcept {
  const bool before = runtime.phase.load() == Runtime::Phase::kBefore;
  return give(function, Holder(),
              Error{MPI_ERR_OTHER, before ? "called before MPI_Init" : "called after MPI_Finalize", {}});
}

int unserved(const char* function, Holder holder) noexcept { return give(function, holder, unsupported()); }

int unserved_tool(const char*, Holder) noexcept { return MPI_T_ERR_NOT_SUPPORTED; }

void unserved_value(const char* function) noexcept {
  die(function, nullptr, unsupported().text, MPI_ERR_UNSUPPORTED_OPERATION);
}

void null_argument(const char* argument) { fail(MPI_ERR_ARG, "{} is NULL", argument); }

void too_large(const char* argument, long long value) {
  fail(MPI_ERR_VALUE_TOO_LARGE, "{} is {}, which an int does not hold", argument, value);
}

}  // namespace tally::mpi::front
