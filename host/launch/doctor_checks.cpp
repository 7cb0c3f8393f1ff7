// SPDX-License-Identifier: BSD-3-Clause
#include "launch/doctor_checks.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <thread>

#include "launch/process_vm.hpp"

namespace tally::launch {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;
/// What a RoCE packet has around its payload: GRH or IP, UDP, BTH, the longest extension headers, ICRC (the
/// kernel's reserve).
constexpr unsigned kRoceHeaders = 96;

/// First line of a file, without blanks at its end; empty when it cannot be read.
std::string line_of(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  (void)std::getline(file, line);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\n')) line.pop_back();
  return line;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

/// Names in a folder, sorted, numbers by their value; empty when it cannot be read.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (fs::directory_iterator at(folder, none), end; !none && at != end; at.increment(none)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() && number(a) && number(b) ? a.size() < b.size() : a < b;
  });
  return names;
}

bool there(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

std::string amount(std::uint64_t bytes) {
  if (bytes == kUnlimited) return "unlimited";
  return bytes >= kMiB ? fmt::format("{} MiB", bytes / kMiB) : fmt::format("{} KiB", bytes >> 10);
}

/// Processors that the control group's quota is worth; nothing when there is none (version 2, the group or
/// one above it).
std::optional<double> quota(const Machine& machine) {
  const std::string line = line_of(machine.root / "proc/self/cgroup");
  if (!line.starts_with("0::/")) return std::nullopt;
  std::optional<double> least;
  const fs::path top = machine.root / "sys/fs/cgroup";
  for (fs::path group = fs::path(line.substr(4));; group = group.parent_path()) {
    const std::string text = line_of(top / group / "cpu.max");
    const std::size_t blank = text.find(' ');
    if (blank != std::string::npos) {
      const auto time = number(text);
      const auto period = number(std::string_view(text).substr(blank + 1));
      if (time && period && *period != 0) {
        const double worth = static_cast<double>(*time) / static_cast<double>(*period);
        least = std::min(least.value_or(worth), worth);
      }
    }
    if (group.empty()) return least;
  }
}

void check_processors(const Machine& machine, std::vector<Finding>& findings) {
  const auto limit = quota(machine);
  const double worth = std::min<double>(machine.processors, limit.value_or(machine.processors));
  std::string text = fmt::format("{}", machine.processors);
  if (limit) text += fmt::format(", a quota of {:.3g}", *limit);
  if (machine.ranks == 0) {
    findings.push_back({Health::kNote, "processors", text + "; tell --ranks to compare", ""});
    return;
  }
  text += fmt::format("; {} ranks", machine.ranks);
  if (machine.ranks <= worth) {
    findings.push_back({Health::kGood, "processors", text, ""});
    return;
  }
  findings.push_back(
      {Health::kWarning, "processors", text,
       "ranks take turns and sleep instead of polling: start fewer, or give the job more processors"});
}

void check_process_vm(const Machine& machine, std::vector<Finding>& findings) {
  const std::string scope = line_of(machine.root / "proc/sys/kernel/yama/ptrace_scope");
  const std::string yama = scope.empty() ? "" : fmt::format(" (ptrace_scope {})", scope);
  if (machine.process_vm) {
    findings.push_back({Health::kGood, "process_vm_readv", "ranks reach each other's memory" + yama, ""});
    return;
  }
  const bool forbids = scope == "2" || scope == "3";
  findings.push_back({Health::kWarning, "process_vm_readv", "forbidden" + yama,
                      forbids
                          ? "large messages are copied twice: sysctl kernel.yama.ptrace_scope=1"
                          : "large messages are copied twice: let the container's seccomp profile allow it"});
}

void check_shared_memory(const Machine& machine, std::vector<Finding>& findings) {
  if (machine.shared_memory == 0) {
    findings.push_back({Health::kWarning, "/dev/shm", "absent",
                        "other MPI libraries and libfabric's shm provider need it: mount a tmpfs there"});
  } else if (machine.shared_memory < 256 * kMiB) {
    findings.push_back(
        {Health::kWarning, "/dev/shm", amount(machine.shared_memory),
         "little for other MPI libraries and libfabric's shm provider (docker run --shm-size); Tally's own "
         "segments are not there"});
  } else {
    findings.push_back({Health::kGood, "/dev/shm", amount(machine.shared_memory), ""});
  }
}

void check_huge_pages(const Machine& machine, std::vector<Finding>& findings) {
  const std::string modes = line_of(machine.root / "sys/kernel/mm/transparent_hugepage/enabled");
  const std::size_t open = modes.find('[');
  const std::size_t close = modes.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) {
    findings.push_back({Health::kNote, "huge pages", "this kernel has no transparent ones", ""});
    return;
  }
  const std::string mode = modes.substr(open + 1, close - open - 1);
  if (mode == "never") {
    findings.push_back({Health::kWarning, "huge pages", "transparent ones are off",
                        "registering large buffers takes an entry for each 4 KiB: "
                        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"});
  } else {
    findings.push_back({Health::kGood, "huge pages", "transparent ones: " + mode, ""});
  }
}

void check_locked_memory(const Machine& machine, bool devices, std::vector<Finding>& findings) {
  const std::string text = amount(machine.locked_memory);
  if (machine.locked_memory == kUnlimited) {
    findings.push_back({Health::kGood, "locked memory", text, ""});
  } else if (!devices) {
    findings.push_back({Health::kNote, "locked memory", text + "; only RDMA devices need it", ""});
  } else {
    findings.push_back(
        {Health::kWarning, "locked memory", text,
         "registering more fails: ulimit -l unlimited, for the launcher's daemons on each host too"});
  }
}

struct Gids {
  std::optional<unsigned> roce_v2_ipv4;  ///< index
  bool roce_v2 = false;
  bool any = false;
  std::string netdev;
};

Gids gids_of(const fs::path& port) {
  Gids gids;
  for (const std::string& index : names_in(port / "gids")) {
    const std::string gid = line_of(port / "gids" / index);
    if (gid.empty() || gid.find_first_not_of("0:") == std::string::npos) continue;
    gids.any = true;
    if (gids.netdev.empty()) gids.netdev = line_of(port / "gid_attrs/ndevs" / index);
    if (line_of(port / "gid_attrs/types" / index) != "RoCE v2") continue;
    gids.roce_v2 = true;
    if (!gids.roce_v2_ipv4 && gid.starts_with("0000:0000:0000:0000:0000:ffff:")) {
      gids.roce_v2_ipv4 = static_cast<unsigned>(number(index).value_or(0));
    }
  }
  return gids;
}

/// The greatest payload that an RDMA packet can have on an Ethernet of this MTU.
unsigned path_mtu(std::uint64_t ethernet) {
  unsigned mtu = 0;
  for (const unsigned size : {256u, 512u, 1024u, 2048u, 4096u}) {
    if (size + kRoceHeaders <= ethernet) mtu = size;
  }
  return mtu;
}

void check_roce(const Machine& machine, const std::string& name, const Gids& gids,
                std::vector<Finding>& findings) {
  if (!gids.any) {
    findings.push_back({Health::kProblem, name, "no GID: its Ethernet interface has no address or is down",
                        "ip link set INTERFACE up, and give it an address"});
    return;
  }
  if (gids.roce_v2_ipv4) {
    findings.push_back({Health::kGood, name,
                        fmt::format("RoCEv2 with an IPv4 address at GID index {}", *gids.roce_v2_ipv4), ""});
  } else {
    findings.push_back(
        {Health::kWarning, name,
         gids.roce_v2 ? "RoCEv2 with IPv6 addresses only" : "RoCE version 1 only, which no router forwards",
         "give its interface an IPv4 address (ip addr add); GIDs: ibv_devinfo -v"});
  }
  const auto ethernet = number(line_of(machine.root / "sys/class/net" / gids.netdev / "mtu"));
  if (gids.netdev.empty() || !ethernet) return;
  const unsigned mtu = path_mtu(*ethernet);
  const std::string text =
      fmt::format("packets of at most {} bytes ({} has an MTU of {})", mtu, gids.netdev, *ethernet);
  if (mtu == 4096) {
    findings.push_back({Health::kGood, name, text, ""});
  } else {
    findings.push_back(
        {Health::kWarning, name, text,
         fmt::format("more packets than need be: ip link set {} mtu 9000, if the switches let it",
                     gids.netdev)});
  }
}

void check_port(const Machine& machine, const std::string& name, const fs::path& port,
                std::vector<Finding>& findings) {
  const std::string state = line_of(port / "state");
  const std::string link = line_of(port / "link_layer");
  const std::string rate = line_of(port / "rate");
  if (state.find("ACTIVE") == std::string::npos) {
    findings.push_back({Health::kProblem, name,
                        fmt::format("{}: {}", link, state.empty() ? "state unknown" : state),
                        link == "Ethernet" ? "plug the cable in, and set its interface up"
                                           : "plug the cable in, and start a subnet manager (opensm)"});
    return;
  }
  findings.push_back({Health::kGood, name, fmt::format("{}: active, {}", link, rate), ""});
  if (link == "Ethernet") {
    check_roce(machine, name, gids_of(port), findings);
  } else if (line_of(port / "lid") == "0x0") {
    findings.push_back({Health::kProblem, name, "no LID", "start a subnet manager (opensm)"});
  }
}

/// The node of /dev by which programs use a device; empty when there is none.
std::string verbs_node(const Machine& machine, const std::string& device) {
  const fs::path nodes = machine.root / "sys/class/infiniband_verbs";
  for (const std::string& node : names_in(nodes)) {
    if (line_of(nodes / node / "ibdev") == device) return node;
  }
  return "";
}

void check_device(const Machine& machine, const std::string& device, std::vector<Finding>& findings) {
  const std::string node = verbs_node(machine, device);
  const fs::path file = machine.root / "dev/infiniband" / node;
  if (node.empty()) {
    findings.push_back(
        {Health::kProblem, device, "programs cannot use it: no uverbs device", "modprobe ib_uverbs"});
  } else if (!there(file)) {
    findings.push_back({Health::kProblem, device, fmt::format("no /dev/infiniband/{}", node),
                        "a container needs it: docker run --device=/dev/infiniband"});
  } else if (::access(file.c_str(), R_OK | W_OK) != 0) {
    findings.push_back({Health::kProblem, device,
                        fmt::format("/dev/infiniband/{} is closed to this user", node),
                        "install the package rdma-core, or chmod 666 the file"});
  }
  const fs::path folder = machine.root / "sys/class/infiniband" / device;
  const std::string translation = line_of(folder / "device/iommu_group/type");
  if (translation.starts_with("DMA")) {
    findings.push_back({Health::kWarning, device,
                        fmt::format("behind an IOMMU that translates ({})", translation),
                        "start the kernel with iommu=pt, unless the device is given to a virtual machine"});
  }
  for (const std::string& port : names_in(folder / "ports")) {
    check_port(machine, fmt::format("{}:{}", device, port), folder / "ports" / port, findings);
  }
}

}  // namespace

Machine this_machine(unsigned ranks) {
  Machine machine;
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    machine.locked_memory = limit.rlim_cur;
  struct statvfs shm {};
  if (::statvfs("/dev/shm", &shm) == 0) machine.shared_memory = std::uint64_t{shm.f_blocks} * shm.f_frsize;
  cpu_set_t set;
  machine.processors = ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set))
                                                                     : std::thread::hardware_concurrency();
  machine.ranks = ranks;
  machine.process_vm = process_vm_works();
  return machine;
}

std::vector<Finding> examine(const Machine& machine) {
  std::vector<Finding> findings;
  check_processors(machine, findings);
  check_process_vm(machine, findings);
  check_shared_memory(machine, findings);
  check_huge_pages(machine, findings);
  const auto devices = names_in(machine.root / "sys/class/infiniband");
  check_locked_memory(machine, !devices.empty(), findings);
  if (devices.empty()) {
    findings.push_back(
        {Health::kNote, "RDMA devices", "none: ranks of other hosts are reached over TCP", ""});
  }
  for (const std::string& device : devices) check_device(machine, device, findings);
  return findings;
}

const char* name_of(Health health) noexcept {
  switch (health) {
    case Health::kGood:
      return "good";
    case Health::kNote:
      return "note";
    case Health::kWarning:
      return "warning";
    case Health::kProblem:
      return "problem";
  }
  return "";
}

}  // namespace tally::launch
