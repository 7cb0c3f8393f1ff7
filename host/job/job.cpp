// SPDX-License-Identifier: BSD-3-Clause
#include "job/job.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "drivers/shm/layout.hpp"
#include "drivers/sim/attach.hpp"
#include "job/futex.hpp"

namespace tally::job {
namespace {

constexpr std::uint64_t kPage = 4096;

constexpr std::uint64_t page_up(std::uint64_t bytes) noexcept { return (bytes + kPage - 1) / kPage * kPage; }

std::string reason() { return std::strerror(errno); }

std::byte* map(int fd, std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

std::uint64_t soft_bytes(std::uint32_t ranks) { return shm::area_bytes(ranks); }
std::uint64_t sim_bytes(std::uint32_t ranks) { return sizeof(sim::Area) + ranks * sizeof(sim::Window); }

/// Whether [offset, offset + bytes) is page-aligned and within the segment.
bool within(const Header& header, std::uint64_t offset, std::uint64_t bytes) {
  return offset % kPage == 0 && offset >= sizeof(Header) && offset <= header.segment_bytes &&
         bytes <= header.segment_bytes - offset;
}

/// Why the mapped header cannot be used, or an empty string.
std::string fault(const Header& header, std::uint64_t file_bytes) {
  if (header.magic != kMagic) return "it is not a Tally job segment";
  if (header.version != kVersion) {
    return fmt::format("its version is {}, this library has {}", header.version, kVersion);
  }
  if (header.header_bytes != sizeof(Header)) {
    return fmt::format("its header has {} bytes, this library's {}", header.header_bytes, sizeof(Header));
  }
  if (header.segment_bytes != file_bytes) {
    return fmt::format("it has {} bytes, its header says {}", file_bytes, header.segment_bytes);
  }
  if (header.ranks < 1 || header.ranks > kMaxRanks) {
    return fmt::format("its header says {} ranks (1 to {})", header.ranks, kMaxRanks);
  }
  if (header.engine != EngineKind::kSoft && header.engine != EngineKind::kRtl && header.engine != EngineKind::kVerbs) {
    return fmt::format("its header names engine {}", static_cast<std::uint32_t>(header.engine));
  }
  const bool soft = header.engine != EngineKind::kRtl;
  const std::uint64_t need = soft ? soft_bytes(header.ranks) : sim_bytes(header.ranks);
  const std::uint64_t bytes = soft ? header.shm_bytes : header.sim_bytes;
  if (bytes != need || !within(header, soft ? header.shm_offset : header.sim_offset, bytes)) {
    return fmt::format("its engine area has {} bytes, this library's {}", bytes, need);
  }
  if (!within(header, header.counters_offset, header.ranks * kCountersBytes)) {
    return fmt::format("its counters area at {} is outside", header.counters_offset);
  }
  return {};
}

}  // namespace

Segment Segment::create(std::uint32_t ranks, EngineKind engine, bool counters) {
  if (ranks < 1 || ranks > kMaxRanks) {
    throw Error(fmt::format("ranks: {} is out of range (1 to {})", ranks, kMaxRanks));
  }
  const bool soft = engine != EngineKind::kRtl;
  const std::uint64_t area_offset = page_up(sizeof(Header));
  const std::uint64_t area_bytes = soft ? soft_bytes(ranks) : sim_bytes(ranks);
  const std::uint64_t counters_offset = page_up(area_offset + area_bytes);
  const std::uint64_t bytes = page_up(counters_offset + ranks * kCountersBytes);

  const int fd = ::memfd_create("tally-job", MFD_CLOEXEC);
  if (fd < 0) throw Error(fmt::format("cannot make the job segment: {}", reason()));
  std::byte* base = nullptr;
  if (::ftruncate(fd, static_cast<off_t>(bytes)) == 0) base = map(fd, bytes);
  if (base == nullptr) {
    const std::string why = reason();
    ::close(fd);
    throw Error(fmt::format("cannot make a job segment of {} bytes: {}", bytes, why));
  }
  Segment segment(base, bytes, fd);
  Header& header = segment.header();  // zeroed by the kernel
  header.version = kVersion;
  header.header_bytes = sizeof(Header);
  header.segment_bytes = bytes;
  header.ranks = ranks;
  header.ranks_here = ranks;
  header.engine = engine;
  header.cpus = std::max(1u, std::thread::hardware_concurrency());
  header.counters = counters ? 1 : 0;
  header.group_contexts[0].store(1, std::memory_order_relaxed);
  (soft ? header.shm_offset : header.sim_offset) = area_offset;
  (soft ? header.shm_bytes : header.sim_bytes) = area_bytes;
  header.counters_offset = counters_offset;
  if (::getrandom(&header.id, sizeof header.id, 0) != sizeof header.id)
    throw Error(fmt::format("cannot draw a random number for the job: {}", reason()));
  header.magic = kMagic;
  return segment;
}

Segment Segment::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) throw Error(fmt::format("cannot open the job segment {}: {}", path, reason()));
  struct stat info {};
  std::string why;
  std::byte* base = nullptr;
  if (::fstat(fd, &info) != 0) {
    why = reason();
  } else if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) < sizeof(Header)) {
    why = "it is not a Tally job segment";
  } else if (base = map(fd, static_cast<std::size_t>(info.st_size)); base == nullptr) {
    why = reason();
  }
  ::close(fd);
  if (base == nullptr) throw Error(fmt::format("cannot use the job segment {}: {}", path, why));
  Segment segment(base, static_cast<std::size_t>(info.st_size), -1);
  why = fault(segment.header(), static_cast<std::uint64_t>(info.st_size));
  if (!why.empty()) throw Error(fmt::format("cannot use the job segment {}: {}", path, why));
  return segment;
}

Segment::Segment(Segment&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), bytes_(other.bytes_), fd_(std::exchange(other.fd_, -1)) {}

Segment& Segment::operator=(Segment&& other) noexcept {
  if (this != &other) {
    reset();
    base_ = std::exchange(other.base_, nullptr);
    bytes_ = other.bytes_;
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Segment::~Segment() { reset(); }

void Segment::reset() noexcept {
  if (base_ != nullptr) ::munmap(base_, bytes_);
  if (fd_ >= 0) ::close(fd_);
}

std::string Segment::path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), fd_); }

CountersRecord& Segment::counters(std::uint32_t rank) const noexcept {
  return *reinterpret_cast<CountersRecord*>(base_ + header().counters_offset + rank * kCountersBytes);
}

void wake(Header& header, std::uint32_t rank) noexcept {
  RankRecord& record = header.rank[rank];
  // The fence orders the caller's stores before the look at `sleeping`; sleep() has its counterpart.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (record.sleeping.load(std::memory_order_relaxed) == 0) return;
  record.wake.fetch_add(1, std::memory_order_release);
  futex_wake_all(record.wake);
}

void wake_all(Header& header) noexcept {
  for (std::uint32_t rank = 0; rank < header.ranks; ++rank) wake(header, rank);
}

void sleep(Header& header, std::uint32_t rank, std::uint32_t seen, std::uint32_t timeout_us) noexcept {
  futex_wait(header.rank[rank].wake, seen, std::chrono::microseconds(timeout_us));
}

const char* engine_name(EngineKind kind) noexcept {
  switch (kind) {
    case EngineKind::kSoft:
      return "soft";
    case EngineKind::kVerbs:
      return "verbs";
    case EngineKind::kRtl:
      break;
  }
  return "rtl";
}

bool engine_kind(std::string_view name, EngineKind* kind) noexcept {
  for (const EngineKind one : {EngineKind::kSoft, EngineKind::kRtl, EngineKind::kVerbs}) {
    if (name != engine_name(one)) continue;
    *kind = one;
    return true;
  }
  return false;
}

}  // namespace tally::job
