// SPDX-License-Identifier: BSD-3-Clause
// Tagged messages between two scripted hosts on the simulated fabric: simulated time, deterministic.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <vector>

#include "bench/messages.hpp"
#include "bench/scripted_host.hpp"
#include "engine/ring/ring_engine.hpp"
#include "sim/fabric/fabric.hpp"
#include "tally/device.hpp"

namespace tally::bench {
namespace {

constexpr std::uint64_t kMaxTotalBytes = std::uint64_t{32} << 20;  // of one row
constexpr unsigned kMinMessages = 8;
constexpr std::uint64_t kBufferBytes = std::uint64_t{64} << 20;  // of a host, where kMinSlots messages are not more
constexpr unsigned kMinSlots = 4;
// Ethernet, IPv4, UDP, BTH, ICRC; a SEND's message header; a READ response's AETH (on the first and last packet of a
// request only; counted on all, which makes the bound lower by 0.1 %). docs/wire.md.
constexpr double kFrameBytes = 14 + 20 + 8 + 12 + 4;
constexpr double kAethBytes = 4;

struct Host {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Buffer> buffer;
  std::uint32_t key = 0;
};

class Bench {
 public:
  Bench(const MessagesOptions& options, double loss)
      : options_(options), loss_(loss), config_(config_of(options, loss)), fabric_(config_, 2) {
    const std::uint64_t largest = *std::max_element(options.sizes.begin(), options.sizes.end());
    const std::uint64_t memory = std::max(stride(largest) * kMinSlots, std::min(stride(largest) * options.window, kBufferBytes));
    for (unsigned rank = 0; rank < 2; ++rank) {
      Host& host = hosts_[rank];
      host.engine = std::make_unique<ring::RingEngine>(fabric_.local_bar(rank), rank, 2);
      host.buffer = std::make_unique<Buffer>(memory);
      require(host.engine->register_memory(host.buffer->base(), host.buffer->bytes(), &host.key), "register");
    }
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i + 8 <= hosts_[0].buffer->bytes(); i += 8) {
      const std::uint64_t word = random();
      std::memcpy(hosts_[0].buffer->base() + i, &word, 8);
    }
  }

  MessagesRow run(std::uint64_t bytes) {
    const tally_counters before = counters();
    const std::uint64_t lost_before = frames_lost();
    MessagesRow row;
    row.bytes = bytes;
    row.loss = loss_;
    row.messages = std::max<unsigned>(
        kMinMessages, static_cast<unsigned>(std::min<std::uint64_t>(options_.count, kMaxTotalBytes / std::max<std::uint64_t>(bytes, 1))));
    row.rendezvous = bytes > device::kMaxPayload;
    total_ = row.messages;
    bytes_ = bytes;
    stride_ = stride(bytes);
    slots_ = static_cast<unsigned>(std::min<std::uint64_t>(options_.window, hosts_[0].buffer->bytes() / stride_));
    sent_ = sends_done_ = received_ = receives_done_ = 0;
    first_ps_ = last_ps_ = fabric_.now_ps();
    const auto limit = static_cast<std::uint64_t>(1e12);  // one simulated second: a hang ends with a report
    if (!fabric_.run_until([this] { return step(); }, limit)) {
      throw std::runtime_error(fmt::format("{} bytes: {} of {} messages came; {}{}", bytes, receives_done_, total_,
                                           hosts_[0].engine->describe_pending(), hosts_[1].engine->describe_pending()));
    }
    fabric_.run_for(20'000'000);  // what is still under way does not meet the next size
    row.nanoseconds = static_cast<double>(last_ps_ - first_ps_) / 1000.0;
    row.rate = row.messages / row.nanoseconds * 1e9;
    row.gbps = static_cast<double>(row.messages) * static_cast<double>(bytes) * 8.0 / row.nanoseconds;
    const double packets = row.rendezvous ? std::max(1.0, std::ceil(static_cast<double>(bytes) / device::kMtu)) : 1.0;
    const double headers = kFrameBytes + config_.frame_overhead_bytes + (row.rendezvous ? kAethBytes : double{device::kMsgHeaderBytes});
    row.link_gbps = config_.link_gbps * static_cast<double>(bytes) / (static_cast<double>(bytes) + packets * headers);
    const tally_counters after = counters();
    row.retransmits = after.device_retransmits - before.device_retransmits;
    row.timeouts = after.device_timeouts - before.device_timeouts;
    row.frames_lost = frames_lost() - lost_before;
    row.cpu_work = after.cpu_matches + after.cpu_reduced_bytes + after.cpu_copied_bytes - before.cpu_matches -
                   before.cpu_reduced_bytes - before.cpu_copied_bytes;
    return row;
  }

  [[nodiscard]] static sim::FabricConfig config_of(const MessagesOptions& options, double loss) {
    auto config = options.config.empty() ? sim::FabricConfig() : sim::FabricConfig::from_file(options.config);
    config.loss = loss;
    return config;
  }

 private:
  /// Bytes from one message's place in the buffer to the next.
  static std::uint64_t stride(std::uint64_t bytes) { return std::max<std::uint64_t>((bytes + 63) / 64 * 64, 64); }

  /// Keeps both windows full; true when all is done.
  bool step() {
    std::array<Completion, 64> completions;
    while (received_ < total_ && received_ < receives_done_ + slots_) {
      RecvDescriptor recv;
      recv.buffer = hosts_[1].buffer->base() + received_ % slots_ * stride_;
      recv.length = bytes_;
      recv.key = hosts_[1].key;
      recv.source = 0;
      recv.tag = received_;
      recv.cookie = received_;
      if (!post(hosts_[1].engine->post_recv(recv))) break;
      ++received_;
    }
    // Half a window behind the receives, so that every message meets a posted one.
    while (sent_ < total_ && sent_ < sends_done_ + slots_ && sent_ < receives_done_ + (slots_ + 1) / 2) {
      SendDescriptor send;
      send.buffer = hosts_[0].buffer->base() + sent_ % slots_ * stride_;
      send.length = bytes_;
      send.key = hosts_[0].key;
      send.destination = 1;
      send.tag = sent_;
      send.cookie = sent_;
      if (!post(hosts_[0].engine->post_send(send))) break;
      ++sent_;
    }
    sends_done_ += take(hosts_[0].engine->poll(completions), completions, false);
    receives_done_ += take(hosts_[1].engine->poll(completions), completions, true);
    return sends_done_ == total_ && receives_done_ == total_;
  }

  static bool post(const Status& status) {
    if (status.code() == TALLY_AGAIN) return false;
    require(status, "post");
    return true;
  }

  unsigned take(std::size_t count, const std::array<Completion, 64>& completions, bool receive) {
    for (std::size_t i = 0; i < count; ++i) {
      const Completion& c = completions[i];
      if (c.status != TALLY_OK || (receive && c.length != bytes_)) {
        throw std::runtime_error(fmt::format("{} bytes: {} {} ended with {}, {} bytes", bytes_, receive ? "receive" : "send",
                                             c.cookie, tally_status_name(c.status), c.length));
      }
      if (!receive) continue;
      const std::uint64_t slot = c.cookie % slots_ * stride_;
      if (std::memcmp(hosts_[0].buffer->base() + slot, hosts_[1].buffer->base() + slot, bytes_) != 0)
        throw std::runtime_error(fmt::format("{} bytes: message {} arrived with other bytes", bytes_, c.cookie));
      std::memset(hosts_[1].buffer->base() + slot, 0, bytes_);
      last_ps_ = fabric_.now_ps();
    }
    return static_cast<unsigned>(count);
  }

  [[nodiscard]] tally_counters counters() const {
    tally_counters sum{};
    sum.size = sizeof sum;
    for (const Host& host : hosts_) host.engine->add_counters(sum);
    return sum;
  }
  [[nodiscard]] std::uint64_t frames_lost() const { return fabric_.stats(0).frames_lost + fabric_.stats(1).frames_lost; }

  const MessagesOptions& options_;
  double loss_;
  sim::FabricConfig config_;
  sim::Fabric fabric_;
  std::array<Host, 2> hosts_;
  unsigned slots_ = 0;
  std::uint64_t stride_ = 0;
  std::uint64_t bytes_ = 0;
  unsigned total_ = 0, sent_ = 0, sends_done_ = 0, received_ = 0, receives_done_ = 0;
  std::uint64_t first_ps_ = 0, last_ps_ = 0;
};

nlohmann::ordered_json row_json(const MessagesRow& r) {
  return {{"bytes", r.bytes},
          {"loss", r.loss},
          {"messages", r.messages},
          {"protocol", r.rendezvous ? "rendezvous" : "eager"},
          {"simulated_ns", r.nanoseconds},
          {"messages_per_second", r.rate},
          {"payload_gbps", r.gbps},
          {"link_payload_gbps", r.link_gbps},
          {"ratio_to_link", r.gbps / r.link_gbps},
          {"retransmits", r.retransmits},
          {"timeouts", r.timeouts},
          {"frames_lost", r.frames_lost},
          {"cpu_work", r.cpu_work}};
}

/// Of one loss, in this process.
std::string run_here(const MessagesOptions& options, double loss) {
  nlohmann::ordered_json out;
  out["rows"] = nlohmann::ordered_json::array();
  try {
    Bench bench(options, loss);
    for (const std::uint64_t bytes : options.sizes) out["rows"].push_back(row_json(bench.run(bytes)));
  } catch (const std::exception& error) {
    out["error"] = error.what();
  }
  return out.dump();
}

/// The same in a child; "" when it died.
std::string run_in_child(const MessagesOptions& options, double loss) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error(fmt::format("pipe: {}", std::strerror(errno)));
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error(fmt::format("fork: {}", std::strerror(errno)));
  if (child == 0) {
    close(ends[0]);
    const std::string text = run_here(options, loss);
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t n = write(ends[1], text.data() + at, text.size() - at);
      if (n <= 0) _exit(1);
      at += static_cast<std::size_t>(n);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char block[4096];
  for (;;) {
    const ssize_t n = read(ends[0], block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(block, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : std::string();
}

}  // namespace

MessagesReport run_messages(const MessagesOptions& options) {
  MessagesReport report;
  try {
    report.fabric = fabric_parameters(Bench::config_of(options, 0));
    for (const double loss : options.losses) {
      const std::string text = run_in_child(options, loss);
      if (text.empty()) throw std::runtime_error(fmt::format("the simulation of loss {} ended before its time", loss));
      const auto part = nlohmann::json::parse(text);
      for (const auto& r : part["rows"]) {
        MessagesRow row;
        row.bytes = r["bytes"];
        row.loss = r["loss"];
        row.messages = r["messages"];
        row.rendezvous = r["protocol"] == "rendezvous";
        row.nanoseconds = r["simulated_ns"];
        row.rate = r["messages_per_second"];
        row.gbps = r["payload_gbps"];
        row.link_gbps = r["link_payload_gbps"];
        row.retransmits = r["retransmits"];
        row.timeouts = r["timeouts"];
        row.frames_lost = r["frames_lost"];
        row.cpu_work = r["cpu_work"];
        report.rows.push_back(row);
      }
      if (part.contains("error")) throw std::runtime_error(part["error"].get<std::string>());
    }
  } catch (const std::exception& error) {
    report.error = error.what();
  }
  return report;
}

std::string as_table(const MessagesOptions& options, const MessagesReport& report) {
  const FabricParameters& f = report.fabric;
  std::string text = fmt::format(
      "messages, 2 simulated devices, one direction, window {}, simulated time\n"
      "fabric: link {} Gb/s, one way {} ns, {} bytes a frame beside the headers, PCIe {} Gb/s, DMA read {} ns, clock {} MHz\n\n"
      "   bytes    loss  messages  protocol    million/s   payload Gb/s  of the link  of no loss  sent again  timeouts\n",
      options.window, f.link_gbps, f.one_way_ns(), f.frame_overhead_bytes, f.pcie_gbps, f.dma_read_ns, f.clock_mhz);
  for (const MessagesRow& r : report.rows) {
    std::string against = "-";
    for (const MessagesRow& base : report.rows) {
      if (base.bytes == r.bytes && base.loss == options.losses.front() && r.loss != base.loss)
        against = fmt::format("{:.3f}", r.gbps / base.gbps);
    }
    text += fmt::format("{:>8} {:>7} {:>9}  {:<10} {:>10.2f} {:>14.2f} {:>12.3f} {:>11} {:>11} {:>9}\n", r.bytes, r.loss, r.messages,
                        r.rendezvous ? "rendezvous" : "eager", r.rate / 1e6, r.gbps, r.gbps / r.link_gbps, against,
                        r.retransmits, r.timeouts);
  }
  text += "\n\"of the link\": payload against what the link carries of it once every frame's headers are paid.\n";
  return text;
}

nlohmann::ordered_json as_json(const MessagesOptions& options, const MessagesReport& report) {
  nlohmann::ordered_json out;
  out["bench"] = "messages";
  out["time"] = "simulated";
  out["window"] = options.window;
  out["link_gbps"] = report.fabric.link_gbps;
  out["one_way_ns"] = report.fabric.one_way_ns();
  out["clock_mhz"] = report.fabric.clock_mhz;
  out["rows"] = nlohmann::ordered_json::array();
  for (const MessagesRow& row : report.rows) out["rows"].push_back(row_json(row));
  if (!report.error.empty()) out["error"] = report.error;
  return out;
}

}  // namespace tally::bench
