// SPDX-License-Identifier: BSD-3-Clause
// Start and end, versions, time and memory (MPI 5.0, chapter 11 and 10).
#include "core/environment.hpp"

#include <unistd.h>
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>

#include "core/attributes.hpp"
#include "core/comm.hpp"
#include "core/errors.hpp"
#include "core/functions.hpp"
#include "core/group.hpp"
#include "core/handles.hpp"
#include "core/info.hpp"
#include "core/request.hpp"
#include "core/runtime.hpp"
#include "core/session.hpp"
#include "core/topology.hpp"

namespace tally::mpi {

Runtime runtime;
constinit thread_local Call current_call;

namespace {

std::thread::id main_thread;
bool world_begun = false;  ///< MPI_Init was called; sessions open the library without it
bool world_over = false;   ///< MPI_Finalize has ended
bool closed = false;       ///< close_library() has run

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

tally_threads threads_of(int level) noexcept {
  if (level == MPI_THREAD_MULTIPLE) return TALLY_THREAD_MULTIPLE;
  if (level == MPI_THREAD_SERIALIZED) return TALLY_THREAD_SERIALIZED;
  if (level == MPI_THREAD_FUNNELED) return TALLY_THREAD_FUNNELED;
  return TALLY_THREAD_SINGLE;
}

Comm* make_world_comm(MPI_Comm predefined, const char* name, std::vector<int> ranks) {
  auto* comm = new Comm(true);
  comm->members = make_group(std::move(ranks));
  comm->rank = comm->members->rank;
  comm->size = comm->members->size();
  comm->name = name;
  comm->errhandler = Ref<Errhandler>::share(&get_errhandler(MPI_ERRORS_ARE_FATAL));
  if (predefined == MPI_COMM_SELF) {
    check(tally_group_create(runtime.endpoint, &runtime.job_rank, 1, &comm->group));
  }
  check(tally_group_channel(runtime.endpoint, comm->group, 1, &comm->internal));
  bind(predefined, *comm);
  return comm;
}

/// Ends when all processes have begun it. By messages, so that collectives that the program has left behind
/// are not in its way.
Task meet(Comm& world) {
  // Hensgen, Finkel, Manber, "Two Algorithms for Barrier Synchronization", 1988.
  const int tag = creation_tag(next_creation(world));
  for (int distance = 1; distance < world.size; distance *= 2) {
    Operations step;
    step.receive(world.internal, nullptr, 0, (world.rank - distance + world.size) % world.size, tag);
    step.send(world.internal, nullptr, 0, (world.rank + distance) % world.size, tag);
    co_await step.all();
  }
}

void close_library() {
  closed = true;
  conclude_abandoned();
  // The object stays: its error handler is that of calls behind the end.
  (void)tally_group_free(runtime.self->group);
  free_groups(true);
  // What the program has left under way keeps the endpoint busy: it then ends with the process, and disturbs
  // nobody, since all processes are here.
  const tally_status status = tally_endpoint_close(runtime.endpoint);
  if (status == TALLY_OK) runtime.endpoint = nullptr;
  if (status != TALLY_OK && status != TALLY_ERR_BUSY) check(status);
}

/// Sessions that are the only use of the library end with the process.
void close_at_exit() noexcept {
  if (runtime.endpoint == nullptr || closed || (world_begun && !world_over)) return;
  try {
    close_library();
  } catch (...) {
    // The process ends anyway.
  }
}

}  // namespace

void add_counters(void*, tally_counters* counters) noexcept {
  const std::uint64_t packed = runtime.packed_bytes;
  const std::uint64_t unpacked = runtime.unpacked_bytes;
  const std::uint64_t buffered = runtime.buffered_bytes;
  const std::uint64_t local = runtime.local_bytes;
  counters->cpu_copied_packing += packed;
  counters->cpu_copied_unpacking += unpacked;
  counters->cpu_copied_buffered += buffered;
  counters->cpu_copied_local += local;
  counters->cpu_copied_bytes += packed + unpacked + buffered + local;
  counters->cpu_reduced_bytes += runtime.cpu_reduced_bytes;
  counters->fallback_composed += runtime.composed;
}

int open_library(int required_level) {
  if (closed)
    fail(MPI_ERR_UNSUPPORTED_OPERATION,
         "called after MPI_Finalize has left the job, as it does unless a session was opened before");
  if (runtime.endpoint != nullptr) return runtime.thread_level;
  tally_options options{};
  options.size = sizeof options;
  options.memory_cache = 1;
  options.threads = threads_of(required_level);
  tally_status status = tally_endpoint_open_with(&options, &runtime.endpoint);
  if (status == TALLY_ERR_UNSUPPORTED && required_level == MPI_THREAD_MULTIPLE) {
    required_level = MPI_THREAD_SERIALIZED;
    options.threads = TALLY_THREAD_SERIALIZED;
    status = tally_endpoint_open_with(&options, &runtime.endpoint);
  }
  if (status != TALLY_OK) throw Error{MPI_ERR_OTHER, tally_last_error(), {}};
  check(tally_endpoint_on_wait(runtime.endpoint, describe_wait, nullptr));
  check(tally_endpoint_on_counters(runtime.endpoint, add_counters, nullptr));
  check(tally_endpoint_rank(runtime.endpoint, &runtime.job_rank));
  check(tally_endpoint_size(runtime.endpoint, &runtime.job_size));
  runtime.thread_level = required_level;
  runtime.locks = required_level == MPI_THREAD_MULTIPLE;
  std::vector<int> all(static_cast<std::size_t>(runtime.job_size));
  std::iota(all.begin(), all.end(), 0);
  runtime.world = make_world_comm(MPI_COMM_WORLD, "MPI_COMM_WORLD", std::move(all));
  runtime.self = make_world_comm(MPI_COMM_SELF, "MPI_COMM_SELF", {runtime.job_rank});
  fill_info_env(&get_info(MPI_INFO_ENV).entries);
  runtime.phase = Runtime::Phase::kInitialized;
  std::atexit(close_at_exit);
  return required_level;
}

// --- start and end
// ------------------------------------------------------------------------------------------

void Init(int* argc, char*** argv) {
  int provided = 0;
  Init_thread(argc, argv, MPI_THREAD_SINGLE, &provided);
}

void Init_thread(int*, char***, int required, int* provided) {
  check_out(provided, "provided");
  if (world_over) fail(MPI_ERR_OTHER, "called after MPI_Finalize");
  if (world_begun) fail(MPI_ERR_OTHER, "called a second time");
  if (required != MPI_THREAD_SINGLE && required != MPI_THREAD_FUNNELED && required != MPI_THREAD_SERIALIZED &&
      required != MPI_THREAD_MULTIPLE)
    fail(MPI_ERR_ARG, "required {} is not a thread level", required);
  const int level = open_library(required);
  main_thread = std::this_thread::get_id();
  world_begun = true;
  fill_info_env(&get_info(MPI_INFO_ENV).entries);
  *provided = level;
}

void Initialized(int* flag) {
  check_out(flag, "flag");
  *flag = world_begun;
}

void Finalized(int* flag) {
  check_out(flag, "flag");
  *flag = world_over;
}

void Finalize() {
  if (world_over) fail(MPI_ERR_OTHER, "called a second time");
  if (!world_begun) fail(MPI_ERR_OTHER, "called before MPI_Init");
  // First of all, while every call still works (11.2.4).
  delete_attributes(*runtime.self);
  run(meet(*runtime.world));
  world_over = true;
  if (uses_sessions()) return;  // there may be more of them: the library goes with the process
  close_library();
  runtime.phase = Runtime::Phase::kFinalized;
}

void Query_thread(int* provided) {
  check_out(provided, "provided");
  *provided = runtime.thread_level;
}

void Is_thread_main(int* flag) {
  check_out(flag, "flag");
  *flag = main_thread == std::this_thread::get_id();
}

void Abort(MPI_Comm comm, int errorcode) {
  const Comm* object = find_comm(comm);
  const std::string report = fmt::format(
      "tally: rank {} of {} called MPI_Abort{} with code {}\n", runtime.job_rank, runtime.job_size,
      object == nullptr ? std::string() : " on communicator " + describe(*object), errorcode);
  std::fflush(nullptr);
  const ssize_t wrote = ::write(STDERR_FILENO, report.data(), report.size());
  (void)wrote;
  // The launcher ends the job when a process ends with a code that is not 0. A process's code has 8 bits.
  const int status = errorcode & 0xff;
  ::_exit(status == 0 ? 1 : status);
}

void Pcontrol(int) {}

// --- versions and names
// -------------------------------------------------------------------------------------

void Get_version(int* version, int* subversion) {
  check_out(version, "version");
  check_out(subversion, "subversion");
  *version = MPI_VERSION;
  *subversion = MPI_SUBVERSION;
}

void Get_library_version(char* version, int* resultlen) {
  check_out(version, "version");
  check_out(resultlen, "resultlen");
#ifdef TALLY_MPI_OPENMPI_ABI
  const char* abi = "Open MPI 4";
#else
  const char* abi = "MPI 5.0 standard";
#endif
  const std::string text = fmt::format("Tally {}, {} ABI", tally_version(), abi);
  static_assert(MPI_MAX_LIBRARY_VERSION_STRING >= 128);
  std::memcpy(version, text.c_str(), text.size() + 1);
  *resultlen = static_cast<int>(text.size());
}

void Get_processor_name(char* name, int* resultlen) {
  check_out(name, "name");
  check_out(resultlen, "resultlen");
  char host[MPI_MAX_PROCESSOR_NAME] = {};
  if (::gethostname(host, sizeof host - 1) != 0) std::strcpy(host, "unknown");
  const std::size_t length = std::strlen(host);
  std::memcpy(name, host, length + 1);
  *resultlen = static_cast<int>(length);
}

void Get_hw_resource_info(MPI_Info* hw_info) {
  check_out(hw_info, "hw_info");
  auto* made = new Info();
  made->entries.emplace_back("mpi_shared_memory", "true");
  *hw_info = handle(made);
}

// --- time and memory
// ----------------------------------------------------------------------------------------

double Wtime() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double Wtick() {
  timespec tick{};
  if (::clock_getres(CLOCK_MONOTONIC, &tick) != 0) return 1e-9;
  return static_cast<double>(tick.tv_sec) + static_cast<double>(tick.tv_nsec) * 1e-9;
}

void Alloc_mem(MPI_Aint size, MPI_Info info, void* baseptr) {
  if (size < 0) fail(MPI_ERR_ARG, "size {} is negative", size);
  check_out(baseptr, "baseptr");
  std::size_t alignment = 64;
  if (info != MPI_INFO_NULL) {
    const std::string* wanted = find_info(get_info(info).entries, "mpi_minimum_memory_alignment");
    if (wanted != nullptr) {
      const long value = std::strtol(wanted->c_str(), nullptr, 10);
      if (value > 0 && std::has_single_bit(static_cast<unsigned long>(value)))
        alignment = std::max(alignment, static_cast<std::size_t>(value));
    }
  }
  void* block = nullptr;
  if (::posix_memalign(&block, alignment, std::max<std::size_t>(static_cast<std::size_t>(size), 1)) != 0)
    fail(MPI_ERR_NO_MEM, "size {}: out of memory", size);
  *static_cast<void**>(baseptr) = block;
}

void Free_mem(void* base) { std::free(base); }

void Get_address(const void* location, MPI_Aint* address) {
  check_out(address, "address");
  *address = reinterpret_cast<MPI_Aint>(location);
}

MPI_Aint Aint_add(MPI_Aint base, MPI_Aint disp) {
  return static_cast<MPI_Aint>(static_cast<std::uint64_t>(base) + static_cast<std::uint64_t>(disp));
}

MPI_Aint Aint_diff(MPI_Aint addr1, MPI_Aint addr2) {
  return static_cast<MPI_Aint>(static_cast<std::uint64_t>(addr1) - static_cast<std::uint64_t>(addr2));
}

}  // namespace tally::mpi
