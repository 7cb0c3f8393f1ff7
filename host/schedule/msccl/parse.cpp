// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/msccl/parse.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <pugixml.hpp>
#include <stdexcept>
#include <string_view>

namespace tally::schedule::msccl {

namespace {

constexpr int kMostGpus = 1024;
constexpr int kMostChunks = 0xffff;
constexpr int kMostBlocks = 255;  // Instruction::dep_lane
constexpr int kMostSteps = 0xffff;

class Fault : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Reader {
 public:
  explicit Reader(const std::string& xml) : xml_(xml) {
    for (std::size_t at = xml.find('\n'); at != std::string::npos; at = xml.find('\n', at + 1))
      breaks_.push_back(at);
  }

  Algorithm read() {
    pugi::xml_document document;
    const pugi::xml_parse_result result = document.load_buffer(xml_.data(), xml_.size());
    if (!result) fail_at(line_at(result.offset), std::string("no XML: ") + result.description());
    pugi::xml_node root;
    for (const pugi::xml_node node : document.children()) {
      if (node.type() != pugi::node_element) continue;
      if (root || std::strcmp(node.name(), "algo") != 0)
        fail(node, std::string("element <") + node.name() + ">, not one <algo>");
      root = node;
    }
    if (!root) fail_at(1, "no element <algo>");
    return algorithm(root);
  }

 private:
  [[nodiscard]] int line_at(std::ptrdiff_t offset) const {
    const auto before = std::lower_bound(breaks_.begin(), breaks_.end(), static_cast<std::size_t>(offset));
    return 1 + static_cast<int>(before - breaks_.begin());
  }
  [[nodiscard]] int line(pugi::xml_node node) const { return line_at(node.offset_debug()); }
  [[noreturn]] static void fail_at(int line, const std::string& text) {
    throw Fault("line " + std::to_string(line) + ": " + text);
  }
  [[noreturn]] void fail(pugi::xml_node node, const std::string& text) const { fail_at(line(node), text); }

  /// Nothing but these attributes and, of elements, this one.
  void expect(pugi::xml_node node, std::initializer_list<std::string_view> attributes,
              const char* child) const {
    for (const pugi::xml_attribute a : node.attributes()) {
      if (std::find(attributes.begin(), attributes.end(), a.name()) == attributes.end())
        fail(node, std::string("<") + node.name() + "> has an unknown attribute " + a.name());
    }
    for (const pugi::xml_node each : node.children()) {
      if (each.type() == pugi::node_comment) continue;
      if (each.type() != pugi::node_element || child == nullptr || std::strcmp(each.name(), child) != 0)
        fail(each.type() == pugi::node_element ? each : node,
             std::string("<") + node.name() + "> holds " +
                 (each.type() == pugi::node_element ? std::string("<") + each.name() + ">" : "text") +
                 (child == nullptr ? "" : std::string(", not <") + child + ">"));
    }
  }

  template <typename Number>
  Number number(pugi::xml_node node, const char* name, Number least, Number most) const {
    const pugi::xml_attribute a = node.attribute(name);
    if (!a) fail(node, std::string("<") + node.name() + "> has no attribute " + name);
    const std::string_view text = a.value();
    Number value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc{} || end != text.data() + text.size() || value < least || value > most)
      fail(node, std::string(name) + "=\"" + std::string(text) + "\" is not a number from " +
                     std::to_string(least) + " to " + std::to_string(most));
    return value;
  }
  template <typename Number>
  Number number_or(pugi::xml_node node, const char* name, Number least, Number most, Number otherwise) const {
    return node.attribute(name) ? number(node, name, least, most) : otherwise;
  }
  std::optional<bool> flag(pugi::xml_node node, const char* name) const {
    if (!node.attribute(name)) return std::nullopt;
    return number(node, name, 0, 1) == 1;
  }

  Collective collective(pugi::xml_node node) const {
    const std::string text = node.attribute("coll").value();
    static constexpr struct {
      const char* name;
      Collective collective;
    } kNames[] = {{"allreduce", Collective::kAllreduce},
                  {"allgather", Collective::kAllgather},
                  {"reduce_scatter", Collective::kReduceScatter},
                  {"reducescatter", Collective::kReduceScatter},
                  {"alltoall", Collective::kAlltoall},
                  {"broadcast", Collective::kBcast},
                  {"bcast", Collective::kBcast},
                  {"reduce", Collective::kReduce},
                  {"gather", Collective::kGather},
                  {"scatter", Collective::kScatter}};
    for (const auto& known : kNames) {
      if (text == known.name) return known.collective;
    }
    fail(node,
         text.empty() ? "<algo> has no attribute coll" : "coll=\"" + text + "\" is no collective of MPI");
  }

  Algorithm algorithm(pugi::xml_node node) {
    expect(node,
           {"name", "proto", "nchannels", "nchunksperloop", "ngpus", "coll", "inplace", "outofplace",
            "minBytes", "maxBytes", "redop", "root", "maxcount", "nthreadblocks", "ld", "chunkld"},
           "gpu");
    Algorithm a;
    a.line = line(node);
    a.name = node.attribute("name").value();
    if (a.name.empty()) a.name = "unnamed";
    a.protocol = node.attribute("proto").value();
    a.collective = collective(node);
    a.chunks_per_loop = number_or(node, "nchunksperloop", 1, kMostChunks, 0);
    a.in_place = flag(node, "inplace");
    a.out_of_place = flag(node, "outofplace");
    constexpr std::uint64_t kAny = ~std::uint64_t{0};
    a.min_bytes = number_or<std::uint64_t>(node, "minBytes", 0, kAny, 0);
    a.max_bytes = number_or<std::uint64_t>(node, "maxBytes", 0, kAny, 0);
    const auto elements = std::distance(node.children("gpu").begin(), node.children("gpu").end());
    gpus_ = number_or(node, "ngpus", 1, kMostGpus,
                      static_cast<int>(std::min<std::ptrdiff_t>(elements, kMostGpus)));
    if (elements != gpus_)
      fail(node,
           "ngpus is " + std::to_string(gpus_) + ", and there are " + std::to_string(elements) + " <gpu>");
    if (node.attribute("root")) a.root = number(node, "root", 0, gpus_ - 1);
    a.gpus.resize(static_cast<std::size_t>(gpus_));
    for (const pugi::xml_node each : node.children("gpu")) {
      expect(each, {"id", "i_chunks", "o_chunks", "s_chunks"}, "tb");
      const int id = number(each, "id", 0, gpus_ - 1);
      Gpu& gpu = a.gpus[static_cast<std::size_t>(id)];
      if (gpu.line != 0) fail(each, "a second <gpu> of id " + std::to_string(id));
      read_gpu(each, id, &gpu);
    }
    return a;
  }

  void read_gpu(pugi::xml_node node, int id, Gpu* gpu) {
    gpu->line = line(node);
    gpu->input_chunks = number(node, "i_chunks", 0, kMostChunks);
    gpu->output_chunks = number(node, "o_chunks", 0, kMostChunks);
    gpu->scratch_chunks = number_or(node, "s_chunks", 0, kMostChunks, 0);
    for (const pugi::xml_node each : node.children("tb")) {
      expect(each, {"id", "send", "recv", "chan"}, "step");
      ThreadBlock block;
      block.line = line(each);
      block.id = number(each, "id", 0, kMostBlocks - 1);
      block.send = number_or(each, "send", -1, gpus_ - 1, -1);
      block.recv = number_or(each, "recv", -1, gpus_ - 1, -1);
      // -1: a thread block without messages, in some files.
      block.channel = number_or(each, "chan", -1, kMostChunks, 0);
      if (block.send == id || block.recv == id)
        fail(each, "a thread block that sends to or receives from its own GPU");
      for (const ThreadBlock& other : gpu->blocks) {
        if (other.id == block.id) fail(each, "a second <tb> of id " + std::to_string(block.id));
        if (other.channel != block.channel) continue;
        if (block.send >= 0 && other.send == block.send)
          fail(each, "sends to gpu " + std::to_string(block.send) + " on channel " +
                         std::to_string(block.channel) + ", as thread block " + std::to_string(other.id) +
                         " does");
        if (block.recv >= 0 && other.recv == block.recv)
          fail(each, "receives from gpu " + std::to_string(block.recv) + " on channel " +
                         std::to_string(block.channel) + ", as thread block " + std::to_string(other.id) +
                         " does");
      }
      for (const pugi::xml_node step : each.children("step")) block.steps.push_back(read_step(step, block));
      if (block.steps.size() > kMostSteps) fail(each, "more than 65535 steps");
      gpu->blocks.push_back(std::move(block));
    }
    std::sort(gpu->blocks.begin(), gpu->blocks.end(),
              [](const ThreadBlock& a, const ThreadBlock& b) { return a.id < b.id; });
  }

  Step read_step(pugi::xml_node node, const ThreadBlock& block) const {
    expect(node, {"s", "type", "srcbuf", "srcoff", "dstbuf", "dstoff", "cnt", "depid", "deps", "hasdep"},
           nullptr);
    Step step;
    step.line = line(node);
    const int expected = static_cast<int>(block.steps.size());
    if (number_or(node, "s", 0, kMostSteps, expected) != expected)
      fail(node, "s=\"" + std::string(node.attribute("s").value()) + "\" where step " +
                     std::to_string(expected) + " of thread block " + std::to_string(block.id) +
                     " should be");
    step.op = operation(node);
    if (sends(step.op) && block.send < 0) fail(node, "a step that sends, in a thread block without send");
    if (receives(step.op) && block.recv < 0)
      fail(node, "a step that receives, in a thread block without recv");
    // hasdep only says that others wait for this step, which their depid says too.
    static_cast<void>(number_or(node, "hasdep", 0, 1, 0));
    step.dep_block = number_or(node, "depid", -1, kMostBlocks - 1, -1);
    step.dep_step = number_or(node, "deps", -1, kMostSteps, -1);
    if (step.dep_block >= 0 && step.dep_step < 0) fail(node, "depid without deps");
    if (step.op == Op::kNop) return step;
    step.count = number_or(node, "cnt", 1, kMostChunks, 1);
    if (reads_src(step.op)) step.src = operand(node, "srcbuf", "srcoff");
    if (writes_dst(step.op)) step.dst = operand(node, "dstbuf", "dstoff");
    return step;
  }

  Op operation(pugi::xml_node node) const {
    static constexpr struct {
      const char* name;
      Op op;
    } kTypes[] = {{"s", Op::kSend},
                  {"r", Op::kRecv},
                  {"rcs", Op::kRecvCopySend},
                  {"rrs", Op::kRecvReduceSend},
                  {"rrc", Op::kRecvReduceCopy},
                  {"rrcs", Op::kRecvReduceCopySend},
                  {"cpy", Op::kCopy},
                  {"re", Op::kReduce},
                  {"nop", Op::kNop}};
    const std::string text = node.attribute("type").value();
    for (const auto& known : kTypes) {
      if (text == known.name) return known.op;
    }
    fail(node, "type=\"" + text + "\" is unknown; there are s, r, rcs, rrs, rrc, rrcs, cpy, re, nop");
  }

  Operand operand(pugi::xml_node node, const char* buffer, const char* offset) const {
    const std::string text = node.attribute(buffer).value();
    Operand o;
    if (text == "i" || text == "o" || text == "s") {
      o.buffer = text == "i" ? Buffer::kInput : text == "o" ? Buffer::kOutput : Buffer::kScratch;
    } else {
      fail(node, std::string(buffer) + "=\"" + text + "\" is none of i, o, s");
    }
    o.offset = number(node, offset, 0, kMostChunks);
    return o;
  }

  const std::string& xml_;
  std::vector<std::size_t> breaks_;  // where lines end
  int gpus_ = 0;
};

}  // namespace

bool parse(const std::string& xml, Algorithm* out, std::string* error) {
  try {
    *out = Reader(xml).read();
    return true;
  } catch (const Fault& fault) {
    *error = fault.what();
    return false;
  }
}

}  // namespace tally::schedule::msccl
