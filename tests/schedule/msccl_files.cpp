// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/msccl_files.hpp"

#include <fmt/format.h>

namespace tally::test {

namespace {

std::string at(const char* buffer, int chunk) { return fmt::format("{}{}", buffer, chunk); }

std::string attribute(const char* name, const std::string& value) {
  return fmt::format(" {}=\"{}\"", name, value);
}
std::string attribute(const char* name, int value) { return attribute(name, std::to_string(value)); }

std::string operand(const char* buffer, const char* offset, const std::string& place) {
  if (place.empty()) return attribute(buffer, "i") + attribute(offset, -1);
  return attribute(buffer, place.substr(0, 1)) + attribute(offset, place.substr(1));
}

}  // namespace

std::string xml_of(const std::string& collective, int chunks, const std::vector<XmlGpu>& gpus,
                   const std::string& attributes) {
  std::string out = "<algo name=\"test\" proto=\"Simple\" nchannels=\"1\"" +
                    attribute("nchunksperloop", chunks) + attribute("ngpus", static_cast<int>(gpus.size())) +
                    attribute("coll", collective) + " " + attributes + ">\n";
  for (std::size_t g = 0; g < gpus.size(); ++g) {
    out += " <gpu" + attribute("id", static_cast<int>(g)) + attribute("i_chunks", gpus[g].inputs) +
           attribute("o_chunks", gpus[g].outputs) + attribute("s_chunks", gpus[g].scratch) + ">\n";
    for (std::size_t b = 0; b < gpus[g].blocks.size(); ++b) {
      const XmlBlock& block = gpus[g].blocks[b];
      out += "  <tb" + attribute("id", static_cast<int>(b)) + attribute("send", block.send) +
             attribute("recv", block.recv) + attribute("chan", block.channel) + ">\n";
      for (std::size_t k = 0; k < block.steps.size(); ++k) {
        const XmlStep& s = block.steps[k];
        out += "   <step" + attribute("s", static_cast<int>(k)) + attribute("type", s.type) +
               operand("srcbuf", "srcoff", s.src) + operand("dstbuf", "dstoff", s.dst) +
               attribute("cnt", s.count) + attribute("depid", s.dep_block) + attribute("deps", s.dep_step) +
               attribute("hasdep", 0) + "/>\n";
      }
      out += "  </tb>\n";
    }
    out += " </gpu>\n";
  }
  return out + "</algo>\n";
}

std::string xml_ring(int ranks, int channels) {
  std::vector<XmlGpu> gpus;
  for (int g = 0; g < ranks; ++g) {
    XmlGpu gpu{ranks * channels, ranks * channels, 0, {}};
    for (int c = 0; c < channels; ++c) {
      XmlBlock block{(g + 1) % ranks, (g + ranks - 1) % ranks, c, {}};
      for (int s = 0; s <= 2 * ranks - 2; ++s) {
        const int chunk = (g + 2 * ranks - s) % ranks * channels + c;
        const char* type = s == 0              ? "s"
                           : s < ranks - 1     ? "rrs"
                           : s == ranks - 1    ? "rrcs"
                           : s < 2 * ranks - 2 ? "rcs"
                                               : "r";
        block.steps.push_back({type, at("i", chunk), at("o", chunk)});
      }
      gpu.blocks.push_back(std::move(block));
    }
    gpus.push_back(std::move(gpu));
  }
  return xml_of("allreduce", ranks * channels, gpus, "inplace=\"1\" outofplace=\"1\"");
}

std::string xml_allpairs(int ranks, int channels) {
  std::vector<XmlGpu> gpus;
  for (int g = 0; g < ranks; ++g) {
    XmlGpu gpu{ranks * channels, 0, (ranks - 1) * channels, {}};
    const auto block_of = [&](int peer, int c) { return (peer - (peer > g ? 1 : 0)) * channels + c; };
    const int first = g == 0 ? 1 : 0;
    for (int peer = 0; peer < ranks; ++peer) {
      if (peer == g) continue;
      for (int c = 0; c < channels; ++c) {
        const int own = g * channels + c;
        XmlBlock block{peer, peer, c, {}};
        block.steps.push_back({"s", at("i", peer * channels + c), "s0"});
        block.steps.push_back({"r", "i0", at("s", block_of(peer, c))});
        int sum_block = -1;
        int sum_step = -1;
        if (peer == first) {
          block.steps.push_back({"re", at("s", block_of(peer, c)), at("i", own)});
          for (int other = 0; other < ranks; ++other) {
            if (other == g || other == first) continue;
            block.steps.push_back(
                {"re", at("s", block_of(other, c)), at("i", own), 1, block_of(other, c), 1});
          }
        } else {
          sum_block = block_of(first, c);
          sum_step = ranks;
        }
        block.steps.push_back({"s", at("i", own), at("i", own), 1, sum_block, sum_step});
        block.steps.push_back({"r", "", at("i", peer * channels + c)});
        gpu.blocks.push_back(std::move(block));
      }
    }
    gpus.push_back(std::move(gpu));
  }
  return xml_of("allreduce", ranks * channels, gpus,
                "inplace=\"1\" outofplace=\"0\" minBytes=\"512\" maxBytes=\"40960\"");
}

std::string xml_allgather(int ranks, int parts) {
  std::vector<XmlGpu> gpus;
  for (int g = 0; g < ranks; ++g) {
    XmlGpu gpu{parts, ranks * parts, 0, {{-1, -1, 0, {{"cpy", "i0", at("o", g * parts), parts}}}}};
    for (int peer = 0; peer < ranks; ++peer) {
      if (peer == g) continue;
      gpu.blocks.push_back(
          {peer, peer, 0, {{"s", "i0", at("o", g * parts), parts}, {"r", "", at("o", peer * parts), parts}}});
    }
    gpus.push_back(std::move(gpu));
  }
  return xml_of("allgather", ranks * parts, gpus, "inplace=\"0\"");
}

std::string xml_alltoall(int ranks, int parts) {
  std::vector<XmlGpu> gpus;
  for (int g = 0; g < ranks; ++g) {
    XmlGpu gpu{ranks * parts,
               ranks * parts,
               0,
               {{-1, -1, 0, {{"cpy", at("i", g * parts), at("o", g * parts), parts}}}}};
    for (int peer = 0; peer < ranks; ++peer) {
      if (peer == g) continue;
      gpu.blocks.push_back({peer,
                            peer,
                            0,
                            {{"s", at("i", peer * parts), at("o", g * parts), parts},
                             {"r", "", at("o", peer * parts), parts}}});
    }
    gpus.push_back(std::move(gpu));
  }
  return xml_of("alltoall", ranks * parts, gpus, "inplace=\"0\"");
}

std::string xml_alltoall_in_place(int ranks) {
  std::vector<XmlGpu> gpus;
  for (int g = 0; g < ranks; ++g) {
    XmlGpu gpu{ranks, ranks, 0, {}};
    for (int peer = 0; peer < ranks; ++peer) {
      if (peer != g)
        gpu.blocks.push_back({peer, peer, 0, {{"s", at("i", peer), ""}, {"r", "", at("i", peer)}}});
    }
    gpus.push_back(std::move(gpu));
  }
  return xml_of("alltoall", ranks, gpus, "inplace=\"1\"");
}

std::string xml_reduce_scatter(int ranks, int parts) {
  std::vector<XmlGpu> gpus;
  for (int g = 0; g < ranks; ++g) {
    XmlGpu gpu{ranks * parts, parts, 0, {}};
    for (int peer = 0; peer < ranks; ++peer) {
      if (peer == g) continue;
      // Sums follow each other, thread block by thread block.
      const int before = static_cast<int>(gpu.blocks.size()) - 1;
      const std::string sum = before < 0 ? at("i", g * parts) : "o0";
      gpu.blocks.push_back({peer,
                            peer,
                            0,
                            {{"s", at("i", peer * parts), "", parts},
                             {"rrc", sum, "o0", parts, before, before < 0 ? -1 : 1}}});
    }
    gpus.push_back(std::move(gpu));
  }
  return xml_of("reducescatter", ranks * parts, gpus, "inplace=\"0\" outofplace=\"1\"");
}

std::string xml_broadcast(int ranks, int root, int chunks) {
  std::vector<XmlGpu> gpus(static_cast<std::size_t>(ranks));
  for (int v = 0; v < ranks; ++v) {
    const int g = (root + v) % ranks;
    XmlGpu& gpu = gpus[static_cast<std::size_t>(g)];
    gpu = {chunks, chunks, 0, {}};
    for (int c = 0; c < chunks; ++c) {
      XmlBlock block{v + 1 < ranks ? (g + 1) % ranks : -1, v > 0 ? (g + ranks - 1) % ranks : -1, c, {}};
      if (v == 0) {
        if (ranks > 1) block.steps.push_back({"s", at("i", c), at("o", c)});
      } else {
        block.steps.push_back({v + 1 < ranks ? "rcs" : "r", "", at("o", c)});
      }
      gpu.blocks.push_back(std::move(block));
    }
  }
  return xml_of("broadcast", chunks, gpus, fmt::format("root=\"{}\"", root));
}

}  // namespace tally::test
