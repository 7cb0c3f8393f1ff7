// SPDX-License-Identifier: BSD-3-Clause
// Error handlers (MPI 5.0, 9.3 and 9.4) and what is done when a call has failed.
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include "core/comm.hpp"
#include "core/errors.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/lock.hpp"
#include "core/runtime.hpp"

namespace tally::mpi {
namespace {

constexpr std::chrono::seconds kLaunchersTime{3};

void check_function(bool null, const char* name) {
  if (null) fail(MPI_ERR_ARG, "{} is NULL", name);
}

MPI_Errhandler make_errhandler(MPI_Comm_errhandler_function* for_comm, void (*for_other)()) {
  auto* made = new Errhandler(Errhandler::Does::kCall);
  made->comm_function = for_comm;
  made->other_function = for_other;
  return handle(made);
}

/// Of files that are opened later.
Ref<Errhandler>& of_files() {
  static auto* const instance =
      new Ref<Errhandler>(Ref<Errhandler>::share(&get_errhandler(MPI_ERRORS_RETURN)));
  return *instance;
}

/// Windows and files have no objects here, so that no handle of them is valid.
[[noreturn]] void no_window() {
  fail(MPI_ERR_WIN, "win is not a window of this program: windows are not served");
}
[[noreturn]] void no_file() {
  fail(MPI_ERR_FILE, "file is not a file of this program: files are not served");
}

}  // namespace

void die(const char* function, const Comm* comm, const std::string& text, int code) noexcept {
  // Another process has failed and has told why. The launcher ends this one in a moment: its report and code
  // would hide those.
  if (code == MPI_ERR_PROC_ABORTED) std::this_thread::sleep_for(kLaunchersTime);
  // One write: reports of several ranks do not mix.
  try {
    std::string report = "tally: ";
    if (runtime.world != nullptr)
      report += fmt::format("rank {} of {}: ", runtime.job_rank, runtime.job_size);
    report += function == nullptr ? "MPI" : function;
    if (comm != nullptr) report += fmt::format(" on communicator {}", describe(*comm));
    report += fmt::format(" failed: {}\n", text);
    std::fflush(nullptr);
    std::size_t done = 0;
    while (done < report.size()) {
      const ssize_t wrote = ::write(STDERR_FILENO, report.data() + done, report.size() - done);
      if (wrote <= 0) break;
      done += static_cast<std::size_t>(wrote);
    }
  } catch (...) {
  }
  const int status = code & 0xff;
  ::_exit(status == 0 ? 1 : status);
}

namespace {

/// Of failures: errors are handled behind the call's lock, references are counted under it. Not where the function of
/// an MPI_Op has failed: the lock comes before what its thread holds.
std::unique_lock<Lock> lock_references() {
  return runtime.locks && current_call.operations == 0 ? std::unique_lock(runtime.mutex) : std::unique_lock<Lock>();
}

/// Keeps an error handler while its function runs, which may free it.
class Kept {
 public:
  explicit Kept(Errhandler* handler) : lock_(lock_references()), handler_(Ref<Errhandler>::share(handler)) { unlock(); }
  explicit Kept(const Comm& comm) : lock_(lock_references()), handler_(comm.errhandler) { unlock(); }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() {
    if (lock_.mutex() != nullptr) lock_.lock();
    handler_ = {};
  }
  Errhandler& operator*() const noexcept { return *handler_; }

 private:
  void unlock() {
    if (lock_.owns_lock()) lock_.unlock();
  }
  std::unique_lock<Lock> lock_;
  Ref<Errhandler> handler_;
};

/// `comm`: what the report names.
int act(Errhandler& errhandler, const Comm* comm, void* handle_address, const char* function,
        const Error& error) noexcept {
  remember_failure(error.error_class, function, error.text);
  try {
    switch (errhandler.does) {
      case Errhandler::Does::kReturn:
        break;
      case Errhandler::Does::kCall: {
        int code = error.error_class;
        std::optional<WithoutLock> without;  // of MPI_Comm_call_errhandler: failures come behind it
        if (current_call.operations == 0) without.emplace();
        if (errhandler.comm_function != nullptr) {
          errhandler.comm_function(static_cast<MPI_Comm*>(handle_address), &code, nullptr);
        } else if (errhandler.other_function != nullptr) {
          reinterpret_cast<void (*)(void*, int*, ...)>(errhandler.other_function)(handle_address, &code,
                                                                                  nullptr);
        }
        break;
      }
      case Errhandler::Does::kAbort:
      case Errhandler::Does::kFatal:
        die(function, comm, with_class(error.error_class, error.text), error.error_class);
    }
  } catch (...) {
    // What the program's function throws has no place to go to.
    die(function, comm, "the error handler threw an exception", error.error_class);
  }
  return error.error_class;
}

}  // namespace

int raise(Comm* comm, const char* function, const Error& error) noexcept {
#ifdef TALLY_MPI_OPENMPI_ABI
  Comm* const of_others = runtime.world;  // MPI 3.1, 8.3
#else
  Comm* const of_others = runtime.self;  // since MPI 4.0
#endif
  Comm* const by = comm == nullptr ? of_others : comm;
  if (by == nullptr) {
    Errhandler initial(Errhandler::Does::kFatal, true);
    return act(initial, nullptr, nullptr, function, error);
  }
  MPI_Comm address = handle(by);
  const Kept handler(*by);
  return act(*handler, comm, &address, function, error);
}

int raise_by(Errhandler* errhandler, void* handle_address, const char* function,
             const Error& error) noexcept {
  const Kept handler(errhandler);
  return act(*handler, nullptr, handle_address, function, error);
}

// --- error handlers as objects
// ------------------------------------------------------------------------------

void Comm_create_errhandler(MPI_Comm_errhandler_function* comm_errhandler_fn, MPI_Errhandler* errhandler) {
  check_function(comm_errhandler_fn == nullptr, "comm_errhandler_fn");
  check_function(errhandler == nullptr, "errhandler");
  *errhandler = make_errhandler(comm_errhandler_fn, nullptr);
}
void Win_create_errhandler(MPI_Win_errhandler_function* win_errhandler_fn, MPI_Errhandler* errhandler) {
  check_function(win_errhandler_fn == nullptr, "win_errhandler_fn");
  check_function(errhandler == nullptr, "errhandler");
  *errhandler = make_errhandler(nullptr, reinterpret_cast<void (*)()>(win_errhandler_fn));
}
void File_create_errhandler(MPI_File_errhandler_function* file_errhandler_fn, MPI_Errhandler* errhandler) {
  check_function(file_errhandler_fn == nullptr, "file_errhandler_fn");
  check_function(errhandler == nullptr, "errhandler");
  *errhandler = make_errhandler(nullptr, reinterpret_cast<void (*)()>(file_errhandler_fn));
}

void Comm_set_errhandler(MPI_Comm comm, MPI_Errhandler errhandler) {
  Comm& object = get_comm(comm);
  Errhandler& with = get_errhandler(errhandler);
  if (with.other_function != nullptr)
    fail(MPI_ERR_ARG, "errhandler was made for windows, files or sessions, not for communicators");
  object.errhandler = Ref<Errhandler>::share(&with);
}
void Comm_get_errhandler(MPI_Comm comm, MPI_Errhandler* errhandler) {
  check_function(errhandler == nullptr, "errhandler");
  Comm& object = get_comm(comm);
  *errhandler = handle(retain(object.errhandler.get()));
}
void Comm_call_errhandler(MPI_Comm comm, int errorcode) {
  Comm& object = get_comm(comm);
  int error_class = MPI_SUCCESS;
  Error_class(errorcode, &error_class);
  // Not a failure of this call: it succeeds when the handler returns.
  MPI_Comm address = comm;
  const Kept handler(object);
  act(*handler, &object, &address, "MPI_Comm_call_errhandler",
      Error{errorcode, "called by the program", {}});
}
void Win_set_errhandler(MPI_Win, MPI_Errhandler) { no_window(); }
void Win_get_errhandler(MPI_Win, MPI_Errhandler*) { no_window(); }
void Win_call_errhandler(MPI_Win, int) { no_window(); }

// MPI_FILE_NULL stands for the files that are opened later (14.7).
void File_set_errhandler(MPI_File file, MPI_Errhandler errhandler) {
  if (file != MPI_FILE_NULL) no_file();
  Errhandler& with = get_errhandler(errhandler);
  if (with.comm_function != nullptr)
    fail(MPI_ERR_ARG, "errhandler was made for communicators, not for files");
  of_files() = Ref<Errhandler>::share(&with);
}
void File_get_errhandler(MPI_File file, MPI_Errhandler* errhandler) {
  if (file != MPI_FILE_NULL) no_file();
  check_function(errhandler == nullptr, "errhandler");
  *errhandler = handle(retain(of_files().get()));
}
void File_call_errhandler(MPI_File file, int errorcode) {
  if (file != MPI_FILE_NULL) no_file();
  int error_class = MPI_SUCCESS;
  Error_class(errorcode, &error_class);
  MPI_File address = file;
  raise_by(of_files().get(), &address, "MPI_File_call_errhandler",
           Error{errorcode, "called by the program", {}});
}

void Errhandler_free(MPI_Errhandler* errhandler) {
  check_function(errhandler == nullptr, "errhandler");
  Errhandler& object = get_errhandler(*errhandler);
  give_back(&object);
  *errhandler = MPI_ERRHANDLER_NULL;
}

}  // namespace tally::mpi
