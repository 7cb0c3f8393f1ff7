// SPDX-License-Identifier: BSD-3-Clause
// `tally info`: what this build and this machine offer.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/names.hpp"
#ifdef TALLY_HAVE_OFI
#include "drivers/ofi/provider.hpp"
#endif
#ifdef TALLY_HAVE_VERBS
#include "drivers/verbs/device.hpp"
#endif
#include "engine/numerics/reduce.hpp"
#include "job/launcher.hpp"
#include "launch/commands.hpp"
#include "launch/engines.hpp"
#include "launch/process_vm.hpp"
#include "schedule/schedule.hpp"
#include "tally/device.hpp"

namespace tally::launch {
namespace {

/// Providers of libfabric that can carry a job's frames, best first; a sentence where there is no libfabric.
nlohmann::ordered_json describe_network() {
  nlohmann::ordered_json network;
#ifdef TALLY_HAVE_OFI
  network["built_in"] = true;
  network["providers"] = nlohmann::ordered_json::array();
  try {
    for (const auto& offer : ofi::offers()) {
      network["providers"].push_back({{"provider", offer.provider},
                                      {"domain", offer.domain},
                                      {"address", offer.address},
                                      {"remote_reads", offer.remote_reads}});
    }
  } catch (const ofi::Error& error) {
    network["error"] = error.what();
  }
#else
  network["built_in"] = false;
#endif
  return network;
}

/// Ports of RDMA devices with their addresses and limits; a sentence where there is no libibverbs.
nlohmann::ordered_json describe_verbs() {
  nlohmann::ordered_json verbs;
#ifdef TALLY_HAVE_VERBS
  verbs["built_in"] = true;
  verbs["ports"] = nlohmann::ordered_json::array();
  try {
    for (const auto& offer : verbs::offers(verbs::library())) {
      auto gids = nlohmann::ordered_json::array();
      for (const auto& gid : offer.gids) {
        gids.push_back({{"index", gid.index}, {"type", gid.type}, {"address", gid.address}});
      }
      verbs["ports"].push_back({{"device", offer.device},
                                {"port", offer.port},
                                {"state", offer.state},
                                {"link", offer.link},
                                {"mtu_bytes", offer.mtu},
                                {"lid", offer.lid},
                                {"gids", gids},
                                {"max_queue_pairs", offer.max_qp},
                                {"max_shared_receives", offer.max_srq_wr},
                                {"max_reads", offer.max_reads},
                                {"atomics", offer.atomics},
                                {"on_demand_paging", offer.on_demand_paging},
                                {"tag_matching_entries", offer.tm_tags},
                                {"tag_matching_flags", offer.tm_flags}});
    }
  } catch (const verbs::Error& error) {
    verbs["error"] = error.what();
  }
#else
  verbs["built_in"] = false;
#endif
  return verbs;
}

nlohmann::ordered_json describe() {
  nlohmann::ordered_json info;
  info["version"] = TALLY_VERSION;
  info["cpus"] = std::thread::hardware_concurrency();
  info["process_vm_access"] = process_vm_works();
  for (const auto& engine : engines()) {
    const bool device = engine.kind == job::EngineKind::kRtl;
    nlohmann::ordered_json entry;
    entry["name"] = engine.name;
    entry["built_in"] = engine.built_in;
    entry["description"] = engine.description;
    entry["max_ranks"] = engine.max_ranks;
    entry["offloads_matching"] = device;
    entry["offloads_reductions"] = device;
    if (device) {
      entry["clock_mhz"] = device::kClockMhz;
      entry["lanes"] = device::kNumLanes;
      entry["mtu_bytes"] = device::kMtu;
      entry["posted_entries"] = device::kPostedEntries;
      entry["unexpected_entries"] = device::kUnexpectedEntries;
      entry["schedule_entries"] = device::kScheduleEntries;
      entry["collective_queue"] = device::kCollectiveQueue;
      entry["memory_regions"] = device::kMrEntries;
    }
    info["engines"].push_back(entry);
  }
  info["launchers"] = {"tally", "pmi1", "pmi2"};
  if (job::have_pmix()) info["launchers"].push_back("pmix");
  info["transports"]["shm"] = {{"built_in", true}};
  info["transports"]["ofi"] = describe_network();
  info["transports"]["verbs"] = describe_verbs();
  for (std::size_t k = 0; k < schedule::kCollectives; ++k) {
    const auto collective = static_cast<schedule::Collective>(k);
    info["algorithms"][schedule::name_of(collective)] = schedule::algorithms(collective);
  }
  // What is reduced by which operation; a type without one is moved only.
  for (const auto& dtype : api::kDtypes) {
    auto& ops = info["dtypes"][dtype.word] = nlohmann::ordered_json::array();
    for (const auto& op : api::kOps) {
      if (numerics::reduces(dtype.value, op.value)) ops.push_back(op.word);
    }
  }
  return info;
}

void print_text(const nlohmann::ordered_json& info) {
  fmt::print("tally {}\n", info["version"].get<std::string>());
  fmt::print("CPUs: {}\n", info["cpus"].get<unsigned>());
  fmt::print("process_vm_readv/writev between processes: {}\n",
             info["process_vm_access"].get<bool>() ? "works (devices reach the ranks' memory directly)"
                                                   : "forbidden (devices use the staging window)");
  fmt::print("engines\n");
  for (const auto& engine : info["engines"]) {
    fmt::print("  {:<6} {}{}\n", engine["name"].get<std::string>(), engine["description"].get<std::string>(),
               engine["built_in"].get<bool>() ? "" : " [not in this build]");
    for (const auto& [key, value] : engine.items()) {
      if (key == "name" || key == "description" || key == "built_in") continue;
      fmt::print("         {:<20} {}\n", key, value.dump());
    }
  }
  fmt::print("launchers: {}{}\n", fmt::join(info["launchers"].get<std::vector<std::string>>(), ", "),
             job::have_pmix() ? "" : " (pmix is not in this build)");
  fmt::print("transports of engine soft\n");
  fmt::print("  shm    ranks of one host\n");
  const auto& network = info["transports"]["ofi"];
  fmt::print("  ofi    ranks of several hosts, by libfabric{}\n",
             network["built_in"].get<bool>() ? "; best provider first" : " [not in this build]");
  if (network.contains("error")) fmt::print("         {}\n", network["error"].get<std::string>());
  if (network.contains("providers")) {
    for (const auto& offer : network["providers"]) {
      fmt::print("         {:<14} {:<10} {}{}\n", offer["provider"].get<std::string>(),
                 offer["domain"].get<std::string>(), offer["address"].get<std::string>(),
                 offer["remote_reads"].get<bool>() ? "" : " (large messages in frames)");
    }
  }
  const auto& verbs = info["transports"]["verbs"];
  fmt::print("  verbs  ranks of several hosts, by RDMA hardware (engine verbs){}\n",
             verbs["built_in"].get<bool>() ? "" : " [not in this build]");
  if (verbs.contains("error")) fmt::print("         {}\n", verbs["error"].get<std::string>());
  if (verbs.contains("ports")) {
    if (verbs["ports"].empty()) fmt::print("         no RDMA device\n");
    for (const auto& port : verbs["ports"]) {
      const auto tags = port["tag_matching_entries"].get<unsigned>();
      fmt::print("         {}:{} {}, {}, MTU {}, LID {}, {} READs, tag matching: {}, on-demand paging: {}, atomics: {}\n",
                 port["device"].get<std::string>(), port["port"].get<unsigned>(), port["state"].get<std::string>(),
                 port["link"].get<std::string>(), port["mtu_bytes"].get<unsigned>(), port["lid"].get<unsigned>(),
                 port["max_reads"].get<unsigned>(), tags == 0 ? "no" : fmt::format("{} entries", tags),
                 port["on_demand_paging"].get<bool>() ? "yes" : "no", port["atomics"].get<bool>() ? "yes" : "no");
      for (const auto& gid : port["gids"]) {
        fmt::print("           GID {:<3} {:<7} {}\n", gid["index"].get<unsigned>(), gid["type"].get<std::string>(),
                   gid["address"].get<std::string>());
      }
    }
  }
  fmt::print("algorithms\n");
  for (const auto& [collective, names] : info["algorithms"].items()) {
    fmt::print("  {:<14} {}\n", collective, fmt::join(names.get<std::vector<std::string>>(), ", "));
  }
  fmt::print("element types, and the operations that reduce them\n");
  for (const auto& [dtype, ops] : info["dtypes"].items()) {
    fmt::print("  {:<14} {}\n", dtype, fmt::join(ops.get<std::vector<std::string>>(), ", "));
  }
}

}  // namespace

void add_info_command(CLI::App& app, CommandContext& context) {
  auto json = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("info", "Show engines, limits and algorithms of this build");
  command->footer("Example: tally info --json");
  command->add_flag("--json", *json, "As one JSON object");
  command->callback([json, &context] {
    if (!context.after_dashes.empty()) {
      return usage_error(context, "info", fmt::format("unexpected argument '{}'", context.after_dashes.front()));
    }
    const auto info = describe();
    if (*json) {
      fmt::print("{}\n", info.dump(2));
    } else {
      print_text(info);
    }
  });
}

}  // namespace tally::launch
